/**
 * Where the coordinators keep their state: the internal topics `__consumer_offsets` and `__transaction_state`,
 * made when they are first needed. A key belongs to the partition that Kafka would choose.
 */
import { invariant } from '../core/invariant.ts'
import { partitionName } from '../core/record.ts'
import type { Clock } from '../platform/clock.ts'
import { ErrorCodes, kafkaError } from '../protocol/error-codes.ts'
import type { BrokerSettings } from './config/broker-settings.ts'
import { CoordinatorLog } from './coordinator-log.ts'
import type { TopicPlan } from './topics/topic-creation.ts'
import type { Topics } from './topics/topics.ts'

export const GROUP_TOPIC = '__consumer_offsets'
export const TRANSACTION_TOPIC = '__transaction_state'

/** Topics that clients may read but not write. */
export const internalTopics: ReadonlySet<string> = new Set([GROUP_TOPIC, TRANSACTION_TOPIC])

/** Java's String.hashCode, by which Kafka spreads keys over the partitions of its internal topics. */
export function javaHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

function partitionOf(key: string, count: number): number {
  const hash = javaHash(key)
  // As in Kafka, the one number without a positive counterpart counts as 0.
  return hash === -0x8000_0000 ? 0 : Math.abs(hash) % count
}

/** How an internal topic is made. */
export function internalTopicPlan(name: string, settings: BrokerSettings): TopicPlan {
  invariant(internalTopics.has(name), 'only internal topics are planned here')
  const forGroups = name === GROUP_TOPIC
  const segmentBytes = forGroups
    ? settings['offsets.topic.segment.bytes']
    : settings['transaction.state.log.segment.bytes']
  return {
    name,
    partitionCount: forGroups
      ? settings['offsets.topic.num.partitions']
      : settings['transaction.state.log.num.partitions'],
    overrides: new Map([
      ['cleanup.policy', 'compact'],
      ['compression.type', 'producer'],
      ['segment.bytes', String(segmentBytes)],
    ]),
  }
}

export class Coordinators {
  private readonly topics: Topics
  private readonly settings: BrokerSettings
  private readonly clock: Clock
  /** By topic; undefined for a partition that is offline. */
  private readonly logs = new Map<string, readonly (CoordinatorLog | undefined)[]>()

  constructor(topics: Topics, settings: BrokerSettings, clock: Clock) {
    this.topics = topics
    this.settings = settings
    this.clock = clock
  }

  /** The log that keeps a group. @throws COORDINATOR_NOT_AVAILABLE, and what making the topic throws */
  groupLog(groupId: string): CoordinatorLog {
    return this.logFor(GROUP_TOPIC, groupId)
  }

  /** The partition of `__consumer_offsets` that keeps a group. */
  groupPartition(groupId: string): number {
    return partitionOf(groupId, this.logsOf(GROUP_TOPIC).length)
  }

  /** The log that keeps a transactional id. @throws as `groupLog` */
  transactionLog(transactionalId: string): CoordinatorLog {
    return this.logFor(TRANSACTION_TOPIC, transactionalId)
  }

  /** The logs of an internal topic that exists already. */
  present(name: string): readonly { readonly partition: number; readonly log: CoordinatorLog }[] {
    if (this.topics.find(name) === undefined) return []
    return this.logsOf(name).flatMap((log, partition) => (log === undefined ? [] : [{ partition, log }]))
  }

  /** Can every partition of an internal topic be read? Also when the topic does not exist yet. */
  isWhole(name: string): boolean {
    if (this.topics.find(name) === undefined) return true
    return this.logsOf(name).every((log) => log !== undefined && log.partition.log.fault === undefined)
  }

  private logFor(name: string, key: string): CoordinatorLog {
    const logs = this.logsOf(name)
    const partition = partitionOf(key, logs.length)
    const log = logs[partition]
    if (log !== undefined && log.partition.log.fault === undefined) return log
    // Half of the state would be worse than none: clients wait until the log is mended.
    throw kafkaError(ErrorCodes.COORDINATOR_NOT_AVAILABLE, partitionName(name, partition))
  }

  private logsOf(name: string): readonly (CoordinatorLog | undefined)[] {
    const known = this.logs.get(name)
    if (known !== undefined) return known
    const topic = this.topics.find(name) ?? this.topics.create(internalTopicPlan(name, this.settings))
    const logs = Array.from({ length: topic.partitionCount }, (_, index) => {
      const partition = topic.partition(index)
      return partition === undefined ? undefined : new CoordinatorLog(partition, this.clock)
    })
    this.logs.set(name, logs)
    return logs
  }
}
