/** A consumer of the classic protocol: joins, leads, reads, commits; and leaves, falls silent, and comes back. */
import { heartbeat } from '../../../src/protocol/apis/heartbeat.ts'
import { joinGroup } from '../../../src/protocol/apis/join-group.ts'
import { leaveGroup } from '../../../src/protocol/apis/leave-group.ts'
import { syncGroup } from '../../../src/protocol/apis/sync-group.ts'
import { encodeVersioned } from '../../../src/protocol/codec/message.ts'
import { ErrorCodes } from '../../../src/protocol/error-codes.ts'
import { consumerProtocolSubscription } from '../../../src/protocol/messages/consumer-protocol.ts'
import type { ResponseOf } from '../../../src/protocol/schema/message.ts'
import { expect } from './anomaly.ts'
import type { GroupReader } from './group-reader.ts'
import { SESSION_MS, type World } from './world.ts'

export const CLASSIC_GROUP = 'classic'
const REBALANCE_MS = 5000
/** A member that was heard so shortly before and after a restart cannot have been given up. */
const SURELY_KNOWN_MS = 1000
const V_STATIC = { version: 5 }
const V_SYNC = { version: 3 }

const metadata = encodeVersioned(consumerProtocolSubscription, 1, { topics: ['t'] })

export class ClassicClient {
  readonly name: string
  memberId = ''
  generation = -1
  assigned: readonly number[] = []
  joined = false
  private readonly world: World
  private readonly reader: GroupReader
  private readonly instanceId: string | null
  private alive = { atMs: Number.NEGATIVE_INFINITY, life: -1 }

  constructor(world: World, reader: GroupReader, name: string, isStatic: boolean) {
    this.world = world
    this.reader = reader
    this.name = name
    this.instanceId = isStatic ? `instance-${name}` : null
  }

  private get key(): string {
    return this.instanceId ?? this.memberId
  }

  async run(): Promise<void> {
    const { world } = this
    while (!world.over) {
      if (!this.joined) await this.join()
      else await this.step()
      await world.pause(world.random.within(world.calm ? [800, 2000] : [100, 1500]))
    }
  }

  private forgetGeneration(): void {
    this.joined = false
    this.generation = -1
    this.assigned = []
  }

  private async join(): Promise<void> {
    const { world, instanceId } = this
    this.alive = { atMs: Number.NEGATIVE_INFINITY, life: -1 }
    const answer = await world.call(
      this.name,
      joinGroup,
      {
        groupId: CLASSIC_GROUP,
        sessionTimeoutMs: SESSION_MS,
        rebalanceTimeoutMs: REBALANCE_MS,
        memberId: this.memberId,
        groupInstanceId: instanceId,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata }],
      },
      V_STATIC,
    )
    if (answer === undefined) return
    world.trace(`${this.name}: join ${answer.errorCode} generation ${answer.generationId}`)
    switch (answer.errorCode) {
      case ErrorCodes.NONE:
        this.memberId = answer.memberId
        return this.sync(answer)
      case ErrorCodes.MEMBER_ID_REQUIRED:
        this.memberId = answer.memberId
        return
      case ErrorCodes.UNKNOWN_MEMBER_ID:
      case ErrorCodes.FENCED_INSTANCE_ID:
        this.memberId = ''
    }
  }

  private async sync(joined: ResponseOf<typeof joinGroup>): Promise<void> {
    const { world, memberId, instanceId } = this
    const members = joined.members.map((member) => member.memberId)
    const assignments = members.map((id, at) => ({
      memberId: id,
      assignment: Buffer.from(this.reader.partitions.filter((p) => p % members.length === at)),
    }))
    const sentMs = world.nowMs
    const answer = await world.call(
      this.name,
      syncGroup,
      {
        groupId: CLASSIC_GROUP,
        generationId: joined.generationId,
        memberId,
        groupInstanceId: instanceId,
        assignments: memberId === joined.leader ? assignments : [],
      },
      V_SYNC,
    )
    if (answer === undefined) return
    world.trace(`${this.name}: sync ${answer.errorCode} ${[...answer.assignment]}`)
    if (answer.errorCode === ErrorCodes.UNKNOWN_MEMBER_ID) this.memberId = ''
    if (answer.errorCode !== ErrorCodes.NONE) return
    this.generation = joined.generationId
    this.assigned = [...answer.assignment]
    this.joined = true
    this.heard(sentMs)
    this.reader.ownership.told(CLASSIC_GROUP, this.generation, this.key, this.assigned)
    await this.reader.fetch(this.name, CLASSIC_GROUP, this.assigned)
  }

  private heard(sentMs: number): void {
    this.alive = { atMs: sentMs, life: this.world.lifeNumber }
  }

  private async step(): Promise<void> {
    const { world } = this
    const draw = world.calm ? 0.2 : world.draw()
    if (draw < 0.5) return this.beat()
    if (draw < 0.88) return this.commit()
    if (draw < 0.92) {
      await world.pause(SESSION_MS * 1.3)
      // It has slept, and does not know that others have what it had.
      return this.commit()
    }
    if (draw < 0.96) return this.leave()
    // It ends without a word, and comes back; a static one under its old name.
    this.memberId = ''
    this.forgetGeneration()
  }

  private async beat(): Promise<void> {
    const { world, memberId, instanceId, generation } = this
    const sentMs = world.nowMs
    const request = {
      groupId: CLASSIC_GROUP,
      generationId: generation,
      memberId,
      groupInstanceId: instanceId,
    }
    const answer = await world.call(this.name, heartbeat, request)
    if (answer === undefined) return
    const { errorCode } = answer
    if (errorCode !== ErrorCodes.NONE) world.trace(`${this.name}: heartbeat ${errorCode}`)
    if (errorCode === ErrorCodes.NONE) {
      this.heard(sentMs)
      if (world.calm) await this.commit()
    } else if (
      errorCode === ErrorCodes.REBALANCE_IN_PROGRESS ||
      errorCode === ErrorCodes.ILLEGAL_GENERATION
    ) {
      this.forgetGeneration()
    } else if (errorCode === ErrorCodes.UNKNOWN_MEMBER_ID || errorCode === ErrorCodes.FENCED_INSTANCE_ID) {
      if (errorCode === ErrorCodes.UNKNOWN_MEMBER_ID) this.mustBeForgotten()
      this.memberId = ''
      this.forgetGeneration()
    }
  }

  private mustBeForgotten(): void {
    const { world, alive } = this
    const surely =
      alive.life === world.lifeNumber - 1 &&
      world.endedMs - alive.atMs < SURELY_KNOWN_MS &&
      world.nowMs - world.startedMs < SURELY_KNOWN_MS
    expect(
      !surely,
      'forgotten-member',
      () => `${this.name} (${this.memberId}) of generation ${this.generation}`,
    )
  }

  private async commit(): Promise<void> {
    const claim = {
      memberId: this.memberId,
      generation: this.generation,
      instanceId: this.instanceId,
    }
    const { generation } = this
    const newest = this.reader.ownership.newestOf(CLASSIC_GROUP)
    await this.reader.commit(this.name, CLASSIC_GROUP, this.assigned, claim, (partition) => {
      expect(generation >= newest, 'old-generation', () => {
        return `${this.name} committed ${partition} in generation ${generation}, ${newest} had begun`
      })
    })
  }

  private async leave(): Promise<void> {
    const { world, memberId, instanceId } = this
    this.alive = { atMs: Number.NEGATIVE_INFINITY, life: -1 }
    await world.call(this.name, leaveGroup, {
      groupId: CLASSIC_GROUP,
      members: [{ memberId, groupInstanceId: instanceId }],
    })
    this.memberId = ''
    this.forgetGeneration()
    await world.pause(world.random.within([0, 3000]))
  }
}
