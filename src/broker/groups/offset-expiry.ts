/**
 * Forgets committed offsets that nobody will come back for (KIP-211), and groups that have none left.
 *
 * 1. An offset with a time of its own (old clients) expires then.
 * 2. A group without members: its offsets expire a retention after it became empty; those of a group that never
 *    had members (a consumer that only commits) a retention after their commit.
 * 3. A group with members keeps the offsets of the topics it reads; others expire a retention after their commit.
 * Offsets with an open transaction stay.
 */
import type { Group, GroupRegister } from './group-register.ts'
import { CONSUMER_PROTOCOL_TYPE } from './membership.ts'
import type { OffsetCommits } from './offset-commits.ts'
import type { CommittedOffset, Offsets } from './offsets.ts'

export interface OffsetExpiryOptions {
  readonly register: GroupRegister
  readonly offsets: Offsets
  readonly commits: OffsetCommits
  readonly retentionMs: number
  /** @throws what the log throws */
  readonly removeGroup: (group: Group) => void
}

export class OffsetExpiry {
  private readonly options: OffsetExpiryOptions

  constructor(options: OffsetExpiryOptions) {
    this.options = options
  }

  /** @throws what the log throws: the next run tries again */
  run(nowMs: number): void {
    const { register, offsets, commits, removeGroup } = this.options
    for (const group of [...register.all]) {
      const expired: { topic: string; partition: number }[] = []
      for (const [topic, partitions] of offsets.ofGroup(group.id)) {
        for (const [partition, committed] of partitions) {
          if (offsets.isPending(group.id, topic, partition)) continue
          if (this.isExpired(group, topic, committed, nowMs)) expired.push({ topic, partition })
        }
      }
      commits.remove(group.id, expired)
      if (isUnused(group) && !offsets.has(group.id)) removeGroup(group)
    }
  }

  private isExpired(group: Group, topic: string, committed: CommittedOffset, nowMs: number): boolean {
    if (committed.expireMs >= 0) return nowMs >= committed.expireMs
    const since = sinceMs(group, topic, committed)
    return since !== undefined && nowMs - since >= this.options.retentionMs
  }
}

/** Nobody is in the group or on the way into it. */
function isUnused(group: Group): boolean {
  return group.state === 'Empty' && (group.kind === 'consumer' || group.pendingCount === 0)
}

/** From when the retention of an offset counts; undefined while it is in use. */
function sinceMs(group: Group, topic: string, committed: CommittedOffset): number | undefined {
  if (group.kind === 'consumer') {
    if (group.size === 0) return Math.max(group.emptySinceMs, committed.commitMs)
    return group.mayRead(topic) ? undefined : committed.commitMs
  }
  if (group.protocolType === null) return committed.commitMs
  if (group.state === 'Empty') return Math.max(group.stateSinceMs, committed.commitMs)
  const readable = group.state === 'Stable' && group.protocolType === CONSUMER_PROTOCOL_TYPE
  return readable && !group.mayRead(topic) ? committed.commitMs : undefined
}
