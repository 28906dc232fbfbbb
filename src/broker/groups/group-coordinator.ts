/**
 * The group coordinator: finds the group of a request and hands it to the protocol that the group speaks.
 *
 * Groups with their members, and offsets, are in `__consumer_offsets`: after a restart members go on with their
 * next heartbeat. Only those of this process ended with it, and are taken away before anybody is served.
 */
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Random } from '../../platform/random.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { BrokerSettings } from '../config/broker-settings.ts'
import { coordinatorCode } from '../coordinator-error.ts'
import type { CoordinatorLog } from '../coordinator-log.ts'
import type { Assignments } from './assignment.ts'
import { groupAssignors } from './assignors/register.ts'
import {
  type ClassicMember,
  emptyAssignment,
  type JoinResult,
  joinRefused,
  metadataOf,
  type SyncResult,
  syncRefused,
} from './classic-member.ts'
import { ClassicProtocol, type JoinRequest, type MemberClaim, type SyncRequest } from './classic-protocol.ts'
import type { ConsumerGroup, ConsumerMember } from './consumer-group.ts'
import { consumerGroupRecord, consumerGroupTombstones, noteWritten } from './consumer-group-records.ts'
import {
  ConsumerProtocol,
  type HeartbeatRequest,
  type HeartbeatResult,
  heartbeatRefused,
  JOIN_EPOCH,
} from './consumer-protocol.ts'
import { GroupLoader } from './group-loader.ts'
import { groupRecord, groupTombstone, type KeptGroup } from './group-records.ts'
import { type Group, GroupRegister } from './group-register.ts'
import type { ClassicGroup } from './membership.ts'
import { OffsetCommits } from './offset-commits.ts'
import { OffsetExpiry } from './offset-expiry.ts'
import { Offsets } from './offsets.ts'
import type { TopicsView } from './target-assignment.ts'

/** How the connections of this process are called. */
const OWN_HOST = '/in-process'

/** A classic group before its first generation. */
const emptyGroup: KeptGroup = {
  protocolType: '',
  generation: 0,
  protocolName: null,
  leaderId: null,
  stateSinceMs: -1,
  members: [],
}

export interface GroupCoordinatorOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly settings: BrokerSettings
  readonly topics: TopicsView
  /** The log of a group; the internal topic is made when it is first needed. */
  readonly logOf: (groupId: string) => CoordinatorLog
  /** The partition of `__consumer_offsets` for a group. */
  readonly partitionOf: (groupId: string) => number
}

export class GroupCoordinator {
  readonly register = new GroupRegister()
  readonly offsets = new Offsets()
  readonly commits: OffsetCommits
  readonly classic: ClassicProtocol
  readonly consumer: ConsumerProtocol
  private readonly options: GroupCoordinatorOptions
  private readonly expiry: OffsetExpiry

  constructor(options: GroupCoordinatorOptions) {
    this.options = options
    const { clock, random, settings, logOf } = options
    this.classic = new ClassicProtocol({
      clock,
      random,
      initialDelayMs: settings['group.initial.rebalance.delay.ms'],
      groupSizeMax: settings['group.max.size'],
      keep: (group, assignments) => this.keep(group, assignments),
    })
    this.consumer = new ConsumerProtocol({
      clock,
      random,
      sessionTimeoutMs: settings['group.consumer.session.timeout.ms'],
      groupSizeMax: settings['group.consumer.max.size'],
      assignors: groupAssignors.filter(({ name }) => settings['group.consumer.assignors'].includes(name)),
      topics: options.topics,
      keep: (group, records) => {
        const log = logOf(group.id)
        return log.settled(log.append(records))
      },
    })
    this.commits = new OffsetCommits({
      clock,
      register: this.register,
      offsets: this.offsets,
      metadataBytesMax: settings['offset.metadata.max.bytes'],
      logOf,
      makeGroup: (id) => this.classic.makeGroup(id),
      touch: (group, memberId) => this.touch(group, memberId),
    })
    this.expiry = new OffsetExpiry({
      register: this.register,
      offsets: this.offsets,
      commits: this.commits,
      retentionMs: settings['offsets.retention.minutes'] * 60_000,
      removeGroup: (group) => this.remove(group),
    })
  }

  join(groupId: string, request: JoinRequest): JoinResult | Promise<JoinResult> {
    const { settings } = this.options
    const { memberId, sessionTimeoutMs } = request
    if (groupId === '') return joinRefused(ErrorCodes.INVALID_GROUP_ID, memberId)
    if (
      sessionTimeoutMs < settings['group.min.session.timeout.ms'] ||
      sessionTimeoutMs > settings['group.max.session.timeout.ms']
    ) {
      return joinRefused(ErrorCodes.INVALID_SESSION_TIMEOUT, memberId)
    }
    if (!this.isAvailable(groupId)) return joinRefused(ErrorCodes.COORDINATOR_NOT_AVAILABLE, memberId)
    const group = this.register.find(groupId)
    if (group?.kind === 'classic') return this.classic.join(group, request)
    if (group === undefined && memberId !== '') return joinRefused(ErrorCodes.UNKNOWN_MEMBER_ID, memberId)
    if (group !== undefined && group.size > 0) {
      return joinRefused(ErrorCodes.INCONSISTENT_GROUP_PROTOCOL, memberId)
    }
    let made: ClassicGroup
    try {
      made = group === undefined ? this.newClassic(groupId) : this.becomeClassic(group)
    } catch (error) {
      return joinRefused(coordinatorCode(error), memberId)
    }
    return this.classic.join(made, request)
  }

  /** False while what the group's log holds cannot be known, or no more can be written to it. */
  isAvailable(groupId: string): boolean {
    try {
      this.options.logOf(groupId)
      return true
    } catch {
      return false
    }
  }

  sync(groupId: string, request: SyncRequest): SyncResult | Promise<SyncResult> {
    if (groupId === '') return syncRefused(ErrorCodes.INVALID_GROUP_ID)
    const group = this.register.find(groupId)
    if (group?.kind !== 'classic') return syncRefused(this.unknownCode(groupId, group))
    return this.classic.sync(group, request)
  }

  heartbeat(groupId: string, claim: MemberClaim): number {
    if (groupId === '') return ErrorCodes.INVALID_GROUP_ID
    const group = this.register.find(groupId)
    return group?.kind === 'classic' ? this.classic.heartbeat(group, claim) : this.unknownCode(groupId, group)
  }

  /** Returns the error code for each member, or one for the group. */
  leave(
    groupId: string,
    members: readonly { readonly memberId: string; readonly instanceId: string | null }[],
  ): readonly number[] | number {
    if (groupId === '') return ErrorCodes.INVALID_GROUP_ID
    const group = this.register.find(groupId)
    if (group?.kind !== 'classic') return this.unknownCode(groupId, group)
    return members.map((member) => this.classic.leave(group, member))
  }

  /** ConsumerGroupHeartbeat. */
  consumerHeartbeat(groupId: string, request: HeartbeatRequest): HeartbeatResult | Promise<HeartbeatResult> {
    if (groupId === '') return heartbeatRefused(ErrorCodes.INVALID_REQUEST, 'the group id is empty')
    const fault = this.consumer.requestFault(request)
    if (fault !== undefined) return fault
    if (!this.isAvailable(groupId)) return heartbeatRefused(ErrorCodes.COORDINATOR_NOT_AVAILABLE)
    try {
      const group = this.consumerGroup(groupId, request.memberEpoch === JOIN_EPOCH)
      if (group !== undefined) {
        const result = this.consumer.heartbeat(group, request)
        // What a member is told is safe, whichever request changed it.
        return group.settling === undefined
          ? result
          : group.settling.then(
              () => result,
              (error: unknown) => heartbeatRefused(coordinatorCode(error)),
            )
      }
      return heartbeatRefused(ErrorCodes.GROUP_ID_NOT_FOUND, `there is no consumer group "${groupId}"`)
    } catch (error) {
      return heartbeatRefused(coordinatorCode(error))
    }
  }

  /** DeleteGroups: returns an error code. */
  delete(groupId: string): number {
    if (groupId === '') return ErrorCodes.INVALID_GROUP_ID
    const group = this.register.find(groupId)
    if (group === undefined) {
      return this.isAvailable(groupId) ? ErrorCodes.GROUP_ID_NOT_FOUND : ErrorCodes.COORDINATOR_NOT_AVAILABLE
    }
    if (group.state !== 'Empty') return ErrorCodes.NON_EMPTY_GROUP
    try {
      this.commits.remove(groupId, this.namesOf(groupId))
      this.remove(group)
      return ErrorCodes.NONE
    } catch {
      return ErrorCodes.COORDINATOR_NOT_AVAILABLE
    }
  }

  /** A topic is gone, and the offsets in it. */
  topicDeleted(topic: string): void {
    for (const groupId of [...this.offsets.groupIds]) {
      const names = this.namesOf(groupId).filter((name) => name.topic === topic)
      this.commits.remove(groupId, names)
    }
  }

  /** The transaction of a producer is decided, in one partition of `__consumer_offsets`. */
  transactionDecided(partition: number, producerId: number, commit: boolean): void {
    const { partitionOf } = this.options
    this.offsets.decide(producerId, commit, (group) => partitionOf(group) === partition)
  }

  expireOffsets(): void {
    this.expiry.run(this.options.clock.nowMs())
  }

  /** Takes over what the logs hold. */
  load(logs: readonly { readonly partition: number; readonly log: CoordinatorLog }[]): void {
    const { register } = this
    new GroupLoader(this.offsets, this.options.partitionOf).load(logs, {
      classic: (id, kept) => register.add(this.classic.loadGroup(id, kept)),
      consumer: (id, written) => register.add(this.consumer.loadGroup(id, written)),
      bare: (id) => register.add(this.classic.makeGroup(id)),
    })
    for (const group of register.all) this.expelEnded(group)
  }

  /** Answers everyone who waits: the broker is about to close. */
  close(): void {
    for (const group of this.register.all) {
      if (group.kind === 'classic') this.classic.end(group, ErrorCodes.COORDINATOR_NOT_AVAILABLE)
      else {
        for (const { session, revocation } of group.members) {
          session.clear()
          revocation.clear()
        }
      }
    }
  }

  /** A group that is not known may be one that cannot be read: its members are not to give up what they have. */
  private unknownCode(groupId: string, group: Group | undefined): number {
    return group !== undefined || this.isAvailable(groupId)
      ? ErrorCodes.UNKNOWN_MEMBER_ID
      : ErrorCodes.COORDINATOR_NOT_AVAILABLE
  }

  private touch(group: Group, memberId: string): void {
    if (group.kind !== 'classic') return // a commit is no heartbeat of the consumer protocol
    const member = group.member(memberId)
    if (member !== undefined) this.classic.touch(member)
  }

  private namesOf(groupId: string): { topic: string; partition: number }[] {
    const names: { topic: string; partition: number }[] = []
    for (const [topic, partitions] of this.offsets.ofGroup(groupId)) {
      for (const partition of partitions.keys()) names.push({ topic, partition })
    }
    return names
  }

  /** Members of the process that ended, which the log still knows; static ones have their time to come back. */
  private expelEnded(group: Group): void {
    const ended = ({ clientHost, instanceId }: ClassicMember | ConsumerMember): boolean =>
      clientHost === OWN_HOST && instanceId === null
    try {
      if (group.kind === 'classic') {
        for (const member of [...group.members].filter(ended)) this.classic.expel(group, member)
      } else {
        for (const member of [...group.members].filter(ended)) this.consumer.expel(group, member)
      }
    } catch (error) {
      // Their sessions pass.
      this.options.logger.warn({ group: group.id, error: messageOf(error) }, 'a group cannot be written')
    }
  }

  private keep(group: ClassicGroup, assignments?: Assignments): Promise<void> | undefined {
    const record = groupRecord(group.id, {
      protocolType: group.protocolType ?? '',
      generation: group.generation,
      protocolName: group.protocolName,
      leaderId: group.leaderId,
      stateSinceMs: group.stateSinceMs,
      members: [...group.members].map((member) => ({
        memberId: member.id,
        instanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeoutMs: member.rebalanceTimeoutMs,
        sessionTimeoutMs: member.sessionTimeoutMs,
        subscription: metadataOf(member, group.protocolName),
        assignment:
          assignments === undefined ? member.assignment : (assignments.get(member.id) ?? emptyAssignment),
      })),
    })
    const log = this.options.logOf(group.id)
    return log.settled(log.append([record]))
  }

  /** Forgets a group without members. @throws what the log throws */
  private remove(group: Group): void {
    const tombstones = group.kind === 'classic' ? [groupTombstone(group.id)] : consumerGroupTombstones(group)
    if (tombstones.length > 0) this.options.logOf(group.id).append(tombstones)
    if (group.kind === 'classic') this.classic.end(group, ErrorCodes.COORDINATOR_NOT_AVAILABLE)
    else group.dead = true
    this.register.remove(group)
  }

  private newClassic(groupId: string): ClassicGroup {
    const group = this.classic.makeGroup(groupId)
    this.keep(group)?.catch(() => {})
    this.register.add(group)
    return group
  }

  /** A group without members takes up the other protocol; its epoch goes on as generation. */
  private becomeClassic(present: ConsumerGroup): ClassicGroup {
    const group = this.classic.makeGroup(present.id)
    group.generation = present.epoch
    const begun = groupRecord(group.id, { ...emptyGroup, generation: group.generation })
    this.options.logOf(present.id).append([...consumerGroupTombstones(present), begun])
    present.dead = true
    this.register.replace(group)
    return group
  }

  /** The consumer group of this id; with `make` a new one, or in place of a classic one without members. */
  private consumerGroup(groupId: string, make: boolean): ConsumerGroup | undefined {
    const present = this.register.find(groupId)
    if (present?.kind === 'consumer') return present
    if (!make) return undefined
    if (present === undefined) {
      const group = this.consumer.makeGroup(groupId, 0)
      this.register.add(group)
      return group
    }
    if (present.state !== 'Empty' || present.pendingCount > 0) return undefined
    const group = this.consumer.makeGroup(groupId, present.generation)
    const begun = consumerGroupRecord(groupId, group.epoch)
    this.options.logOf(groupId).append([groupTombstone(groupId), begun])
    noteWritten(group.written, [begun])
    this.classic.end(present, ErrorCodes.COORDINATOR_NOT_AVAILABLE)
    this.register.replace(group)
    return group
  }
}
