/** Topics: make, describe, enlarge, delete. */

import { until } from '../../platform/clock.ts'
import { createPartitions } from '../../protocol/apis/create-partitions.ts'
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { deleteTopics } from '../../protocol/apis/delete-topics.ts'
import { metadata } from '../../protocol/apis/metadata.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseOf } from '../../protocol/schema/message.ts'
import { formatUuid, zeroUuid } from '../../protocol/uuid.ts'
import { topicUnknown } from '../cluster.ts'
import { answerError, checkAnswer } from '../errors.ts'
import { type AdminContext, askAny, askController } from './context.ts'

export interface NewTopic {
  readonly topic: string
  /** The broker's default if not given. */
  readonly partitions?: number
  /** The broker's default if not given. */
  readonly replicationFactor?: number
  /** Brokers per partition, in place of the two above. */
  readonly assignment?: readonly (readonly number[])[]
  readonly configs?: Readonly<Record<string, string>>
}

export interface TopicDescription {
  readonly topic: string
  /** 22 characters of base64url; all `A` when the broker has no topic ids. */
  readonly topicId: string
  readonly internal: boolean
  readonly partitions: readonly {
    readonly partition: number
    /** -1 while there is none. */
    readonly leader: number
    readonly leaderEpoch: number
    readonly replicas: readonly number[]
    readonly inSyncReplicas: readonly number[]
    readonly offlineReplicas: readonly number[]
  }[]
}

export interface TopicAdmin {
  /**
   * Makes topics and waits until a broker tells of them.
   * @throws MR_TOPIC_EXISTS (unless `ignoreExisting`), MR_TOPIC_NAME_INVALID, MR_KAFKA
   */
  createTopics(topics: readonly NewTopic[], options?: CreateTopicsOptions): Promise<void>
  /** @throws MR_KAFKA with UNKNOWN_TOPIC_OR_PARTITION for a topic that does not exist */
  deleteTopics(topics: readonly string[]): Promise<void>
  /** Enlarges topics to so many partitions in all. */
  createPartitions(topics: readonly { readonly topic: string; readonly partitions: number }[]): Promise<void>
  /** All topics, without internal ones unless asked for. */
  listTopics(options?: { readonly internal?: boolean }): Promise<readonly TopicDescription[]>
  /** @throws MR_TOPIC_UNKNOWN */
  describeTopics(topics: readonly string[]): Promise<readonly TopicDescription[]>
  /** The number of partitions of every topic, internal ones too. */
  partitionCounts(): Promise<ReadonlyMap<string, number>>
}

export interface CreateTopicsOptions {
  /** A topic that is there already is left as it is. */
  readonly ignoreExisting?: boolean
  /** Only checks whether they could be made. */
  readonly validateOnly?: boolean
}

type TopicAnswer = ResponseOf<typeof metadata>['topics'][number]

const BROKER_DEFAULT = -1
/** From here on topics are deleted by name or id. */
const LISTED_FROM_VERSION = 6

export function topicAdmin(context: AdminContext): TopicAdmin {
  const describe = async (topics: readonly string[] | null): Promise<readonly TopicAnswer[]> => {
    const answer = await askAny(context, 'describing topics', (connection) =>
      connection.send(metadata, {
        topics: topics === null ? null : topics.map((name) => ({ name })),
        allowAutoTopicCreation: false,
      }),
    )
    return answer.topics
  }
  const listTopics: TopicAdmin['listTopics'] = async (options = {}) => {
    const topics = (await describe(null)).map(descriptionOf)
    return topics
      .filter(({ internal }) => !internal || options.internal === true)
      .sort((a, b) => (a.topic < b.topic ? -1 : 1))
  }
  return {
    createTopics: (topics, options = {}) => create(context, topics, options),
    deleteTopics: (topics) => remove(context, topics),
    createPartitions: (topics) => enlarge(context, topics),
    listTopics,
    async describeTopics(topics) {
      const found = await describe(topics)
      for (const { name, errorCode } of found) {
        if (errorCode === ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION) throw topicUnknown(name ?? '')
        checkAnswer(errorCode, 'describe a topic', name === null ? {} : { topic: name })
      }
      return found.map(descriptionOf)
    },
    async partitionCounts() {
      const topics = await listTopics({ internal: true })
      return new Map(topics.map(({ topic, partitions }) => [topic, partitions.length]))
    },
  }
}

async function create(
  context: AdminContext,
  topics: readonly NewTopic[],
  options: CreateTopicsOptions,
): Promise<void> {
  if (topics.length === 0) return
  const { cluster, timeoutMs } = context
  await askController(context, 'creating topics', async (connection) => {
    const answer = await connection.send(createTopics, {
      topics: topics.map((one) => ({
        name: one.topic,
        numPartitions: one.assignment === undefined ? (one.partitions ?? BROKER_DEFAULT) : BROKER_DEFAULT,
        replicationFactor:
          one.assignment === undefined ? (one.replicationFactor ?? BROKER_DEFAULT) : BROKER_DEFAULT,
        assignments: (one.assignment ?? []).map((brokerIds, partitionIndex) => ({
          partitionIndex,
          brokerIds,
        })),
        configs: Object.entries(one.configs ?? {}).map(([name, value]) => ({ name, value })),
      })),
      timeoutMs,
      validateOnly: options.validateOnly ?? false,
    })
    for (const { name, errorCode, errorMessage } of answer.topics) {
      if (errorCode === ErrorCodes.TOPIC_ALREADY_EXISTS && options.ignoreExisting === true) continue
      checkAnswer(errorCode, 'create a topic', { topic: name, broker: connection.broker }, errorMessage)
    }
  })
  if (options.validateOnly === true) return
  // The controller has decided; brokers learn of it a moment later.
  const names = topics.map(({ topic }) => topic)
  const hasLeaders = (name: string): boolean =>
    cluster.metadata.topics.get(name)?.partitions.every(({ leader }) => leader >= 0) === true
  const visible = async (): Promise<boolean> => {
    await cluster.refresh(names)
    return names.every(hasLeaders)
  }
  await until(cluster.platform.clock, visible, {
    what: 'the brokers know the new topics',
    timeoutMs,
    intervalMs: 20,
  })
}

async function remove(context: AdminContext, topics: readonly string[]): Promise<void> {
  if (topics.length === 0) return
  const { cluster, timeoutMs } = context
  await askController(context, 'deleting topics', async (connection) => {
    const listed = connection.versions.choose(deleteTopics) >= LISTED_FROM_VERSION
    const answer = await connection.send(deleteTopics, {
      topics: listed ? topics.map((name) => ({ name, topicId: zeroUuid })) : [],
      topicNames: topics,
      timeoutMs,
    })
    for (const { name, errorCode, errorMessage } of answer.responses) {
      const place = { ...(name === null ? {} : { topic: name }), broker: connection.broker }
      checkAnswer(errorCode, 'delete a topic', place, errorMessage)
    }
  })
  const isGone = async (): Promise<boolean> => {
    await cluster.refresh(topics)
    return !topics.some((topic) => cluster.metadata.topics.has(topic))
  }
  const { clock } = cluster.platform
  await until(clock, isGone, { what: 'the brokers have deleted the topics', timeoutMs, intervalMs: 20 })
}

async function enlarge(
  context: AdminContext,
  topics: readonly { readonly topic: string; readonly partitions: number }[],
): Promise<void> {
  if (topics.length === 0) return
  const { cluster, timeoutMs } = context
  await askController(context, 'adding partitions', async (connection) => {
    const answer = await connection.send(createPartitions, {
      topics: topics.map(({ topic, partitions }) => ({ name: topic, count: partitions, assignments: null })),
      timeoutMs,
      validateOnly: false,
    })
    for (const { name, errorCode, errorMessage } of answer.results) {
      if (errorCode === ErrorCodes.NONE) continue
      throw answerError(errorCode, 'add partitions', { topic: name, broker: connection.broker }, errorMessage)
    }
  })
  const isLarge = async (): Promise<boolean> => {
    await cluster.refresh(topics.map(({ topic }) => topic))
    return topics.every(({ topic, partitions }) => {
      const known = cluster.metadata.topics.get(topic)?.partitions
      return known !== undefined && known.length >= partitions && known.every(({ leader }) => leader >= 0)
    })
  }
  const { clock } = cluster.platform
  await until(clock, isLarge, { what: 'the brokers know the new partitions', timeoutMs, intervalMs: 20 })
}

function descriptionOf(answer: TopicAnswer): TopicDescription {
  return {
    topic: answer.name ?? '',
    topicId: formatUuid(answer.topicId),
    internal: answer.isInternal,
    partitions: answer.partitions
      .map((one) => ({
        partition: one.partitionIndex,
        leader: one.leaderId,
        leaderEpoch: one.leaderEpoch,
        replicas: one.replicaNodes,
        inSyncReplicas: one.isrNodes,
        offlineReplicas: one.offlineReplicas,
      }))
      .sort((a, b) => a.partition - b.partition),
  }
}
