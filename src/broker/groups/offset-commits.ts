/**
 * OffsetCommit, TxnOffsetCommit, OffsetFetch and OffsetDelete: who may move the offsets of a group, and how they
 * are kept.
 *
 * A commit is in `__consumer_offsets` before it counts. One inside a transaction counts when the transaction's
 * marker is written to the same partition; until then readers that ask for stable offsets have to wait.
 */
import type { AppendResult } from '../../log/log-types.ts'
import type { Clock } from '../../platform/clock.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { coordinatorCode } from '../coordinator-error.ts'
import type { CoordinatorLog } from '../coordinator-log.ts'
import { type CommitClaim, classicCommitFault, consumerCommitFault } from './commit-claim.ts'
import { offsetRecord, offsetTombstone } from './group-records.ts'
import type { Group, GroupRegister } from './group-register.ts'
import type { ClassicGroup } from './membership.ts'
import type { CommittedOffset, Offsets } from './offsets.ts'

export interface OffsetToCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly leaderEpoch: number
  readonly metadata: string | null
  /** When old clients want it forgotten; -1 for the retention of the broker. */
  readonly expireMs: number
}

export interface CommittingProducer {
  readonly id: number
  readonly epoch: number
}

export interface OffsetCommitsOptions {
  readonly clock: Clock
  readonly register: GroupRegister
  readonly offsets: Offsets
  readonly metadataBytesMax: number
  readonly logOf: (groupId: string) => CoordinatorLog
  readonly makeGroup: (groupId: string) => ClassicGroup
  /** A commit shows that its member lives. */
  readonly touch: (group: Group, memberId: string) => void
}

export class OffsetCommits {
  private readonly options: OffsetCommitsOptions

  constructor(options: OffsetCommitsOptions) {
    this.options = options
  }

  /** Returns an error code for each offset, in their order. */
  commit(
    groupId: string,
    claim: CommitClaim,
    offsets: readonly OffsetToCommit[],
    producer?: CommittingProducer,
  ): readonly number[] | Promise<readonly number[]> {
    const all = (code: number): readonly number[] => offsets.map(() => code)
    let fault: number | undefined
    try {
      // A group that is not known may be one that cannot be read.
      if (this.options.register.find(groupId) === undefined) this.options.logOf(groupId)
      fault = this.claimFault(groupId, claim)
    } catch (error) {
      fault = coordinatorCode(error)
    }
    if (fault !== undefined) return all(fault)
    const { metadataBytesMax } = this.options
    const tooLong = ({ metadata }: OffsetToCommit): boolean =>
      metadata !== null && Buffer.byteLength(metadata) > metadataBytesMax
    const good = offsets.filter((offset) => !tooLong(offset))
    const answer = (code: number): readonly number[] =>
      offsets.map((offset) => (tooLong(offset) ? ErrorCodes.OFFSET_METADATA_TOO_LARGE : code))
    if (good.length === 0) return answer(ErrorCodes.NONE)
    try {
      const settled = this.write(groupId, good, producer)
      this.makeSureOfGroup(groupId, claim)
      if (settled === undefined) return answer(ErrorCodes.NONE)
      return settled.then(
        () => answer(ErrorCodes.NONE),
        (error: unknown) => answer(coordinatorCode(error)),
      )
    } catch (error) {
      return answer(coordinatorCode(error))
    }
  }

  /** Takes offsets away: of a deleted topic, or because they expired. @throws what the log throws */
  remove(groupId: string, names: readonly { readonly topic: string; readonly partition: number }[]): void {
    if (names.length === 0) return
    const log = this.options.logOf(groupId)
    log.append(names.map(({ topic, partition }) => offsetTombstone({ group: groupId, topic, partition })))
    for (const { topic, partition } of names) this.options.offsets.remove(groupId, topic, partition)
  }

  private claimFault(groupId: string, claim: CommitClaim): number | undefined {
    const group = this.options.register.find(groupId)
    if (group === undefined) {
      if (claim.generation < 0) return undefined
      return claim.knowsConsumerGroups ? ErrorCodes.GROUP_ID_NOT_FOUND : ErrorCodes.ILLEGAL_GENERATION
    }
    return group.kind === 'classic' ? classicCommitFault(group, claim) : consumerCommitFault(group, claim)
  }

  private write(
    groupId: string,
    offsets: readonly OffsetToCommit[],
    producer: CommittingProducer | undefined,
  ): Promise<void> | undefined {
    const { clock, logOf } = this.options
    const log = logOf(groupId)
    const commitMs = clock.nowMs()
    const entries = offsets.map((offset) => ({
      name: { group: groupId, topic: offset.topic, partition: offset.partition },
      committed: {
        offset: offset.offset,
        leaderEpoch: offset.leaderEpoch,
        metadata: offset.metadata ?? '',
        commitMs,
        expireMs: offset.expireMs,
      },
    }))
    const records = entries.map(({ name, committed }) => offsetRecord(name, committed))
    const result: AppendResult = log.append(records, producer)
    entries.forEach(({ name, committed }, i) => {
      const kept: CommittedOffset = { ...committed, logOffset: result.baseOffset + i }
      if (producer === undefined) this.options.offsets.commit(groupId, name.topic, name.partition, kept)
      else this.options.offsets.addPending(producer.id, groupId, name.topic, name.partition, kept)
    })
    return log.settled(result)
  }

  private makeSureOfGroup(groupId: string, claim: CommitClaim): void {
    const { register, makeGroup, touch } = this.options
    const group = register.find(groupId)
    if (group === undefined) register.add(makeGroup(groupId))
    else if (claim.memberId !== '') touch(group, claim.memberId)
  }
}
