/**
 * What is to be done for each topic, and whether it can be done: compares the topics of both clusters with the
 * positions that earlier runs have left at the target.
 *
 * A partition without a position begins at the source's first record, and only when the target has none: else records
 * would be there twice. One with a position goes on from it, and only when both topics are still the same ones (by
 * their ids, kept with the position).
 */
import { MillraceError } from '../../core/errors.ts'
import { partitionName, type TopicPartition } from '../../core/record.ts'
import { createAdmin } from '../admin/admin.ts'
import type { TopicDescription } from '../admin/topics.ts'
import type { IsolationLevel } from '../cluster/list-offsets.ts'
import type { Cluster } from '../cluster.ts'
import { type CommittedOffset, createConsumer } from '../consumer/consumer.ts'
import type { OffsetToCommit } from '../group-metadata.ts'
import type { MirrorNames } from './mirror-names.ts'
import { configsToCarry, type TopicConfigs } from './topic-configs.ts'

export interface MirrorPartition extends TopicPartition {
  /** The next offset of the source to copy. */
  readonly position: number
  /** Where the source's committed records ended when it was asked. */
  readonly sourceEnd: number
  /** Nothing was copied yet: the position is to be written down first. */
  readonly isNew: boolean
  /** Records that the source deleted before they were copied. */
  readonly missedRecords: number
}

export interface MirrorTopic {
  readonly topic: string
  readonly sourceId: string
  /** Undefined while the target has no such topic. */
  readonly targetId: string | undefined
  readonly partitions: readonly MirrorPartition[]
  readonly configs: TopicConfigs
  /** The largest batch that the source takes; undefined when it does not tell. */
  readonly batchBytesMax: number | undefined
}

interface Bounds {
  readonly start: number
  readonly committedEnd: number
  readonly end: number
}

interface Refusal {
  readonly topic: string
  /** Goes on after the topic's name. */
  readonly reason: string
  readonly hint: string
}

export interface PlanRequest {
  readonly source: Cluster
  readonly target: Cluster
  readonly names: MirrorNames
  readonly topics: readonly string[]
  /** Waits for a transaction with positions that is not decided; one that a mirror left open only `init` ends. */
  readonly decided: boolean
}

/** @throws MR_TOPIC_UNKNOWN, MR_MIRROR_REFUSED naming all topics that cannot be mirrored */
export async function planMirror(request: PlanRequest): Promise<MirrorTopic[]> {
  const { source, target, names, topics, decided } = request
  if (topics.length === 0) return []
  const admin = createAdmin(source)
  const [described, configs, all] = await Promise.all([
    admin.describeTopics(topics),
    admin.describeConfigs(topics.map((name) => ({ type: 'topic', name }))),
    createAdmin(target).listTopics({ internal: true }),
  ])
  const wanted = new Set(topics)
  const there = new Map(all.filter(({ topic }) => wanted.has(topic)).map((one) => [one.topic, one]))
  const [sourceBounds, targetBounds, positions] = await Promise.all([
    boundsOf(source, described),
    boundsOf(target, [...there.values()]),
    readPositions(target, { group: names.group, decided }, [...there.values()].flatMap(partitionsOf)),
  ])
  const refusals: Refusal[] = []
  const planned = described.map((one): MirrorTopic => {
    const { topic } = one
    const entries = configs.find(({ name }) => name === topic)?.configs ?? []
    const existing = there.get(topic)
    const refusal = existing === undefined ? undefined : partitionsDiffer(one, existing)
    if (refusal !== undefined) refusals.push(refusal)
    const partitions = partitionsOf(one).map((at): MirrorPartition => {
      const name = partitionName(topic, at.partition)
      const partition = planPartition(at, {
        source: sourceBounds.get(name)!,
        target: targetBounds.get(name),
        ids: { source: one.topicId, target: existing?.topicId },
        committed: positions.get(name),
      })
      if (!('reason' in partition)) return partition
      if (refusal === undefined) refusals.push(partition)
      return { ...at, position: 0, sourceEnd: 0, isNew: false, missedRecords: 0 }
    })
    const batchBytesMax = Number(entries.find((entry) => entry.name === 'max.message.bytes')?.value ?? NaN)
    return {
      topic,
      sourceId: one.topicId,
      targetId: existing?.topicId,
      partitions,
      configs: configsToCarry(entries),
      batchBytesMax: Number.isNaN(batchBytesMax) ? undefined : batchBytesMax,
    }
  })
  if (refusals.length > 0) throw refused(refusals)
  return planned
}

/** A position as it is committed at the target. */
export function positionToCommit(
  { topic, partition }: TopicPartition,
  offset: number,
  ids: { readonly source: string; readonly target: string },
): OffsetToCommit {
  return { topic, partition, offset, metadata: `${ids.source} ${ids.target}` }
}

interface PartitionFacts {
  readonly source: Bounds
  /** Undefined when the target has no such partition. */
  readonly target: Bounds | undefined
  readonly ids: { readonly source: string; readonly target: string | undefined }
  readonly committed: CommittedOffset | undefined
}

function planPartition(at: TopicPartition, facts: PartitionFacts): MirrorPartition | Refusal {
  const { committed, ids, source, target } = facts
  const [sourceId, targetId] = committed?.metadata.split(' ') ?? []
  const { topic } = at
  if (committed === undefined || targetId !== ids.target) {
    if (target === undefined || target.start === target.end) {
      return { ...at, position: source.start, sourceEnd: source.committedEnd, isNew: true, missedRecords: 0 }
    }
    const reason = 'has records at the target that no mirror of this cluster has noted'
    const hint =
      'Delete the topic at the target, or leave it out. (A cluster forgets positions after offsets.retention.minutes.)'
    return { topic, reason, hint }
  }
  if (sourceId !== ids.source) {
    const reason = 'was deleted and made anew since it was mirrored'
    return { topic, reason, hint: 'Delete the topic at the target to copy the new one, or leave it out.' }
  }
  if (committed.offset > source.end) {
    const reason = `ends at offset ${source.end} of partition ${at.partition}, but was copied to ${committed.offset}: it has lost records`
    return { topic, reason, hint: 'Delete the topic at the target to copy it anew, or leave it out.' }
  }
  const position = Math.max(committed.offset, source.start)
  return {
    ...at,
    position,
    sourceEnd: source.committedEnd,
    isNew: false,
    missedRecords: position - committed.offset,
  }
}

function partitionsDiffer(here: TopicDescription, there: TopicDescription): Refusal | undefined {
  const { topic } = here
  const [wanted, found] = [here.partitions.length, there.partitions.length]
  if (wanted === found) return undefined
  return {
    topic,
    reason: `has ${wanted} partitions, and ${found} at the target`,
    hint:
      found < wanted
        ? `Give it as many at the target: \`millrace topics alter ${topic} --partitions ${wanted} --brokers …\`.`
        : 'Records keep their partition numbers: delete the topic at the target, or leave it out.',
  }
}

function refused(refusals: readonly Refusal[]): MillraceError {
  const distinct = [...new Map(refusals.map((one) => [one.topic, one])).values()]
  const [first] = distinct as [Refusal]
  const message =
    distinct.length === 1
      ? `topic "${first.topic}" ${first.reason}`
      : `${distinct.length} topics cannot be mirrored: ${distinct.map(({ topic, reason }) => `"${topic}" ${reason}`).join('; ')}`
  return new MillraceError('MR_MIRROR_REFUSED', message, {
    hint: first.hint,
    context: { topics: distinct.map(({ topic }) => topic).join(', ') },
  })
}

function partitionsOf({ topic, partitions }: TopicDescription): readonly TopicPartition[] {
  return partitions.map(({ partition }) => ({ topic, partition }))
}

async function boundsOf(
  cluster: Cluster,
  topics: readonly TopicDescription[],
): Promise<ReadonlyMap<string, Bounds>> {
  const admin = createAdmin(cluster)
  const partitions = topics.flatMap(partitionsOf)
  if (partitions.length === 0) return new Map()
  const ask = (at: 'earliest' | 'latest', isolation: IsolationLevel): ReturnType<typeof admin.listOffsets> =>
    admin.listOffsets(partitions, { at, isolation })
  const [starts, committed, ends] = await Promise.all([
    ask('earliest', 'read_uncommitted'),
    ask('latest', 'read_committed'),
    ask('latest', 'read_uncommitted'),
  ])
  return new Map(
    partitions.map(({ topic, partition }) => {
      const name = partitionName(topic, partition)
      const of = (offsets: typeof starts): number => offsets.get(name)?.offset ?? 0
      return [name, { start: of(starts), committedEnd: of(committed), end: of(ends) }]
    }),
  )
}

async function readPositions(
  target: Cluster,
  { decided, group }: { readonly group: string; readonly decided: boolean },
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, CommittedOffset>> {
  const consumer = createConsumer(target, {
    group,
    isolation: decided ? 'read_committed' : 'read_uncommitted',
  })
  try {
    return await consumer.committed(partitions)
  } finally {
    await consumer.close()
  }
}
