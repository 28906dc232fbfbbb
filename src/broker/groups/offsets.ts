/**
 * Committed offsets of all groups, in memory.
 *
 * An offset that is committed inside a transaction is pending until the marker of that transaction comes: then it
 * takes effect, unless a later commit has overtaken it in the log, or is dropped. The same rules hold while the
 * log is replayed at start, so memory always equals the log.
 */

export interface CommittedOffset {
  readonly offset: bigint
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitMs: number
  /** Given by old clients; -1 for the retention of the broker. */
  readonly expireMs: number
  /** Where the commit stands in `__consumer_offsets`. */
  readonly logOffset: number
}

type ByPartition<T> = Map<string, Map<number, T>>

/** Groups × partitions that one transaction has committed offsets for. */
interface PendingOffsets {
  readonly groups: Map<string, ByPartition<CommittedOffset>>
}

class GroupOffsets {
  readonly committed: ByPartition<CommittedOffset> = new Map()
  /** How many transactions have pending offsets of a partition. */
  readonly pendingCounts: ByPartition<number> = new Map()
}

function entry<T>(from: ByPartition<T>, topic: string): Map<number, T> {
  let numbers = from.get(topic)
  if (numbers === undefined) {
    numbers = new Map()
    from.set(topic, numbers)
  }
  return numbers
}

function removeEntry<T>(from: ByPartition<T>, topic: string, partition: number): boolean {
  const numbers = from.get(topic)
  if (numbers === undefined || !numbers.delete(partition)) return false
  if (numbers.size === 0) from.delete(topic)
  return true
}

export class Offsets {
  private readonly groups = new Map<string, GroupOffsets>()
  /** By producer id. */
  private readonly pending = new Map<number, PendingOffsets>()

  get groupIds(): IterableIterator<string> {
    return this.groups.keys()
  }

  /** True when the group has offsets, committed or pending. */
  has(group: string): boolean {
    return this.groups.has(group)
  }

  get(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.groups.get(group)?.committed.get(topic)?.get(partition)
  }

  /** All committed offsets of a group, by topic and partition. */
  ofGroup(group: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.groups.get(group)?.committed ?? new Map()
  }

  isPending(group: string, topic: string, partition: number): boolean {
    return (this.groups.get(group)?.pendingCounts.get(topic)?.get(partition) ?? 0) > 0
  }

  hasPending(group: string): boolean {
    return (this.groups.get(group)?.pendingCounts.size ?? 0) > 0
  }

  commit(group: string, topic: string, partition: number, committed: CommittedOffset): void {
    const offsets = this.offsetsOf(group)
    const present = offsets.committed.get(topic)?.get(partition)
    if (present !== undefined && present.logOffset > committed.logOffset) return
    entry(offsets.committed, topic).set(partition, committed)
  }

  /** Takes an offset away. Returns whether it was there. */
  remove(group: string, topic: string, partition: number): boolean {
    const offsets = this.groups.get(group)
    if (offsets === undefined) return false
    const removed = removeEntry(offsets.committed, topic, partition)
    this.forgetIfEmpty(group, offsets)
    return removed
  }

  /** Keeps an offset until the producer's transaction is decided. */
  addPending(
    producerId: number,
    group: string,
    topic: string,
    partition: number,
    committed: CommittedOffset,
  ): void {
    let pending = this.pending.get(producerId)
    if (pending === undefined) {
      pending = { groups: new Map() }
      this.pending.set(producerId, pending)
    }
    let ofGroup = pending.groups.get(group)
    if (ofGroup === undefined) {
      ofGroup = new Map()
      pending.groups.set(group, ofGroup)
    }
    const numbers = entry(ofGroup, topic)
    if (!numbers.has(partition)) {
      const counts = entry(this.offsetsOf(group).pendingCounts, topic)
      counts.set(partition, (counts.get(partition) ?? 0) + 1)
    }
    numbers.set(partition, committed)
  }

  /**
   * The producer's transaction is decided. `concerns` says which groups the marker is for: those of the
   * partition of `__consumer_offsets` that it was written to.
   */
  decide(producerId: number, commit: boolean, concerns: (group: string) => boolean): void {
    const pending = this.pending.get(producerId)
    if (pending === undefined) return
    for (const [group, ofGroup] of pending.groups) {
      if (!concerns(group)) continue
      pending.groups.delete(group)
      for (const [topic, numbers] of ofGroup) {
        for (const [partition, committed] of numbers) {
          this.countDown(group, topic, partition)
          if (commit) this.commit(group, topic, partition, committed)
        }
      }
      const offsets = this.groups.get(group)
      if (offsets !== undefined) this.forgetIfEmpty(group, offsets)
    }
    if (pending.groups.size === 0) this.pending.delete(producerId)
  }

  private countDown(group: string, topic: string, partition: number): void {
    const counts = this.offsetsOf(group).pendingCounts
    const left = (counts.get(topic)?.get(partition) ?? 1) - 1
    if (left > 0) entry(counts, topic).set(partition, left)
    else removeEntry(counts, topic, partition)
  }

  private offsetsOf(group: string): GroupOffsets {
    let offsets = this.groups.get(group)
    if (offsets === undefined) {
      offsets = new GroupOffsets()
      this.groups.set(group, offsets)
    }
    return offsets
  }

  private forgetIfEmpty(group: string, offsets: GroupOffsets): void {
    if (offsets.committed.size === 0 && offsets.pendingCounts.size === 0) this.groups.delete(group)
  }
}
