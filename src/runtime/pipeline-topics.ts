/**
 * Makes the topics that a pipeline needs, with the right number of partitions, before it starts.
 *
 * 1. The user's source topics must exist; their partition counts are given.
 * 2. Going down the sub-topologies: a repartition topic gets as many partitions as the sources that it is joined
 *    with, or as many as its writers have tasks. Sources that a keyed operator reads together must agree. A broadcast
 *    topic gets as many as there are tasks that read it.
 * 3. Changelogs have one partition per task; result topics that are missing get one per task as well.
 */

import type { Admin } from '../client/admin/admin.ts'
import { MillraceError } from '../core/errors.ts'
import type { PhysicalPlan, PlannedSource, SubTopology } from '../plan/plan.ts'
import { taskCount } from './task-assignor.ts'

export interface TopicToCreate {
  readonly topic: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

/**
 * The pipeline's own topics must take what its inputs take, with some headers or a time marker more, and at whatever time
 * a record says: one batch that is refused stops the pipeline. A record's bytes may have been compressed in its topic.
 */
const ownTopic = { 'max.message.bytes': '67108864', 'message.timestamp.after.max.ms': '9223372036854775807' }
const compacted = { ...ownTopic, 'cleanup.policy': 'compact' }
/**
 * Repartition records are needed until they are processed, however long that takes, and purged then; small segments
 * let that free their space soon. Kafka Streams' settings.
 */
const untilPurged = {
  ...ownTopic,
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'segment.bytes': '52428800',
}

/**
 * The partition count of every topic of a plan, and the topics that are missing.
 *
 * @param existing partition counts of the topics that are there
 * @throws MR_TOPIC_UNKNOWN for a missing source, MR_PLAN_NOT_COPARTITIONED
 */
export function planTopics(
  plan: PhysicalPlan,
  existing: ReadonlyMap<string, number>,
): { readonly counts: ReadonlyMap<string, number>; readonly missing: readonly TopicToCreate[] } {
  const counts = new Map(existing)
  const missing: TopicToCreate[] = []
  const want = (topic: string, partitions: number, configs: Readonly<Record<string, string>>): void => {
    if (counts.has(topic)) return
    counts.set(topic, partitions)
    missing.push({ topic, partitions, configs })
  }
  for (const part of plan.subTopologies) {
    for (const source of part.sources)
      if (!source.internal && !counts.has(source.topic)) throw unknownSource(plan, source)
  }
  sizeRepartitionTopics(plan, counts, want)
  for (const part of plan.subTopologies) {
    for (const group of part.copartitioned) checkCopartitioned(plan, group, counts)
    const tasks = taskCount(part, counts)
    for (const store of part.stores) want(store.changelogTopic, tasks, compacted)
    for (const sink of part.sinks) if (!sink.internal) want(sink.topic, tasks, {})
  }
  want(plan.deadLetterTopic, 1, ownTopic)
  want(plan.lateTopic, 1, ownTopic)
  return { counts, missing }
}

type Want = (topic: string, partitions: number, configs: Readonly<Record<string, string>>) => void

/** Repeats until no count is open: a topic may depend on one that a later sub-topology writes. */
function sizeRepartitionTopics(plan: PhysicalPlan, counts: Map<string, number>, want: Want): void {
  const writers = new Map<string, SubTopology>()
  for (const part of plan.subTopologies)
    for (const sink of part.sinks) if (sink.internal) writers.set(sink.topic, part)
  let open = [...writers.keys()].filter((topic) => !counts.has(topic))
  while (open.length > 0) {
    const before = open.length
    for (const topic of open) {
      const size = isBroadcastTopic(plan, topic)
        ? broadcastTo(plan, topic, counts)
        : (askedFor(plan, topic) ??
          joinedWith(plan, topic, counts) ??
          writersTasks(writers.get(topic) as SubTopology, counts))
      if (size !== undefined) want(topic, size, untilPurged)
    }
    open = open.filter((topic) => !counts.has(topic))
    if (open.length === before) {
      throw new MillraceError('MR_PLAN_INVALID', `pipeline "${plan.pipeline}" feeds ${open[0]} from itself`)
    }
  }
}

/** Whether a source is a broadcast topic, which follows the number of the tasks that read it. */
function isBroadcast({ node }: PlannedSource): boolean {
  return node.kind === 'repartition' && node.broadcast === true
}

function isBroadcastTopic(plan: PhysicalPlan, topic: string): boolean {
  return plan.subTopologies.some(({ sources }) =>
    sources.some((source) => source.topic === topic && isBroadcast(source)),
  )
}

/** The tasks that read a broadcast topic: the partitions of the widest of the other sources beside it. */
function broadcastTo(
  plan: PhysicalPlan,
  topic: string,
  counts: ReadonlyMap<string, number>,
): number | undefined {
  const part = plan.subTopologies.find(({ sources }) => sources.some((source) => source.topic === topic))
  const others = part?.sources.filter((source) => !isBroadcast(source)) ?? []
  let widest = 1
  for (const { topic: other } of others) {
    const size = counts.get(other)
    if (size === undefined) return undefined
    widest = Math.max(widest, size)
  }
  return widest
}

/** The partitions that the user asked for with `repartition`. */
function askedFor(plan: PhysicalPlan, topic: string): number | undefined {
  for (const { sinks } of plan.subTopologies) {
    for (const { node } of sinks)
      if (node.kind === 'repartition' && node.topic === topic) return node.partitions
  }
  return undefined
}

/** The partitions of the user's topics that a repartition topic is read together with. */
function joinedWith(
  plan: PhysicalPlan,
  topic: string,
  counts: ReadonlyMap<string, number>,
): number | undefined {
  for (const part of plan.subTopologies) {
    for (const group of part.copartitioned) {
      if (!group.some((source) => source.topic === topic)) continue
      const external = group.find((source) => !source.internal)
      if (external !== undefined) return counts.get(external.topic)
      const sized = group.find((source) => counts.has(source.topic))
      if (sized !== undefined) return counts.get(sized.topic)
    }
  }
  return undefined
}

function writersTasks(writer: SubTopology, counts: ReadonlyMap<string, number>): number | undefined {
  return writer.sources.every((source) => counts.has(source.topic)) ? taskCount(writer, counts) : undefined
}

function checkCopartitioned(
  plan: PhysicalPlan,
  group: readonly PlannedSource[],
  counts: ReadonlyMap<string, number>,
): void {
  const [first, ...others] = group
  for (const other of others) {
    const a = counts.get(first!.topic)
    const b = counts.get(other.topic)
    if (a === b) continue
    throw new MillraceError(
      'MR_PLAN_NOT_COPARTITIONED',
      `pipeline "${plan.pipeline}" reads ${first!.topic} (${a} partitions) and ${other.topic} (${b}) by key together`,
      {
        hint: 'Give both topics the same number of partitions, or put .selectKey() before the join to move one.',
      },
    )
  }
}

function unknownSource(plan: PhysicalPlan, source: PlannedSource): MillraceError {
  return new MillraceError(
    'MR_TOPIC_UNKNOWN',
    `pipeline "${plan.pipeline}" reads topic "${source.topic}", which does not exist`,
    {
      hint: `Check its name, name it under "topics" in the configuration, or run \`millrace topics create ${source.topic}\`.`,
      context: { topic: source.topic },
    },
  )
}

/** Looks up what exists, creates what is missing, and returns the partition count of every topic. */
export async function prepareTopics(plan: PhysicalPlan, admin: Admin): Promise<ReadonlyMap<string, number>> {
  const existing = await admin.partitionCounts()
  const { counts, missing } = planTopics(plan, existing)
  if (missing.length > 0) {
    await admin.createTopics(
      missing.map(({ topic, partitions, configs }) => ({ topic, partitions, configs })),
      { ignoreExisting: true },
    )
  }
  return counts
}
