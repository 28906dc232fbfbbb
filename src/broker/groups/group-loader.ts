/** Rebuilds groups and offsets from `__consumer_offsets` at start. */
import type { CoordinatorLog, ReplayedRecord } from '../coordinator-log.ts'
import { consumerGroupOf, noteWritten, type WrittenRecords } from './consumer-group-records.ts'
import { type KeptGroup, readGroupRecord } from './group-records.ts'
import type { Offsets } from './offsets.ts'

/** What is told of the groups that are found; of each group once. */
export interface FoundGroups {
  classic(groupId: string, kept: KeptGroup): void
  consumer(groupId: string, written: WrittenRecords): void
  /** A group that only has offsets. */
  bare(groupId: string): void
}

export class GroupLoader {
  private readonly offsets: Offsets
  private readonly partitionOf: (groupId: string) => number
  private readonly classic = new Map<string, KeptGroup>()
  private readonly consumer = new Map<string, WrittenRecords>()

  constructor(offsets: Offsets, partitionOf: (groupId: string) => number) {
    this.offsets = offsets
    this.partitionOf = partitionOf
  }

  load(
    logs: readonly { readonly partition: number; readonly log: CoordinatorLog }[],
    found: FoundGroups,
  ): void {
    for (const { partition, log } of logs) this.replay(partition, log)
    for (const [groupId, written] of this.consumer) {
      if (!this.classic.has(groupId) && written.size > 0) found.consumer(groupId, written)
    }
    for (const [groupId, kept] of this.classic) found.classic(groupId, kept)
    for (const groupId of this.offsets.groupIds) {
      if (!this.classic.has(groupId) && !this.consumer.get(groupId)?.size) found.bare(groupId)
    }
  }

  private replay(partition: number, log: CoordinatorLog): void {
    log.replay({
      marker: ({ producerId, commit }) => {
        this.offsets.decide(producerId, commit, (group) => this.partitionOf(group) === partition)
      },
      record: (record) => this.take(record),
    })
  }

  private take({ key, value, offset, transactionProducerId }: ReplayedRecord): void {
    const { offsets } = this
    const consumerGroup = consumerGroupOf(key)
    if (consumerGroup !== undefined) {
      noteWritten(this.writtenOf(consumerGroup), [{ key, value }])
      return
    }
    const record = readGroupRecord(key, value)
    if (record === undefined) return
    if (record.kind === 'classic') {
      if (record.kept === null) this.classic.delete(record.group)
      else this.classic.set(record.group, record.kept)
      return
    }
    const { group, topic, partition } = record.name
    if (record.committed === null) {
      offsets.remove(group, topic, partition)
      return
    }
    const committed = { ...record.committed, logOffset: offset }
    if (transactionProducerId < 0) offsets.commit(group, topic, partition, committed)
    else offsets.addPending(transactionProducerId, group, topic, partition, committed)
  }

  private writtenOf(groupId: string): WrittenRecords {
    let written = this.consumer.get(groupId)
    if (written === undefined) {
      written = new Map()
      this.consumer.set(groupId, written)
    }
    return written
  }
}
