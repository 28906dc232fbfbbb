/**
 * A classic group: who is in it, which protocol they share, which generation they are in.
 *
 * It only keeps the books. When members come and go is decided in rebalance.ts and classic-protocol.ts, what
 * they read in assignment.ts.
 */
import { invariant } from '../../core/invariant.ts'
import { decodeVersioned } from '../../protocol/codec/message.ts'
import { consumerProtocolSubscription } from '../../protocol/messages/consumer-protocol.ts'
import type { Deadline } from '../deadline.ts'
import { type ClassicMember, type MemberProtocol, type MemberView, metadataOf } from './classic-member.ts'
import type { KeptGroup } from './group-records.ts'
import { type GroupEvent, type GroupState, nextGroupState } from './group-states.ts'

/** The protocol type of Kafka's consumers; only their metadata can be read by the broker. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer'

export class ClassicGroup {
  readonly kind = 'classic'
  readonly id: string
  state: GroupState = 'Empty'
  /** Wall-clock time of the last change of state: offsets expire from when a group became empty. */
  stateSinceMs: number
  generation = 0
  protocolType: string | null = null
  protocolName: string | null = null
  leaderId: string | null = null
  /** When the join phase ends without those who have not come. */
  readonly joinPhase: Deadline
  /** When members that joined but asked for no assignment are removed. */
  readonly syncPhase: Deadline
  /** A member came while the first members are waited for. */
  newMemberAdded = false
  /** The group is waiting for its first members, and for how long it may go on. */
  initialDelayLeftMs: number | undefined
  /** Members that joined this generation and have not asked for their assignment. */
  readonly awaitedSyncs = new Set<string>()
  private readonly byId = new Map<string, ClassicMember>()
  private readonly idByInstance = new Map<string, string>()
  /** Ids that were handed out (KIP-394) and not joined with; each has a time until which it is good. */
  private readonly pending = new Map<string, Deadline>()
  private topics: ReadonlySet<string> | undefined

  constructor(id: string, timers: { joinPhase: Deadline; syncPhase: Deadline }, nowMs: number) {
    this.id = id
    this.joinPhase = timers.joinPhase
    this.syncPhase = timers.syncPhase
    this.stateSinceMs = nowMs
  }

  transition(event: GroupEvent, nowMs: number): void {
    this.state = nextGroupState(this.state, event)
    this.stateSinceMs = nowMs
  }

  get members(): IterableIterator<ClassicMember> {
    return this.byId.values()
  }

  get size(): number {
    return this.byId.size
  }

  get pendingCount(): number {
    return this.pending.size
  }

  get waitingToJoin(): number {
    let count = 0
    for (const member of this.byId.values()) if (member.answerJoin !== undefined) count++
    return count
  }

  /** Everyone who is known has joined, and no id is out that could still be joined with. */
  get allJoined(): boolean {
    return this.pending.size === 0 && this.waitingToJoin === this.byId.size
  }

  /** The longest that a member asked for. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.byId.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
    return longest
  }

  /** The topics that the members read; undefined when that cannot be told. */
  get subscribedTopics(): ReadonlySet<string> | undefined {
    return this.topics
  }

  member(id: string): ClassicMember | undefined {
    return this.byId.get(id)
  }

  idOfInstance(instanceId: string): string | undefined {
    return this.idByInstance.get(instanceId)
  }

  isPending(memberId: string): boolean {
    return this.pending.has(memberId)
  }

  addPending(memberId: string, deadline: Deadline): void {
    invariant(!this.byId.has(memberId), 'a member is not pending')
    this.pending.set(memberId, deadline)
  }

  removePending(memberId: string): boolean {
    this.pending.get(memberId)?.clear()
    return this.pending.delete(memberId)
  }

  add(member: ClassicMember): void {
    invariant(!this.byId.has(member.id), 'a member is added once')
    if (this.byId.size === 0) this.protocolType = member.protocolType
    this.leaderId ??= member.id
    this.byId.set(member.id, member)
    if (member.instanceId !== null) this.idByInstance.set(member.instanceId, member.id)
  }

  /** Takes over what was kept: a generation whose members have what they are to read, or none. */
  load(kept: KeptGroup, members: readonly ClassicMember[]): void {
    for (const member of members) this.add(member)
    this.generation = kept.generation
    this.protocolType = kept.protocolType === '' ? null : kept.protocolType
    this.protocolName = kept.protocolName
    this.leaderId = kept.leaderId
    if (kept.stateSinceMs >= 0) this.stateSinceMs = kept.stateSinceMs
    this.state = members.length === 0 ? 'Empty' : 'Stable'
    this.topics = members.length === 0 ? undefined : this.readSubscriptions()
  }

  remove(member: ClassicMember): void {
    member.session.clear()
    this.byId.delete(member.id)
    this.awaitedSyncs.delete(member.id)
    if (member.instanceId !== null && this.idByInstance.get(member.instanceId) === member.id) {
      this.idByInstance.delete(member.instanceId)
    }
    if (this.leaderId !== member.id) return
    const [next] = this.byId.keys()
    this.leaderId = next ?? null
  }

  /** A static member comes back under a new id and takes its old place. */
  replaceId(member: ClassicMember, newId: string): void {
    invariant(member.instanceId !== null, 'only a static member is replaced')
    const wasLeader = this.leaderId === member.id
    this.byId.delete(member.id)
    if (this.awaitedSyncs.delete(member.id)) this.awaitedSyncs.add(newId)
    member.id = newId
    this.byId.set(newId, member)
    this.idByInstance.set(member.instanceId, newId)
    if (wasLeader) this.leaderId = newId
  }

  /** Makes a member that has joined the leader, if the present one has not. False when nobody has joined. */
  electLeader(): boolean {
    if (this.leaderId !== null && this.byId.get(this.leaderId)?.answerJoin !== undefined) return true
    for (const member of this.byId.values()) {
      if (member.answerJoin === undefined) continue
      this.leaderId = member.id
      return true
    }
    return false
  }

  /** Could a member with these protocols work together with the others? */
  supports(protocolType: string, protocols: readonly MemberProtocol[]): boolean {
    if (protocolType === '' || protocols.length === 0) return false
    if (this.byId.size === 0) return true
    return (
      this.protocolType === protocolType &&
      protocols.some(({ name }) => this.allSupport(name, this.byId.size))
    )
  }

  /** The protocol that all support and most prefer; the first member's order decides a draw. */
  selectProtocol(): string {
    const votes = new Map<string, number>()
    const [first] = this.byId.values()
    invariant(first !== undefined, 'a protocol is chosen by members')
    for (const { name } of first.protocols) if (this.allSupport(name, this.byId.size)) votes.set(name, 0)
    for (const member of this.byId.values()) {
      const vote = member.protocols.find(({ name }) => votes.has(name))
      invariant(vote !== undefined, 'members of a group share a protocol')
      votes.set(vote.name, votes.get(vote.name)! + 1)
    }
    return [...votes].reduce((best, next) => (next[1] > best[1] ? next : best))[0]
  }

  /** Begins the next generation with whoever is there. */
  startGeneration(nowMs: number): void {
    this.generation++
    this.awaitedSyncs.clear()
    if (this.byId.size === 0) {
      this.protocolName = null
      this.leaderId = null
      this.topics = new Set()
      this.transition('emptied', nowMs)
      return
    }
    this.protocolName = this.selectProtocol()
    this.topics = this.readSubscriptions()
    this.transition('generation', nowMs)
  }

  /** All members as the leader needs them. */
  views(): readonly MemberView[] {
    return [...this.byId.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      metadata: metadataOf(member, this.protocolName),
    }))
  }

  /** True unless the group is known not to read the topic. */
  mayRead(topic: string): boolean {
    return this.topics === undefined || this.topics.has(topic)
  }

  private allSupport(name: string, count: number): boolean {
    let supporters = 0
    for (const member of this.byId.values())
      if (member.protocols.some((own) => own.name === name)) supporters++
    return supporters === count
  }

  private readSubscriptions(): ReadonlySet<string> | undefined {
    if (this.protocolType !== CONSUMER_PROTOCOL_TYPE) return undefined
    const topics = new Set<string>()
    try {
      for (const member of this.byId.values()) {
        const bytes = metadataOf(member, this.protocolName)
        const read = decodeVersioned(consumerProtocolSubscription, bytes, { newer: 'as-highest' })
        for (const topic of read.topics) topics.add(topic)
      }
    } catch {
      // Clients may put anything there: then nothing is known of what they read.
      return undefined
    }
    return topics
  }
}
