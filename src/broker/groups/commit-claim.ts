/** Who may commit offsets for a group: its members of the present generation, and anybody while it is empty. */
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { claimFault } from './classic-protocol.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ClassicGroup } from './membership.ts'

/** Who a commit says it is by. */
export interface CommitClaim {
  readonly memberId: string
  readonly instanceId: string | null
  /** Generation of a classic group, member epoch of a consumer group; negative when there is none. */
  readonly generation: number
  readonly transactional: boolean
  /** The version of the request knows the errors of consumer groups (OffsetCommit v9 on). */
  readonly knowsConsumerGroups: boolean
}

export function classicCommitFault(group: ClassicGroup, claim: CommitClaim): number | undefined {
  const { memberId, instanceId, generation, transactional } = claim
  if (generation < 0 && group.state === 'Empty') return undefined
  if (generation >= 0 || memberId !== '' || instanceId !== null) {
    const fault = claimFault(group, memberId, instanceId)
    if (fault !== undefined) return fault
    if (generation !== group.generation) return ErrorCodes.ILLEGAL_GENERATION
  } else if (!transactional) {
    // A group with members: only they may commit, and this is none of them.
    return ErrorCodes.UNKNOWN_MEMBER_ID
  }
  const completing = group.state === 'CompletingRebalance'
  return completing && !transactional ? ErrorCodes.REBALANCE_IN_PROGRESS : undefined
}

export function consumerCommitFault(group: ConsumerGroup, claim: CommitClaim): number | undefined {
  const { memberId, generation, knowsConsumerGroups, transactional } = claim
  if (generation < 0 && group.size === 0) return undefined
  // Old transactional clients do not say who they are.
  if (transactional && generation < 0 && memberId === '') return undefined
  const member = group.member(memberId)
  if (member === undefined) return ErrorCodes.UNKNOWN_MEMBER_ID
  if (!knowsConsumerGroups && !transactional) return ErrorCodes.UNSUPPORTED_VERSION
  if (generation === member.epoch) return undefined
  return knowsConsumerGroups ? ErrorCodes.STALE_MEMBER_EPOCH : ErrorCodes.ILLEGAL_GENERATION
}
