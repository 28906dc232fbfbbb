/**
 * The sync phase of a classic group: the leader's assignment goes out to the members that wait for theirs.
 *
 * The broker does not look into assignments: eager, cooperative and a user's own protocols are bytes to it.
 */
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { type ClassicMember, emptyAssignment, type SyncResult, syncRefused } from './classic-member.ts'
import type { ClassicGroup } from './membership.ts'

export interface MemberAssignment {
  readonly memberId: string
  readonly assignment: Uint8Array
}

/** What each member is to read, by its id. */
export type Assignments = ReadonlyMap<string, Buffer>

/** The leader's assignments; the bytes are views of a request, so they are copied to be kept. */
export function assignmentsOf(assignments: readonly MemberAssignment[]): Assignments {
  return new Map(assignments.map(({ memberId, assignment }) => [memberId, Buffer.from(assignment)]))
}

/** Takes the leader's assignment; a member that it leaves out gets an empty one. */
export function assign(group: ClassicGroup, assignments: Assignments, nowMs: number): void {
  for (const member of group.members) member.assignment = assignments.get(member.id) ?? emptyAssignment
  group.transition('assignment', nowMs)
  for (const member of group.members) {
    const answer = member.answerSync
    member.answerSync = undefined
    if (answer === undefined) continue
    member.session.set(member.sessionTimeoutMs)
    answer(assignmentOf(group, member))
  }
}

/** What a member of a stable group is answered. */
export function assignmentOf(group: ClassicGroup, member: ClassicMember): SyncResult {
  return {
    errorCode: ErrorCodes.NONE,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    assignment: member.assignment,
  }
}

/** A member asks for its assignment; with an earlier question still open, that one is answered first. */
export function waitForAssignment(group: ClassicGroup, member: ClassicMember): Promise<SyncResult> {
  member.answerSync?.(syncRefused(ErrorCodes.REBALANCE_IN_PROGRESS))
  group.awaitedSyncs.delete(member.id)
  if (group.awaitedSyncs.size === 0) group.syncPhase.clear()
  return new Promise((resolve) => {
    member.answerSync = resolve
  })
}
