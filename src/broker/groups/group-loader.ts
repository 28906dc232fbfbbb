/** Rebuilds groups and offsets from `__consumer_offsets` at start. */
import type { CoordinatorLog } from '../coordinator-log.ts'
import { type KeptGroup, readGroupRecord } from './group-records.ts'
import type { Offsets } from './offsets.ts'

export class GroupLoader {
  private readonly offsets: Offsets
  private readonly partitionOf: (groupId: string) => number

  constructor(offsets: Offsets, partitionOf: (groupId: string) => number) {
    this.offsets = offsets
    this.partitionOf = partitionOf
  }

  /** `add` is called once per group, with what was kept of it; undefined when it only has offsets. */
  load(
    logs: readonly { readonly partition: number; readonly log: CoordinatorLog }[],
    add: (groupId: string, kept: KeptGroup | undefined) => void,
  ): void {
    const kept = new Map<string, KeptGroup>()
    for (const { partition, log } of logs) this.replay(partition, log, kept)
    for (const [groupId, group] of kept) add(groupId, group)
    for (const groupId of this.offsets.groupIds) if (!kept.has(groupId)) add(groupId, undefined)
  }

  private replay(partition: number, log: CoordinatorLog, kept: Map<string, KeptGroup>): void {
    const { offsets } = this
    log.replay({
      marker: ({ producerId, commit }) => {
        offsets.decide(producerId, commit, (group) => this.partitionOf(group) === partition)
      },
      record: ({ key, value, offset, transactionProducerId }) => {
        const record = readGroupRecord(key, value)
        if (record === undefined) return
        if (record.kind === 'offset') {
          const { group, topic, partition: number } = record.name
          if (record.committed === null) {
            offsets.remove(group, topic, number)
            return
          }
          const committed = { ...record.committed, logOffset: offset }
          if (transactionProducerId < 0) offsets.commit(group, topic, number, committed)
          else offsets.addPending(transactionProducerId, group, topic, number, committed)
        } else if (record.kind === 'classic') {
          if (record.kept === null) kept.delete(record.group)
          else kept.set(record.group, record.kept)
        } else if (record.epoch === null) kept.delete(record.group)
        else kept.set(record.group, keptOfEpoch(record.epoch))
      },
    })
  }
}

/** A group of the consumer protocol comes back without members, so without a protocol: only its epoch counts. */
function keptOfEpoch(epoch: number): KeptGroup {
  return { protocolType: '', generation: epoch, protocolName: null, leaderId: null, stateSinceMs: -1 }
}
