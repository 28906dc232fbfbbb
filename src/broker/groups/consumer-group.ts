/**
 * A group of the consumer protocol (KIP-848): members with epochs, the assignment aimed at, and who holds what.
 *
 * It only keeps the books; consumer-protocol.ts decides. Invariant: a partition has at most one holder, counting
 * those that still have to give it up (`holderOf`), so no two members ever read it at a time.
 */
import { invariant } from '../../core/invariant.ts'
import type { Deadline } from '../deadline.ts'
import type { WrittenRecords } from './consumer-group-records.ts'

/** Partitions by topic id, as hex text. */
export type Assignment = ReadonlyMap<string, ReadonlySet<number>>

export const nothingAssigned: Assignment = new Map()

/**
 * stable: has what it should have of its epoch. revoking: has to give up partitions before it moves to the next
 * epoch. waiting: some of its partitions are still held by others.
 */
export type ConsumerMemberState = 'stable' | 'revoking' | 'waiting'

export interface ConsumerMember {
  readonly id: string
  readonly instanceId: string | null
  rackId: string | null
  clientId: string
  clientHost: string
  rebalanceTimeoutMs: number
  topics: readonly string[]
  regex: string | null
  /** Which topics the pattern may find; all when undefined. */
  mayDescribe: ((topic: string) => boolean) | undefined
  assignor: string | null
  epoch: number
  previousEpoch: number
  state: ConsumerMemberState
  /** What it may read. */
  assigned: Assignment
  /** What it has to give up. */
  revoking: Assignment
  /** A static member that said it would be back: its place is kept. */
  away: boolean
  readonly session: Deadline
  /** By when it has to have given up what it should. */
  readonly revocation: Deadline
}

/** The names are those that clients see. */
export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable' | 'Dead'

export class ConsumerGroup {
  readonly kind = 'consumer'
  readonly id: string
  /** The epoch that it began with. */
  readonly firstEpoch: number
  /** Goes up when members, subscriptions or topics change. */
  epoch: number
  /** The epoch of which `target` is. */
  targetEpoch: number
  target: ReadonlyMap<string, Assignment> = new Map()
  /** The names of the topics that the members read, when they were looked up. */
  topicsRead: ReadonlySet<string> = new Set()
  /** Stands for those topics and their partitions, also after a restart (`topicsHashOf`). */
  topicsHash = 0n
  /** The version of the broker's topics when they were looked up; -1 to look again. */
  topicsVersion = -1
  /** The topics that each pattern of a member found. */
  found: ReadonlyMap<string, ReadonlySet<string>> = new Map()
  foundWritten = this.found
  /** What the log holds of the group. */
  written: WrittenRecords = new Map()
  /** Resolves when that is as safe as the topic asks; undefined when it is. */
  settling: Promise<void> | undefined
  emptySinceMs: number
  dead = false
  private readonly byId = new Map<string, ConsumerMember>()
  private readonly idByInstance = new Map<string, string>()
  private readonly holders = new Map<string, Map<number, string>>()

  constructor(id: string, epoch: number, nowMs: number) {
    this.id = id
    this.firstEpoch = epoch
    this.epoch = epoch
    this.targetEpoch = epoch
    this.emptySinceMs = nowMs
  }

  get members(): IterableIterator<ConsumerMember> {
    return this.byId.values()
  }

  get size(): number {
    return this.byId.size
  }

  get state(): ConsumerGroupState {
    if (this.dead) return 'Dead'
    if (this.byId.size === 0) return 'Empty'
    if (this.epoch > this.targetEpoch) return 'Assigning'
    for (const member of this.byId.values()) {
      if (member.epoch !== this.targetEpoch || member.state !== 'stable') return 'Reconciling'
    }
    return 'Stable'
  }

  member(id: string): ConsumerMember | undefined {
    return this.byId.get(id)
  }

  ofInstance(instanceId: string): ConsumerMember | undefined {
    const id = this.idByInstance.get(instanceId)
    return id === undefined ? undefined : this.byId.get(id)
  }

  add(member: ConsumerMember): void {
    invariant(!this.byId.has(member.id), 'a member is added once')
    this.byId.set(member.id, member)
    if (member.instanceId !== null) this.idByInstance.set(member.instanceId, member.id)
  }

  remove(member: ConsumerMember, nowMs: number): void {
    member.session.clear()
    member.revocation.clear()
    this.hold(member, { assigned: nothingAssigned, revoking: nothingAssigned })
    this.byId.delete(member.id)
    if (member.instanceId !== null && this.idByInstance.get(member.instanceId) === member.id) {
      this.idByInstance.delete(member.instanceId)
    }
    if (this.byId.size === 0) this.emptySinceMs = nowMs
  }

  /** Who reads the partition, or has not given it up yet. */
  holderOf(topicId: string, partition: number): string | undefined {
    return this.holders.get(topicId)?.get(partition)
  }

  /** Changes what a member holds. */
  hold(member: ConsumerMember, next: { readonly assigned: Assignment; readonly revoking: Assignment }): void {
    for (const part of [member.assigned, member.revoking]) {
      for (const [topicId, partitions] of part) {
        for (const partition of partitions) this.release(topicId, partition, member.id)
      }
    }
    member.assigned = next.assigned
    member.revoking = next.revoking
    for (const part of [next.assigned, next.revoking]) {
      for (const [topicId, partitions] of part) {
        for (const partition of partitions) this.take(topicId, partition, member.id)
      }
    }
  }

  /** Takes all members away, to be put back as they were kept. */
  clear(): void {
    for (const member of this.byId.values()) {
      member.session.clear()
      member.revocation.clear()
    }
    this.byId.clear()
    this.idByInstance.clear()
    this.holders.clear()
  }

  /** True unless the group is known not to read the topic. */
  mayRead(topic: string): boolean {
    return this.topicsRead.has(topic)
  }

  private take(topicId: string, partition: number, memberId: string): void {
    let partitions = this.holders.get(topicId)
    if (partitions === undefined) {
      partitions = new Map()
      this.holders.set(topicId, partitions)
    }
    invariant(!partitions.has(partition), 'a partition of a consumer group has one holder')
    partitions.set(partition, memberId)
  }

  private release(topicId: string, partition: number, memberId: string): void {
    const partitions = this.holders.get(topicId)
    if (partitions?.get(partition) !== memberId) return
    partitions.delete(partition)
    if (partitions.size === 0) this.holders.delete(topicId)
  }
}
