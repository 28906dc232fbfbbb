/**
 * The classic group protocol as its requests see it: JoinGroup, SyncGroup, Heartbeat, LeaveGroup.
 *
 * Rules and error codes are those of Kafka's group coordinator: known member ids (KIP-394), static members
 * (KIP-345) with the fencing of their predecessors, protocol names checked on sync (KIP-559), a leader that is
 * told to skip the assignment (KIP-814). Cooperative rebalancing (KIP-429) is bytes to the broker.
 *
 * Everything happens inside the call: no request is half done when the next one is looked at.
 */
import type { Clock } from '../../platform/clock.ts'
import { formatUuid, type Random, randomUuid } from '../../platform/random.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { coordinatorCode } from '../coordinator-error.ts'
import { Deadline } from '../deadline.ts'
import {
  type Assignments,
  assign,
  assignmentOf,
  assignmentsOf,
  type MemberAssignment,
  waitForAssignment,
} from './assignment.ts'
import {
  type ClassicMember,
  emptyAssignment,
  hasProtocols,
  type JoinResult,
  joinRefused,
  type MemberProtocol,
  type SyncResult,
  syncRefused,
} from './classic-member.ts'
import type { KeptGroup } from './group-records.ts'
import { ClassicGroup } from './membership.ts'
import { Rebalance } from './rebalance.ts'

/** How long a member that has never been in a generation may wait for its first one, as in Kafka. */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60_000

export interface JoinRequest {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly MemberProtocol[]
  /** A first join is answered with an id to come back with (v4 on). */
  readonly requiresKnownId: boolean
  /** The leader understands `skipAssignment` (v9 on). */
  readonly canSkipAssignment: boolean
}

/** Who a request says it is. */
export interface MemberClaim {
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
}

export interface SyncRequest extends MemberClaim {
  /** Null in versions that do not say. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: readonly MemberAssignment[]
}

export interface ClassicProtocolOptions {
  readonly clock: Clock
  readonly random: Random
  readonly initialDelayMs: number
  readonly groupSizeMax: number
  /**
   * Keeps what must survive a restart: generation, members, and what they read (if not given, what they read now).
   * Resolves when that is as safe as the topic asks; undefined when it is. @throws when it cannot be written
   */
  readonly keep: (group: ClassicGroup, assignments?: Assignments) => Promise<void> | undefined
}

export class ClassicProtocol {
  private readonly options: ClassicProtocolOptions
  private readonly rebalance: Rebalance

  constructor(options: ClassicProtocolOptions) {
    this.options = options
    this.rebalance = new Rebalance({
      initialDelayMs: options.initialDelayMs,
      nowMs: () => options.clock.nowMs(),
      emptied: (group) => this.tryKeep(group),
    })
  }

  makeGroup(id: string): ClassicGroup {
    const { clock } = this.options
    const group: ClassicGroup = new ClassicGroup(
      id,
      {
        joinPhase: new Deadline(clock, () => this.rebalance.timedOut(group)),
        syncPhase: new Deadline(clock, () => this.expireSyncs(group)),
      },
      clock.nowMs(),
    )
    return group
  }

  /** A group as the log holds it: its members go on where they were, each with a session that begins now. */
  loadGroup(id: string, kept: KeptGroup): ClassicGroup {
    const group = this.makeGroup(id)
    const { protocolName } = kept
    const members = kept.members.map((member): ClassicMember => {
      const { memberId, subscription, ...rest } = member
      const loaded: ClassicMember = {
        ...rest,
        id: memberId,
        protocolType: kept.protocolType,
        protocols: protocolName === null ? [] : [{ name: protocolName, metadata: subscription }],
        answerJoin: undefined,
        answerSync: undefined,
        isNew: false,
        session: new Deadline(this.options.clock, () => this.sessionPassed(group, loaded)),
      }
      return loaded
    })
    group.load(kept, members)
    for (const member of members) this.touch(member)
    if (group.size > this.options.groupSizeMax) this.rebalance.membersChanged(group)
    return group
  }

  /** Takes a member away that cannot come back. */
  expel(group: ClassicGroup, member: ClassicMember): void {
    this.rebalance.removeMember(group, member)
  }

  join(group: ClassicGroup, request: JoinRequest): JoinResult | Promise<JoinResult> {
    const { memberId, instanceId } = request
    if (!this.hasRoomFor(group, memberId)) {
      return joinRefused(ErrorCodes.GROUP_MAX_SIZE_REACHED, '')
    }
    if (!group.supports(request.protocolType, request.protocols)) {
      return joinRefused(ErrorCodes.INCONSISTENT_GROUP_PROTOCOL, memberId)
    }
    if (memberId === '') return this.joinUnknown(group, request)
    if (group.isPending(memberId)) {
      group.removePending(memberId)
      return this.joinAsNew(group, memberId, request)
    }
    const fault = claimFault(group, memberId, instanceId)
    if (fault !== undefined) return joinRefused(fault, memberId)
    return this.joinAgain(group, group.member(memberId)!, request)
  }

  sync(group: ClassicGroup, request: SyncRequest): SyncResult | Promise<SyncResult> {
    const fault = claimFault(group, request.memberId, request.instanceId)
    if (fault !== undefined) return syncRefused(fault)
    if (request.generation !== group.generation) return syncRefused(ErrorCodes.ILLEGAL_GENERATION)
    const sameType = request.protocolType === null || request.protocolType === group.protocolType
    const sameName = request.protocolName === null || request.protocolName === group.protocolName
    if (!sameType || !sameName) return syncRefused(ErrorCodes.INCONSISTENT_GROUP_PROTOCOL)
    const member = group.member(request.memberId)!
    switch (group.state) {
      case 'PreparingRebalance':
        return syncRefused(ErrorCodes.REBALANCE_IN_PROGRESS)
      case 'Stable':
        member.session.set(member.sessionTimeoutMs)
        group.awaitedSyncs.delete(member.id)
        if (group.awaitedSyncs.size === 0) group.syncPhase.clear()
        return assignmentOf(group, member)
      case 'CompletingRebalance':
        return this.syncInPhase(group, member, request)
      default:
        return syncRefused(ErrorCodes.UNKNOWN_MEMBER_ID)
    }
  }

  /** Returns the error code for the member. */
  heartbeat(group: ClassicGroup, claim: MemberClaim): number {
    const fault = claimFault(group, claim.memberId, claim.instanceId)
    if (fault !== undefined) return fault
    if (claim.generation !== group.generation) return ErrorCodes.ILLEGAL_GENERATION
    this.touch(group.member(claim.memberId)!)
    return group.state === 'PreparingRebalance' ? ErrorCodes.REBALANCE_IN_PROGRESS : ErrorCodes.NONE
  }

  /** Returns the error code for the member; an empty member id means whoever has the instance id. */
  leave(group: ClassicGroup, leaving: { memberId: string; instanceId: string | null }): number {
    const { memberId, instanceId } = leaving
    if (instanceId === null && group.removePending(memberId)) {
      this.rebalance.completeIfAllJoined(group)
      return ErrorCodes.NONE
    }
    const id = memberId === '' && instanceId !== null ? (group.idOfInstance(instanceId) ?? '') : memberId
    const fault = claimFault(group, id, instanceId)
    if (fault !== undefined) return fault
    this.rebalance.removeMember(group, group.member(id)!)
    return ErrorCodes.NONE
  }

  /** Anything that a member of the group does shows that it lives. */
  touch(member: ClassicMember): void {
    member.session.set(member.sessionTimeoutMs)
  }

  /** Ends the group: everyone who waits is sent away with `errorCode`. */
  end(group: ClassicGroup, errorCode: number): void {
    group.transition('removal', this.options.clock.nowMs())
    group.joinPhase.clear()
    group.syncPhase.clear()
    for (const member of [...group.members]) {
      member.answerJoin?.(joinRefused(errorCode, member.id))
      member.answerSync?.(syncRefused(errorCode))
      member.answerJoin = undefined
      member.answerSync = undefined
      group.remove(member)
    }
  }

  private hasRoomFor(group: ClassicGroup, memberId: string): boolean {
    if (group.state === 'Empty') return true
    const max = this.options.groupSizeMax
    if (group.state === 'PreparingRebalance') {
      return group.member(memberId)?.answerJoin !== undefined || group.waitingToJoin < max
    }
    return group.member(memberId) !== undefined || group.isPending(memberId) || group.size < max
  }

  private newMemberId(request: JoinRequest): string {
    return `${request.instanceId ?? request.clientId}-${formatUuid(randomUuid(this.options.random))}`
  }

  private joinUnknown(group: ClassicGroup, request: JoinRequest): JoinResult | Promise<JoinResult> {
    const memberId = this.newMemberId(request)
    if (request.instanceId !== null) {
      const oldId = group.idOfInstance(request.instanceId)
      if (oldId === undefined) return this.joinAsNew(group, memberId, request)
      return this.takeOver(group, group.member(oldId)!, memberId, request)
    }
    if (!request.requiresKnownId) return this.joinAsNew(group, memberId, request)
    const deadline = new Deadline(this.options.clock, () => {
      if (group.removePending(memberId)) this.rebalance.completeIfAllJoined(group)
    })
    deadline.set(request.sessionTimeoutMs)
    group.addPending(memberId, deadline)
    return joinRefused(ErrorCodes.MEMBER_ID_REQUIRED, memberId)
  }

  private joinAsNew(group: ClassicGroup, id: string, request: JoinRequest): Promise<JoinResult> {
    const member: ClassicMember = {
      id,
      instanceId: request.instanceId,
      clientId: request.clientId,
      clientHost: request.clientHost,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      protocolType: request.protocolType,
      protocols: kept(request.protocols),
      assignment: emptyAssignment,
      answerJoin: undefined,
      answerSync: undefined,
      isNew: true,
      session: new Deadline(this.options.clock, () => this.sessionPassed(group, member)),
    }
    const answer = waitForJoin(member)
    member.session.set(NEW_MEMBER_JOIN_TIMEOUT_MS)
    group.newMemberAdded = true
    group.add(member)
    this.rebalance.membersChanged(group)
    return answer
  }

  private joinAgain(
    group: ClassicGroup,
    member: ClassicMember,
    request: JoinRequest,
  ): JoinResult | Promise<JoinResult> {
    const same = hasProtocols(member, request.protocols)
    const completing = group.state === 'CompletingRebalance'
    // The answer to the first join was lost, or a follower of a stable group asks again.
    if (same && (completing || (group.state === 'Stable' && member.id !== group.leaderId))) {
      return presentGeneration(group, member, member.id === group.leaderId)
    }
    update(member, request)
    const answer = waitForJoin(member)
    this.rebalance.membersChanged(group)
    return answer
  }

  /** A static member comes back, under a new id: it takes over what its predecessor had, which is fenced. */
  private takeOver(
    group: ClassicGroup,
    member: ClassicMember,
    newId: string,
    request: JoinRequest,
  ): JoinResult | Promise<JoinResult> {
    member.answerJoin?.(joinRefused(ErrorCodes.FENCED_INSTANCE_ID, member.id))
    member.answerSync?.(syncRefused(ErrorCodes.FENCED_INSTANCE_ID))
    member.answerJoin = undefined
    member.answerSync = undefined
    const leaderBefore = group.leaderId ?? ''
    const oldId = member.id
    group.replaceId(member, newId)
    update(member, request)
    this.touch(member)
    if (group.state === 'Stable' && group.selectProtocol() === group.protocolName) {
      const leads = group.leaderId === newId
      const present = presentGeneration(group, member, leads && request.canSkipAssignment)
      // An old leader that cannot skip the assignment must not learn that it leads.
      const answer = request.canSkipAssignment
        ? { ...present, skipAssignment: leads }
        : { ...present, leaderId: leaderBefore }
      return this.keptBefore(group, answer, () => group.replaceId(member, oldId))
    }
    const answer = waitForJoin(member)
    this.rebalance.membersChanged(group)
    return answer
  }

  private syncInPhase(
    group: ClassicGroup,
    member: ClassicMember,
    request: SyncRequest,
  ): SyncResult | Promise<SyncResult> {
    const answer = waitForAssignment(group, member)
    if (member.id !== group.leaderId) return answer
    const assignments = assignmentsOf(request.assignments)
    const { generation } = group
    const stillWaits = (): boolean => group.state === 'CompletingRebalance' && group.generation === generation
    const handOut = (): void => {
      if (stillWaits()) assign(group, assignments, this.options.clock.nowMs())
    }
    const sendBack = (): void => {
      if (stillWaits()) this.rebalance.membersChanged(group)
    }
    try {
      const settled = this.options.keep(group, assignments)
      if (settled === undefined) handOut()
      else settled.then(handOut, sendBack)
    } catch {
      sendBack()
    }
    return answer
  }

  /** Gives the answer when the group is kept; else undoes what cannot be, and refuses. */
  private keptBefore(
    group: ClassicGroup,
    answer: JoinResult,
    undo: () => void,
  ): JoinResult | Promise<JoinResult> {
    const refused = (error: unknown): JoinResult => joinRefused(coordinatorCode(error), answer.memberId)
    try {
      const settled = this.options.keep(group)
      // A log whose sync failed takes no more records: there is nothing to undo for.
      return settled === undefined ? answer : settled.then(() => answer, refused)
    } catch (error) {
      undo()
      return refused(error)
    }
  }

  private sessionPassed(group: ClassicGroup, member: ClassicMember): void {
    if (group.member(member.id) !== member) return
    // While the broker owes it an answer, a member that has been in a generation is not expected to speak.
    const waits = member.answerJoin !== undefined || member.answerSync !== undefined
    if (waits && !member.isNew) return
    this.rebalance.removeMember(group, member)
  }

  private expireSyncs(group: ClassicGroup): void {
    for (const id of [...group.awaitedSyncs]) {
      const member = group.member(id)
      if (member !== undefined) group.remove(member)
    }
    group.awaitedSyncs.clear()
    this.rebalance.membersChanged(group)
  }

  private tryKeep(group: ClassicGroup): void {
    try {
      this.options.keep(group)?.catch(() => {})
    } catch {
      // The generation is kept again with the next one; nobody is in the group who could rely on this one.
    }
  }
}

/** The error of a request whose member is not who it says it is. */
export function claimFault(
  group: ClassicGroup,
  memberId: string,
  instanceId: string | null,
): number | undefined {
  if (instanceId !== null) {
    const current = group.idOfInstance(instanceId)
    if (current === undefined) return ErrorCodes.UNKNOWN_MEMBER_ID
    if (current !== memberId) return ErrorCodes.FENCED_INSTANCE_ID
  }
  return group.member(memberId) === undefined ? ErrorCodes.UNKNOWN_MEMBER_ID : undefined
}

/** The bytes of a request are only lent. */
function kept(protocols: readonly MemberProtocol[]): readonly MemberProtocol[] {
  return protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }))
}

function update(member: ClassicMember, request: JoinRequest): void {
  member.protocols = kept(request.protocols)
  member.sessionTimeoutMs = request.sessionTimeoutMs
  member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
  member.clientId = request.clientId
  member.clientHost = request.clientHost
}

function waitForJoin(member: ClassicMember): Promise<JoinResult> {
  member.answerJoin?.(joinRefused(ErrorCodes.UNKNOWN_MEMBER_ID, member.id))
  return new Promise((resolve) => {
    member.answerJoin = resolve
  })
}

function presentGeneration(group: ClassicGroup, member: ClassicMember, withMembers: boolean): JoinResult {
  return {
    errorCode: ErrorCodes.NONE,
    memberId: member.id,
    generation: group.generation,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leaderId: group.leaderId ?? '',
    skipAssignment: false,
    members: withMembers ? group.views() : [],
  }
}
