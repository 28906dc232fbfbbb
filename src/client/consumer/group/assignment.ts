/**
 * Puts assignments into effect: the partitions of the table change, and the user's callbacks learn of it.
 *
 * A partition is held while a callback about it runs: nothing of it is fetched or polled. So `onAssigned` may seek
 * before the first record is read, and nothing comes of a partition after `onRevoked` has begun.
 */
import { partitionName, type TopicPartition } from '../../../core/record.ts'
import type { Clock } from '../../../platform/clock.ts'
import { AssignedPartition } from '../assigned-partition.ts'
import type { PartitionTable } from '../partition-table.ts'

export interface SubscriptionCallbacks {
  /** Partitions were added. They are read once this has returned; it may seek. */
  onAssigned?(partitions: readonly TopicPartition[]): void | Promise<void>
  /** Partitions are about to be given up: the last moment to commit them. They go once this has returned. */
  onRevoked?(partitions: readonly TopicPartition[]): void | Promise<void>
  /** Partitions belong to others already: nothing can be committed. Without it `onRevoked` is called. */
  onLost?(partitions: readonly TopicPartition[]): void | Promise<void>
}

export class Assignment {
  callbacks: SubscriptionCallbacks = {}
  private readonly table: PartitionTable
  private readonly clock: Clock
  private readonly onChanged: () => void

  constructor(parts: {
    readonly table: PartitionTable
    readonly clock: Clock
    readonly onChanged: () => void
  }) {
    this.table = parts.table
    this.clock = parts.clock
    this.onChanged = parts.onChanged
  }

  owned(): readonly TopicPartition[] {
    return this.table.list()
  }

  async add(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return
    const nowMs = this.clock.monotonicMs()
    const added = partitions.map(({ topic, partition }) => {
      const one = new AssignedPartition(topic, partition, 'committed', nowMs)
      one.held = true
      this.table.add(one)
      return one
    })
    try {
      await this.callbacks.onAssigned?.(partitions)
    } finally {
      for (const one of added) one.held = false
      this.onChanged()
    }
  }

  async revoke(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return
    this.hold(partitions)
    try {
      await this.callbacks.onRevoked?.(partitions)
    } finally {
      this.table.remove(partitions)
      this.onChanged()
    }
  }

  /** All that is held belongs to others already. */
  async loseAll(): Promise<void> {
    const partitions = this.owned()
    if (partitions.length === 0) return
    this.hold(partitions)
    try {
      const { callbacks } = this
      if (callbacks.onLost !== undefined) await callbacks.onLost(partitions)
      else await callbacks.onRevoked?.(partitions)
    } finally {
      this.table.remove(partitions)
      this.onChanged()
    }
  }

  private hold(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const one = this.table.find(topic, partition)
      if (one === undefined) continue
      one.held = true
      one.data = undefined
    }
  }
}

/** What is in `a` and not in `b`. */
export function without(
  a: readonly TopicPartition[],
  b: readonly TopicPartition[],
): readonly TopicPartition[] {
  const names = new Set(b.map(({ topic, partition }) => partitionName(topic, partition)))
  return a.filter(({ topic, partition }) => !names.has(partitionName(topic, partition)))
}
