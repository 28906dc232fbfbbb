/** A consumer of the protocol of KIP-848: beats, gives up and takes over what it is told, sooner or later. */
import { consumerGroupHeartbeat } from '../../../src/protocol/apis/consumer-group-heartbeat.ts'
import { ErrorCodes } from '../../../src/protocol/error-codes.ts'
import { expect } from './anomaly.ts'
import type { GroupReader } from './group-reader.ts'
import { SESSION_MS, type World } from './world.ts'

export const CONSUMER_GROUP = 'consumer'
const REBALANCE_MS = 8000
const SURELY_KNOWN_MS = 1000
const never = { atMs: Number.NEGATIVE_INFINITY, life: -1 }

export class ConsumerClient {
  readonly name: string
  epoch = 0
  owned: readonly number[] = []
  /** What it was told to read, and has not taken over. */
  told: readonly number[] | undefined
  private readonly world: World
  private readonly reader: GroupReader
  private readonly topicId: () => Buffer
  private readonly instanceId: string | null
  private incarnation = 0
  private alive = never
  /** The last answer did not come: it may have had an assignment, which is told again only to who tells everything. */
  private unanswered = false

  constructor(
    world: World,
    reader: GroupReader,
    name: string,
    options: { isStatic: boolean; topicId: () => Buffer },
  ) {
    this.world = world
    this.reader = reader
    this.name = name
    this.topicId = options.topicId
    this.instanceId = options.isStatic ? `instance-${name}` : null
  }

  get memberId(): string {
    return `${this.name}-${this.incarnation}`
  }

  private get key(): string {
    return this.instanceId ?? this.memberId
  }

  async run(): Promise<void> {
    const { world } = this
    while (!world.over) {
      await this.step()
      await world.pause(world.random.within(world.calm ? [800, 2000] : [100, 1500]))
    }
  }

  private async step(): Promise<void> {
    const { world } = this
    const draw = world.calm ? 0.2 : world.draw()
    if (this.epoch === 0 || draw < 0.55) return this.beat()
    if (draw < 0.88) return this.commit()
    if (draw < 0.92) {
      await world.pause(SESSION_MS * 1.3)
      // It has slept, and does not know that others have what it had.
      return this.commit()
    }
    if (draw < 0.96) return this.leave()
    // It ends without a word, and comes back as another.
    this.incarnation++
    this.drop()
  }

  private drop(): void {
    this.epoch = 0
    this.owned = []
    this.told = undefined
    this.alive = never
  }

  private async beat(): Promise<void> {
    const { world } = this
    if (this.told !== undefined && (world.calm || world.random.chance(0.7))) {
      const gained = this.told.filter((partition) => !this.owned.includes(partition))
      this.owned = this.told
      this.told = undefined
      if (gained.length > 0) await this.reader.fetch(this.name, CONSUMER_GROUP, gained)
    }
    const joining = this.epoch === 0
    const whole = joining || this.unanswered
    const settled = this.told === undefined
    const sentMs = world.nowMs
    const { memberId } = this
    const answer = await world.call(this.name, consumerGroupHeartbeat, {
      groupId: CONSUMER_GROUP,
      memberId,
      memberEpoch: this.epoch,
      instanceId: this.instanceId,
      rebalanceTimeoutMs: whole ? REBALANCE_MS : -1,
      subscribedTopicNames: whole ? ['t'] : null,
      topicPartitions:
        this.owned.length === 0 ? [] : [{ topicId: this.topicId(), partitions: [...this.owned] }],
    })
    this.unanswered = answer?.errorCode !== ErrorCodes.NONE
    if (answer === undefined) return
    const { errorCode, assignment } = answer
    world.trace(
      `${this.name}: beat ${errorCode} epoch ${answer.memberEpoch} ${assignment?.topicPartitions.flatMap((t) => t.partitions)}`,
    )
    if (errorCode === ErrorCodes.NONE) {
      this.epoch = answer.memberEpoch
      if (assignment !== null) this.told = assignment.topicPartitions.flatMap(({ partitions }) => partitions)
      this.alive = settled && this.told === undefined ? { atMs: sentMs, life: world.lifeNumber } : never
      this.reader.ownership.told(CONSUMER_GROUP, this.epoch, this.key, this.told ?? this.owned)
      if (world.calm) await this.commit()
    } else if (errorCode === ErrorCodes.UNKNOWN_MEMBER_ID || errorCode === ErrorCodes.FENCED_MEMBER_EPOCH) {
      this.mustBeForgotten(errorCode)
      this.drop()
    } else if (errorCode === ErrorCodes.FENCED_INSTANCE_ID || errorCode === ErrorCodes.GROUP_ID_NOT_FOUND) {
      this.drop()
    }
  }

  private mustBeForgotten(errorCode: number): void {
    const { world, alive } = this
    const surely =
      alive.life === world.lifeNumber - 1 &&
      world.endedMs - alive.atMs < SURELY_KNOWN_MS &&
      world.nowMs - world.startedMs < SURELY_KNOWN_MS
    expect(
      !surely,
      'forgotten-member',
      () => `${this.memberId} of epoch ${this.epoch} is answered ${errorCode}`,
    )
  }

  private async commit(): Promise<void> {
    const { ownership } = this.reader
    const { key, memberId, epoch, instanceId } = this
    // What it is about to give up it does not commit any more.
    const partitions = this.owned.filter((partition) => this.told?.includes(partition) ?? true)
    const owners = new Map(
      partitions.map((partition) => [partition, ownership.lastOwnerOf(CONSUMER_GROUP, partition)]),
    )
    const claim = { memberId, generation: epoch, instanceId }
    await this.reader.commit(this.name, CONSUMER_GROUP, partitions, claim, (partition) => {
      expect(owners.get(partition) === key, 'old-generation', () => {
        return `${key} committed ${partition} in epoch ${epoch}, it belonged to ${owners.get(partition)}`
      })
    })
  }

  private async leave(): Promise<void> {
    const { world, memberId, instanceId } = this
    const forNow = instanceId !== null && world.random.chance(0.5)
    this.drop()
    await world.call(this.name, consumerGroupHeartbeat, {
      groupId: CONSUMER_GROUP,
      memberId,
      memberEpoch: forNow ? -2 : -1,
      instanceId,
    })
    this.incarnation++
    await world.pause(world.random.within([0, 3000]))
  }
}
