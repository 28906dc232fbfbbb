/** Where a delivery stands in each partition that it has: committed, and behind what it has taken. */
import type { OffsetToCommit } from '../client/group-metadata.ts'
import { invariant } from '../core/invariant.ts'
import { partitionName, type TopicPartition } from '../core/record.ts'
import type { FetchedPartition } from './transport.ts'

interface PartitionOffsets {
  readonly topic: string
  readonly partition: number
  /** From here on records are to be taken again after a failure. */
  base: number
  /** Behind the last record that was taken. */
  next: number
  end: number
}

export class DeliveryOffsets {
  private readonly partitions = new Map<string, PartitionOffsets>()

  /** Something was fetched, and is going to be taken. */
  fetched({ topic, partition, fetchOffset, highWatermark }: FetchedPartition): void {
    const name = partitionName(topic, partition)
    const known = this.partitions.get(name)
    if (known !== undefined) known.end = highWatermark
    else
      this.partitions.set(name, {
        topic,
        partition,
        base: fetchOffset,
        next: fetchOffset,
        end: highWatermark,
      })
  }

  /** It was taken. */
  taken({ topic, partition, nextOffset }: FetchedPartition): void {
    const known = this.partitions.get(partitionName(topic, partition))
    invariant(known !== undefined, 'a partition is fetched before it is taken')
    known.next = nextOffset
  }

  /** Partitions begin anew at their next fetch. */
  forget(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.partitions.delete(partitionName(topic, partition))
  }

  /** What is to be committed. */
  pending(): readonly OffsetToCommit[] {
    return [...this.partitions.values()]
      .filter(({ base, next }) => next > base)
      .map(({ topic, partition, next }) => ({ topic, partition, offset: next }))
  }

  committed(offsets: readonly OffsetToCommit[]): void {
    for (const { topic, partition, offset } of offsets) {
      const known = this.partitions.get(partitionName(topic, partition))
      if (known !== undefined) known.base = offset
    }
  }

  /** Everything that is not committed is to be taken again. Returns from where. */
  rewind(): readonly OffsetToCommit[] {
    for (const offsets of this.partitions.values()) offsets.next = offsets.base
    return [...this.partitions.values()].map(({ topic, partition, base }) => ({
      topic,
      partition,
      offset: base,
    }))
  }

  next(name: string): number | undefined {
    return this.partitions.get(name)?.next
  }

  /** Records that are in the topics and were not taken, as far as is known. */
  lagRecords(): number {
    let lag = 0
    for (const { next, end } of this.partitions.values()) lag += Math.max(0, end - next)
    return lag
  }
}
