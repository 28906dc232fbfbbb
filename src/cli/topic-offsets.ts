import { type IsolationLevel, lookUpOffsets, type OffsetTime } from '../client/cluster/list-offsets.ts'
import type { Cluster } from '../client/cluster.ts'
import { partitionName, type TopicPartition } from '../core/record.ts'

/** Looks up offsets of partitions, by `partitionName`. */
export async function offsetsAt(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  at: OffsetTime,
  isolation: IsolationLevel = 'read_uncommitted',
): Promise<ReadonlyMap<string, number>> {
  const request = { lane: cluster.control, timeoutMs: cluster.requestTimeoutMs }
  const wanted = partitions.map(({ topic, partition }) => ({ topic, partition, at }))
  const found = await lookUpOffsets(cluster, request, wanted, isolation)
  return new Map([...found].map(([name, { offset }]) => [name, offset]))
}

export interface PartitionOffsets extends TopicPartition {
  readonly startOffset: number
  readonly endOffset: number
}

/** Where partitions start and end; those that have no leader are left out. */
export async function boundsOf(
  cluster: Cluster,
  partitions: readonly (TopicPartition & { readonly leader: number })[],
): Promise<ReadonlyMap<string, PartitionOffsets>> {
  const led = partitions.filter(({ leader }) => leader >= 0)
  if (led.length === 0) return new Map()
  const [starts, ends] = await Promise.all([
    offsetsAt(cluster, led, 'earliest'),
    offsetsAt(cluster, led, 'latest'),
  ])
  return new Map(
    led.map(({ topic, partition }) => {
      const name = partitionName(topic, partition)
      return [name, { topic, partition, startOffset: starts.get(name) ?? 0, endOffset: ends.get(name) ?? 0 }]
    }),
  )
}
