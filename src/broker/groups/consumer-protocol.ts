/**
 * The consumer group protocol (KIP-848) as its one request sees it: a member tells what it wants and has, and is
 * told its epoch and what it may read.
 *
 * 1. The claim is checked: an epoch that is not the member's fences it, except that of an answer that was lost.
 * 2. Members, subscriptions or topics that changed raise the epoch of the group.
 * 3. A new epoch gets a target (target-assignment.ts), made by an assignor of the broker.
 * 4. The member goes towards its target (reconciliation.ts).
 * 5. What has changed is written (consumer-group-records.ts). If it cannot be, the group is put back to what is
 *    written, and the member is refused.
 */
import type { Clock } from '../../platform/clock.ts'
import { formatUuid, type Random, randomUuid } from '../../platform/random.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { CoordinatorRecord } from '../coordinator-log.ts'
import { Deadline } from '../deadline.ts'
import { LinearPattern } from '../linear-pattern.ts'
import type { GroupAssignor } from './assignors/assignor.ts'
import { type Assignment, ConsumerGroup, type ConsumerMember, nothingAssigned } from './consumer-group.ts'
import {
  changedRecords,
  noteWritten,
  readConsumerGroup,
  topicsHashOf,
  type WrittenRecords,
} from './consumer-group-records.ts'
import { isWithin, reconcile } from './reconciliation.ts'
import {
  foundByPatterns,
  makeTarget,
  preferredAssignor,
  type TopicsView,
  topicsRead,
} from './target-assignment.ts'

export const LEAVE_EPOCH = -1
/** A static member that will be back. */
export const LEAVE_FOR_NOW_EPOCH = -2
export const JOIN_EPOCH = 0

export interface HeartbeatRequest {
  readonly memberId: string
  readonly memberEpoch: number
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** -1 when it is as before. */
  readonly rebalanceTimeoutMs: number
  /** Null when they are as before. */
  readonly topics: readonly string[] | null
  readonly regex: string | null
  /** Which topics the pattern may find; all if not given. */
  readonly mayDescribe?: (topic: string) => boolean
  readonly assignor: string | null
  /** What the member has; null when it is as before. */
  readonly owned: Assignment | null
}

export interface HeartbeatResult {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly memberId: string | null
  readonly memberEpoch: number
  /** Undefined when it is as before. */
  readonly assignment: Assignment | undefined
}

export interface ConsumerProtocolOptions {
  readonly clock: Clock
  readonly random: Random
  readonly sessionTimeoutMs: number
  readonly groupSizeMax: number
  readonly assignors: readonly GroupAssignor[]
  readonly topics: TopicsView
  /**
   * Writes records of a group, all or none. Resolves when they are as safe as the topic asks; undefined when they
   * are. @throws when they cannot be written
   */
  readonly keep: (group: ConsumerGroup, records: readonly CoordinatorRecord[]) => Promise<void> | undefined
}

/** A member that a request is by. */
interface Found {
  readonly member: ConsumerMember
  /** The group is another one with it. */
  readonly isNew: boolean
  /** The member whose place it takes. */
  readonly predecessorId?: string
}

export function heartbeatRefused(errorCode: number, errorMessage: string | null = null): HeartbeatResult {
  return { errorCode, errorMessage, memberId: null, memberEpoch: 0, assignment: undefined }
}

export class ConsumerProtocol {
  private readonly options: ConsumerProtocolOptions

  constructor(options: ConsumerProtocolOptions) {
    this.options = options
  }

  makeGroup(id: string, epoch: number): ConsumerGroup {
    return new ConsumerGroup(id, epoch, this.options.clock.nowMs())
  }

  /** A group as the log holds it. */
  loadGroup(id: string, written: WrittenRecords): ConsumerGroup {
    const group = this.makeGroup(id, 0)
    group.written = written
    this.restore(group)
    return group
  }

  /** The name of the assignor that makes the group's target. */
  assignorOf(group: ConsumerGroup): string {
    return preferredAssignor(group, this.options.assignors).name
  }

  /** Why the request cannot be meant, or undefined. */
  requestFault(request: HeartbeatRequest): HeartbeatResult | undefined {
    const { memberEpoch, topics, regex, assignor, owned } = request
    const invalid = (text: string): HeartbeatResult => heartbeatRefused(ErrorCodes.INVALID_REQUEST, text)
    if (memberEpoch < LEAVE_FOR_NOW_EPOCH) return invalid(`there is no member epoch ${memberEpoch}`)
    if (memberEpoch === LEAVE_FOR_NOW_EPOCH && request.instanceId === null) {
      return invalid('only a member with an instance id can leave for now')
    }
    if (request.instanceId === '' || request.rackId === '') return invalid('an instance or rack id is empty')
    if (memberEpoch !== JOIN_EPOCH && request.memberId === '') return invalid('the member id is missing')
    if (memberEpoch === JOIN_EPOCH) {
      if (request.rebalanceTimeoutMs < 0) return invalid('a member joins with its rebalance timeout')
      if (owned === null || owned.size > 0) return invalid('a member that joins has no partitions')
      if (topics === null && regex === null) return invalid('a member joins with its topics')
    }
    if (assignor !== null && !this.options.assignors.some(({ name }) => name === assignor)) {
      return heartbeatRefused(ErrorCodes.UNSUPPORTED_ASSIGNOR, `there is no assignor "${assignor}"`)
    }
    if (regex !== null && regex !== '' && LinearPattern.tryParse(regex) === undefined) {
      return heartbeatRefused(
        ErrorCodes.INVALID_REGULAR_EXPRESSION,
        `"${regex}" is not a pattern that is known here`,
      )
    }
    return undefined
  }

  /** Takes a member away. @throws what the log of the group throws: nothing has changed then */
  expel(group: ConsumerGroup, member: ConsumerMember): void {
    this.raiseEpoch(group)
    group.remove(member, this.options.clock.nowMs())
    group.topicsVersion = -1
    if (group.size === 0) this.emptied(group)
    this.write(group, [member.id])
  }

  /** @throws what the log of the group throws: nothing has changed then */
  heartbeat(group: ConsumerGroup, request: HeartbeatRequest): HeartbeatResult {
    const { memberEpoch } = request
    if (memberEpoch === LEAVE_EPOCH || memberEpoch === LEAVE_FOR_NOW_EPOCH) return this.leave(group, request)
    const found = memberEpoch === JOIN_EPOCH ? this.join(group, request) : this.find(group, request)
    if ('errorCode' in found) return found
    const { member, isNew, predecessorId } = found
    const changed = update(member, request)
    this.raiseEpochIfChanged(group, isNew || changed)
    if (group.epoch > group.targetEpoch) makeTarget(group, this.options.topics, this.options.assignors)
    // A member that joins again has lost all it had.
    const owned = memberEpoch === JOIN_EPOCH ? nothingAssigned : request.owned
    const moved = reconcile(group, member, owned)
    this.write(group, predecessorId === undefined ? [member.id] : [predecessorId, member.id])
    this.watch(member)
    return {
      errorCode: ErrorCodes.NONE,
      errorMessage: null,
      memberId: member.id,
      memberEpoch: member.epoch,
      assignment: moved || memberEpoch === JOIN_EPOCH || isWhole(request) ? member.assigned : undefined,
    }
  }

  private join(group: ConsumerGroup, request: HeartbeatRequest): Found | HeartbeatResult {
    const id = request.memberId === '' ? formatUuid(randomUuid(this.options.random)) : request.memberId
    const present = group.member(id)
    if (present !== undefined) return { member: present, isNew: false }
    const { instanceId } = request
    const predecessor = instanceId === null ? undefined : group.ofInstance(instanceId)
    if (predecessor !== undefined && !predecessor.away) {
      return heartbeatRefused(
        ErrorCodes.UNRELEASED_INSTANCE_ID,
        `"${instanceId}" belongs to ${predecessor.id}`,
      )
    }
    if (predecessor === undefined && group.size >= this.options.groupSizeMax) {
      return heartbeatRefused(ErrorCodes.GROUP_MAX_SIZE_REACHED)
    }
    const member = this.makeMember(group, id, request)
    if (predecessor === undefined) {
      this.raiseEpoch(group)
      group.add(member)
      return { member, isNew: true }
    }
    this.replace(group, predecessor, member)
    return { member, isNew: !hasSameTopics(predecessor, request), predecessorId: predecessor.id }
  }

  private find(group: ConsumerGroup, request: HeartbeatRequest): Found | HeartbeatResult {
    const { memberId, memberEpoch, instanceId, owned } = request
    if (instanceId !== null) {
      const holder = group.ofInstance(instanceId)
      if (holder === undefined) return heartbeatRefused(ErrorCodes.UNKNOWN_MEMBER_ID)
      if (holder.id !== memberId) return heartbeatRefused(ErrorCodes.FENCED_INSTANCE_ID)
    }
    const member = group.member(memberId)
    if (member === undefined) return heartbeatRefused(ErrorCodes.UNKNOWN_MEMBER_ID)
    if (memberEpoch === member.epoch) return { member, isNew: false }
    // The answer that raised the epoch was lost: the member may not have more than it should.
    const lost = memberEpoch === member.previousEpoch && owned !== null && isWithin(owned, member.assigned)
    return lost ? { member, isNew: false } : heartbeatRefused(ErrorCodes.FENCED_MEMBER_EPOCH)
  }

  private leave(group: ConsumerGroup, request: HeartbeatRequest): HeartbeatResult {
    const { memberId, memberEpoch, instanceId } = request
    const member = instanceId === null ? group.member(memberId) : group.ofInstance(instanceId)
    if (member === undefined) return heartbeatRefused(ErrorCodes.UNKNOWN_MEMBER_ID)
    if (member.id !== memberId) return heartbeatRefused(ErrorCodes.FENCED_INSTANCE_ID)
    if (memberEpoch === LEAVE_EPOCH) this.expel(group, member)
    else {
      member.away = true
      this.write(group, [member.id])
      member.revocation.clear()
      member.session.set(this.options.sessionTimeoutMs)
    }
    return { errorCode: ErrorCodes.NONE, errorMessage: null, memberId, memberEpoch, assignment: undefined }
  }

  private makeMember(group: ConsumerGroup, id: string, request: HeartbeatRequest): ConsumerMember {
    const { clock } = this.options
    const member: ConsumerMember = {
      id,
      instanceId: request.instanceId,
      rackId: null,
      clientId: '',
      clientHost: '',
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      topics: [],
      regex: null,
      mayDescribe: undefined,
      assignor: null,
      epoch: JOIN_EPOCH,
      previousEpoch: JOIN_EPOCH,
      state: 'stable',
      assigned: nothingAssigned,
      revoking: nothingAssigned,
      away: false,
      session: new Deadline(clock, () => this.fence(group, member)),
      revocation: new Deadline(clock, () => this.fence(group, member)),
    }
    update(member, request)
    return member
  }

  /** A static member is back: it takes the place, and the target, of its predecessor. */
  private replace(group: ConsumerGroup, predecessor: ConsumerMember, member: ConsumerMember): void {
    const target = new Map(group.target)
    const inherited = target.get(predecessor.id)
    target.delete(predecessor.id)
    if (inherited !== undefined) target.set(member.id, inherited)
    group.remove(predecessor, this.options.clock.nowMs())
    group.target = target
    group.add(member)
  }

  /** Silent for too long, or too slow to give up partitions. */
  private fence(group: ConsumerGroup, member: ConsumerMember): void {
    if (group.member(member.id) !== member) return
    try {
      this.expel(group, member)
    } catch {
      // It is back as it was kept, with another session, after which this is tried again.
    }
  }

  private emptied(group: ConsumerGroup): void {
    makeTarget(group, this.options.topics, this.options.assignors)
    group.found = new Map()
  }

  /** Writes what has changed, or takes it back. @throws what the log throws */
  private write(group: ConsumerGroup, memberIds: readonly string[]): void {
    const records = changedRecords(group, memberIds)
    if (records.length === 0) return
    let settled: Promise<void> | undefined
    try {
      settled = this.options.keep(group, records)
    } catch (error) {
      this.restore(group)
      throw error
    }
    noteWritten(group.written, records)
    group.foundWritten = group.found
    if (settled === undefined) return
    group.settling = settled
    const done = (): void => {
      if (group.settling === settled) group.settling = undefined
    }
    // Who waits for it learns of a failure; the log takes no more records then.
    settled.then(done, () => {})
  }

  /** Makes the group what is written of it; the sessions of its members begin anew. */
  private restore(group: ConsumerGroup): void {
    const { clock, topics, sessionTimeoutMs } = this.options
    const kept = readConsumerGroup(group.id, group.written)
    group.clear()
    group.epoch = kept?.epoch ?? group.firstEpoch
    group.targetEpoch = kept?.targetEpoch ?? group.firstEpoch
    group.target = kept?.target ?? new Map()
    group.found = kept?.found ?? new Map()
    group.foundWritten = group.found
    for (const { state, assigned, revoking, ...rest } of kept?.members ?? []) {
      const { regex } = rest
      const member: ConsumerMember = {
        ...rest,
        state,
        // Until it says itself what it may see.
        mayDescribe: regex === null ? undefined : (topic) => group.found.get(regex)?.has(topic) === true,
        assigned: nothingAssigned,
        revoking: nothingAssigned,
        session: new Deadline(clock, () => this.fence(group, member)),
        revocation: new Deadline(clock, () => this.fence(group, member)),
      }
      group.add(member)
      group.hold(member, { assigned, revoking })
      member.session.set(sessionTimeoutMs)
      if (state === 'revoking' && !member.away) member.revocation.set(member.rebalanceTimeoutMs)
    }
    group.topicsVersion = -1
    group.topicsHash = kept?.topicsHash ?? 0n
    group.topicsRead = new Set(topicsRead(group, topics).keys())
  }

  private raiseEpochIfChanged(group: ConsumerGroup, membersChanged: boolean): void {
    const { topics } = this.options
    if (!membersChanged && group.topicsVersion === topics.version) return
    group.topicsVersion = topics.version
    group.found = foundByPatterns(group, topics)
    const read = topicsRead(group, topics)
    const hash = topicsHashOf(read.values())
    if (membersChanged || hash !== group.topicsHash) this.raiseEpoch(group)
    group.topicsRead = new Set(read.keys())
    group.topicsHash = hash
  }

  private raiseEpoch(group: ConsumerGroup): void {
    // Several changes before a new target are one.
    if (group.epoch === group.targetEpoch) group.epoch++
  }

  private watch(member: ConsumerMember): void {
    member.session.set(this.options.sessionTimeoutMs)
    if (member.state !== 'revoking') member.revocation.clear()
    else if (!member.revocation.isSet) member.revocation.set(member.rebalanceTimeoutMs)
  }
}

/** A member tells everything when it joins, and again when an answer did not come: so it is told everything, too. */
function isWhole({ owned, topics, regex, rebalanceTimeoutMs }: HeartbeatRequest): boolean {
  return owned !== null && (topics !== null || regex !== null) && rebalanceTimeoutMs >= 0
}

function hasSameTopics(member: ConsumerMember, { topics, regex }: HeartbeatRequest): boolean {
  const same = topics === null || sameNames(topics, member.topics)
  return same && (regex === null || regex === (member.regex ?? ''))
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  const names = new Set(a)
  return names.size === new Set(b).size && b.every((name) => names.has(name))
}

/** Takes over what the request tells. Returns whether the member now wants something else. */
function update(member: ConsumerMember, request: HeartbeatRequest): boolean {
  const assignorChanged = request.assignor !== null && request.assignor !== member.assignor
  const changed = !hasSameTopics(member, request) || assignorChanged
  member.clientId = request.clientId
  member.clientHost = request.clientHost
  if (request.rackId !== null) member.rackId = request.rackId
  if (request.rebalanceTimeoutMs >= 0) member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
  if (request.topics !== null) member.topics = request.topics
  if (request.regex !== null) member.regex = request.regex === '' ? null : request.regex
  if (request.assignor !== null) member.assignor = request.assignor
  member.mayDescribe = request.mayDescribe
  return changed
}
