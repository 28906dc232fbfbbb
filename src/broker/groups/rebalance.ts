/**
 * The join phase of a classic group: when it begins, when it ends, and who is in the next generation.
 *
 * 1. `prepare` asks all members to join again (they learn of it by their next heartbeat). Members that wait for
 *    an assignment are sent back at once.
 * 2. The phase ends when all have joined and no handed-out id is open, or after the longest rebalance timeout.
 *    An empty group instead waits `group.initial.rebalance.delay.ms`, again while new members come.
 * 3. `complete` removes dynamic members that have not come (static ones keep their place), starts a generation
 *    and answers every JoinGroup.
 */
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ClassicMember } from './classic-member.ts'
import { joinRefused, syncRefused } from './classic-member.ts'
import type { ClassicGroup } from './membership.ts'

export interface RebalanceSettings {
  readonly initialDelayMs: number
  nowMs(): number
  /** The group has no members any more: that is to be kept. */
  emptied(group: ClassicGroup): void
}

export class Rebalance {
  private readonly settings: RebalanceSettings

  constructor(settings: RebalanceSettings) {
    this.settings = settings
  }

  /** Members or their metadata changed. */
  membersChanged(group: ClassicGroup): void {
    if (group.state === 'PreparingRebalance') this.completeIfAllJoined(group)
    else if (group.state !== 'Dead') this.prepare(group)
  }

  /** Ends the join phase if nobody else is waited for. */
  completeIfAllJoined(group: ClassicGroup): void {
    const waitsForFirst = group.initialDelayLeftMs !== undefined
    if (group.state === 'PreparingRebalance' && !waitsForFirst && group.allJoined) this.complete(group)
  }

  /** The join phase lasted as long as it may. */
  timedOut(group: ClassicGroup): void {
    if (group.state !== 'PreparingRebalance') return
    const leftMs = group.initialDelayLeftMs
    if (leftMs !== undefined && leftMs > 0 && group.newMemberAdded) this.waitForFirst(group, leftMs)
    else this.complete(group)
  }

  /** Removes a member; whoever waits for an answer to it is told. */
  removeMember(group: ClassicGroup, member: ClassicMember): void {
    member.answerJoin?.(joinRefused(ErrorCodes.UNKNOWN_MEMBER_ID, member.id))
    member.answerJoin = undefined
    member.answerSync?.(syncRefused(ErrorCodes.UNKNOWN_MEMBER_ID))
    member.answerSync = undefined
    group.remove(member)
    this.membersChanged(group)
  }

  private prepare(group: ClassicGroup): void {
    if (group.state === 'CompletingRebalance') sendBack(group)
    group.syncPhase.clear()
    const first = group.state === 'Empty'
    group.transition('rebalance', this.settings.nowMs())
    if (first) this.waitForFirst(group, group.rebalanceTimeoutMs)
    else if (group.allJoined) this.complete(group)
    else group.joinPhase.set(group.rebalanceTimeoutMs)
  }

  private waitForFirst(group: ClassicGroup, leftMs: number): void {
    const delayMs = Math.min(this.settings.initialDelayMs, leftMs)
    group.newMemberAdded = false
    group.initialDelayLeftMs = leftMs - delayMs
    if (delayMs > 0) group.joinPhase.set(delayMs)
    else this.complete(group)
  }

  private complete(group: ClassicGroup): void {
    group.joinPhase.clear()
    group.initialDelayLeftMs = undefined
    for (const member of [...group.members]) {
      if (member.answerJoin === undefined && member.instanceId === null) group.remove(member)
    }
    if (group.size > 0 && !group.electLeader()) {
      // Only static members that have not come back: they keep their places for another round.
      group.joinPhase.set(group.rebalanceTimeoutMs)
      return
    }
    group.startGeneration(this.settings.nowMs())
    if (group.size === 0) this.settings.emptied(group)
    else answerJoins(group)
  }
}

/** Those that wait for an assignment have to join again instead. */
function sendBack(group: ClassicGroup): void {
  for (const member of group.members) {
    member.answerSync?.(syncRefused(ErrorCodes.REBALANCE_IN_PROGRESS))
    member.answerSync = undefined
  }
}

function answerJoins(group: ClassicGroup): void {
  const views = group.views()
  for (const member of [...group.members]) {
    const answer = member.answerJoin
    member.answerJoin = undefined
    member.isNew = false
    group.awaitedSyncs.add(member.id)
    member.session.set(member.sessionTimeoutMs)
    answer?.({
      errorCode: ErrorCodes.NONE,
      memberId: member.id,
      generation: group.generation,
      protocolType: group.protocolType,
      protocolName: group.protocolName,
      leaderId: group.leaderId ?? '',
      skipAssignment: false,
      members: member.id === group.leaderId ? views : [],
    })
  }
  group.syncPhase.set(group.rebalanceTimeoutMs)
}
