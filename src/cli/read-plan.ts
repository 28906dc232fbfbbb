/** Which offsets of which partitions `consume` reads, worked out before the first record. */
import type { IsolationLevel, OffsetTime } from '../client/cluster/list-offsets.ts'
import type { Cluster } from '../client/cluster.ts'
import { partitionName, type TopicPartition } from '../core/record.ts'
import { type OffsetPoint, type OffsetRange, resolveOffset } from './offset-language.ts'
import { offsetsAt } from './topic-offsets.ts'

export interface PlannedPartition extends TopicPartition {
  readonly from: number
  /** The first offset that is not read; none when reading goes on with what comes. */
  readonly to: number
}

export interface PlanOptions {
  readonly range: OffsetRange
  readonly isolation: IsolationLevel
  /** Goes on behind the present end, unless the range has an end. */
  readonly follow: boolean
}

/** @throws MR_TOPIC_UNKNOWN, MR_KAFKA, MR_TIMEOUT */
export async function planReading(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  { range, isolation, follow }: PlanOptions,
): Promise<readonly PlannedPartition[]> {
  const lookUp = (at: OffsetTime): Promise<ReadonlyMap<string, number>> =>
    offsetsAt(cluster, partitions, at, isolation)
  const times = [range.from, range.to].filter((point) => point?.at === 'time')
  const [starts, ends, atTimes] = await Promise.all([
    lookUp('earliest'),
    lookUp('latest'),
    Promise.all(times.map(async ({ timestampMs }) => [timestampMs, await lookUp(timestampMs)] as const)),
  ])
  const byTime = new Map(atTimes)
  return partitions.map(({ topic, partition }) => {
    const name = partitionName(topic, partition)
    const endOffset = ends.get(name) ?? 0
    const bounds = (point: OffsetPoint): number =>
      resolveOffset(point, {
        startOffset: starts.get(name) ?? 0,
        endOffset,
        offsetAt: (timestampMs) => byTime.get(timestampMs)?.get(name) ?? -1,
      })
    const last = range.to === undefined ? endOffset : bounds(range.to)
    const to = follow && range.to === undefined ? Number.POSITIVE_INFINITY : last
    return { topic, partition, from: bounds(range.from), to }
  })
}
