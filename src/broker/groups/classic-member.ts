/** A member of a classic group, and what it is answered. */
import type { Deadline } from '../deadline.ts'

export interface MemberProtocol {
  readonly name: string
  readonly metadata: Buffer
}

/** A member as the leader of the group sees it. */
export interface MemberView {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly metadata: Buffer
}

/** The outcome of a JoinGroup request. */
export interface JoinResult {
  readonly errorCode: number
  readonly memberId: string
  readonly generation: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leaderId: string
  readonly skipAssignment: boolean
  /** For the leader: all members. */
  readonly members: readonly MemberView[]
}

/** The outcome of a SyncGroup request. */
export interface SyncResult {
  readonly errorCode: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

export const emptyAssignment: Buffer = Buffer.alloc(0)

export function joinRefused(errorCode: number, memberId: string): JoinResult {
  return {
    errorCode,
    memberId,
    generation: -1,
    protocolType: null,
    protocolName: null,
    leaderId: '',
    skipAssignment: false,
    members: [],
  }
}

export function syncRefused(errorCode: number): SyncResult {
  return { errorCode, protocolType: null, protocolName: null, assignment: emptyAssignment }
}

export interface ClassicMember {
  /** A static member gets a new id when it comes back. */
  id: string
  readonly instanceId: string | null
  clientId: string
  clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  readonly protocolType: string
  /** In the order of the member's preference. */
  protocols: readonly MemberProtocol[]
  assignment: Buffer
  /** Set while the member waits for the join phase to end. */
  answerJoin: ((result: JoinResult) => void) | undefined
  /** Set while the member waits for its assignment. */
  answerSync: ((result: SyncResult) => void) | undefined
  /** It has not been part of a generation yet. */
  isNew: boolean
  /** When it counts as gone. */
  readonly session: Deadline
}

/** True when the member would join with just what it has joined with. */
export function hasProtocols(member: ClassicMember, protocols: readonly MemberProtocol[]): boolean {
  return (
    member.protocols.length === protocols.length &&
    member.protocols.every((own, i) => {
      const other = protocols[i]!
      return own.name === other.name && own.metadata.equals(other.metadata)
    })
  )
}

const noMetadata = Buffer.alloc(0)

export function metadataOf(member: ClassicMember, protocolName: string | null): Buffer {
  return member.protocols.find((protocol) => protocol.name === protocolName)?.metadata ?? noMetadata
}
