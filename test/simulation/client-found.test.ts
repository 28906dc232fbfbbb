/** What the simulation of clients has found, each as short as it can be told: members of a group that hear too little. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/broker.ts'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { type Consumer, createConsumer } from '../../src/client/consumer/consumer.ts'
import { createProducer } from '../../src/client/producer/producer.ts'
import { MillraceError } from '../../src/core/errors.ts'
import { sleep } from '../../src/platform/clock.ts'
import { type Simulation, simulatedPlatform } from '../../src/platform/simulated/platform.ts'
import type { Connection } from '../../src/protocol/connection.ts'
import { ErrorCodes } from '../../src/protocol/error-codes.ts'

const TOPIC = 't'
const GROUP = 'g'
const SESSION_MS = 1000
const protocols = ['classic', 'consumer'] as const

/** What becomes of a request by the name of its API: lost on its way, or its answer lost on the way back. */
type Loss = (api: string, answer: unknown) => 'request' | 'answer' | undefined

class World {
  readonly simulation: Simulation
  private readonly broker: Broker

  constructor(simulation: Simulation, broker: Broker) {
    this.simulation = simulation
    this.broker = broker
  }

  static run(name: string, story: (world: World) => Promise<void>): void {
    test(name, async () => {
      const simulation = simulatedPlatform({ seed: name })
      const run = async (): Promise<void> => {
        const broker = await Broker.open({
          platform: simulation,
          dataDirectory: '/data',
          config: {
            'group.min.session.timeout.ms': 500,
            'group.consumer.session.timeout.ms': SESSION_MS,
            'group.consumer.heartbeat.interval.ms': 200,
          },
        })
        const world = new World(simulation, broker)
        await createAdmin(world.cluster()).createTopics([{ topic: TOPIC, partitions: 2 }])
        await story(world)
        await broker.close()
      }
      await simulation.runUntil(run(), { limitMs: 600_000, what: name })
    })
  }

  cluster(loss: Loss = () => undefined): Cluster {
    const { broker, simulation } = this
    const lost = (): MillraceError => new MillraceError('MR_CONNECTION_LOST', 'lost', { retriable: true })
    return new Cluster({
      platform: simulation,
      connect: () => {
        const connection = broker.connect()
        const lossy: Connection = {
          get closed() {
            return connection.closed
          },
          close: () => connection.close(),
          send: async (api, request, options) => {
            if (loss(api.name, undefined) === 'request') throw lost()
            const answer = await connection.send(api, request, options)
            if (loss(api.name, answer) === 'answer') throw lost()
            return answer
          },
        }
        return lossy
      },
    })
  }

  async member(protocol: (typeof protocols)[number], loss?: Loss): Promise<Consumer> {
    const consumer = createConsumer(this.cluster(loss), {
      group: GROUP,
      protocol,
      offsetReset: 'earliest',
      sessionTimeoutMs: SESSION_MS,
      heartbeatIntervalMs: 200,
      rebalanceTimeoutMs: 60_000,
    })
    await consumer.subscribe([TOPIC])
    return consumer
  }

  async poll(consumers: readonly Consumer[], holds: () => boolean): Promise<void> {
    while (!holds()) await Promise.all(consumers.map((consumer) => consumer.poll({ maxWaitMs: 50 })))
  }
}

const count = (consumer: Consumer): number => consumer.assignment().length

/** Whether an answer to a heartbeat of KIP-848 gives partitions. */
function assigns(answer: unknown): boolean {
  const { assignment } = answer as { assignment?: { topicPartitions: readonly unknown[] } | null }
  return (assignment?.topicPartitions.length ?? 0) > 0
}

World.run('an assignment whose answer was lost is told again', async (world) => {
  let lost = 0
  const a = await world.member('consumer')
  await world.poll([a], () => count(a) === 2)
  const b = await world.member('consumer', (api, answer) => {
    if (api !== 'ConsumerGroupHeartbeat' || answer === undefined || !assigns(answer) || lost > 0)
      return undefined
    lost++
    return 'answer'
  })
  await world.poll([a, b], () => count(a) === 1 && count(b) === 1)
  assert.equal(lost, 1)
  await Promise.all([a.close(), b.close()])
})

World.run('partitions of a topic whose name cannot be found out at once are read later', async (world) => {
  const { clock } = world.simulation
  let failed = 0
  const a = await world.member('consumer', (api) => {
    if (api !== 'Metadata' || clock.monotonicMs() > 3000) return undefined
    failed++
    return 'request'
  })
  await world.poll([a], () => count(a) === 2)
  assert.ok(failed > 0)
  await a.close()
})

for (const protocol of protocols) {
  World.run(
    `what was polled before a member was thrown out joins no transaction (${protocol})`,
    async (world) => {
      let silent = false
      const isHeartbeat = (api: string): boolean => api === 'Heartbeat' || api === 'ConsumerGroupHeartbeat'
      const zombie = await world.member(protocol, (api) =>
        silent && isHeartbeat(api) ? 'request' : undefined,
      )
      await world.poll([zombie], () => count(zombie) === 2)
      const before = zombie.groupMetadata()
      silent = true
      const heir = await world.member(protocol)
      await world.poll([heir], () => count(heir) === 2)
      silent = false
      // The zombie's heartbeats tell it now that it is out; nothing polls, so it still works on what it has.
      await sleep(world.simulation.clock, 2 * SESSION_MS)
      assert.deepEqual(zombie.groupMetadata(), before)
      const producer = createProducer(world.cluster(), { transactionalId: 'zombie' })
      await producer.init()
      producer.begin()
      const offsets = [{ topic: TOPIC, partition: 0, offset: 7 }]
      await assert.rejects(producer.sendOffsets(zombie.groupMetadata(), offsets), {
        code: 'MR_KAFKA',
        message: /UNKNOWN_MEMBER_ID|ILLEGAL_GENERATION|STALE_MEMBER_EPOCH/,
      })
      await producer.abort()
      await world.poll([zombie, heir], () => count(zombie) === 1 && count(heir) === 1)
      assert.notDeepEqual(zombie.groupMetadata(), before)
      await Promise.all([zombie.close(), heir.close(), producer.close()])
    },
  )
}

World.run(
  'a poll does not fail when the member was thrown out before it knew its position',
  async (world) => {
    const { clock } = world.simulation
    let outUntilMs = -1
    let refused = 0
    // Nothing of it is heard until its session has passed; then its question comes through before its heartbeat.
    const member = await world.member('consumer', (api, answer) => {
      if (api === 'OffsetFetch') {
        if (outUntilMs < 0) outUntilMs = clock.monotonicMs() + 3 * SESSION_MS
        const { groups = [] } = (answer ?? {}) as { groups?: readonly { errorCode: number }[] }
        if (groups[0]?.errorCode === ErrorCodes.UNKNOWN_MEMBER_ID) refused++
        return clock.monotonicMs() < outUntilMs ? 'request' : undefined
      }
      const silent = api === 'ConsumerGroupHeartbeat' && outUntilMs >= 0 && refused === 0
      return silent ? 'request' : undefined
    })
    const isReading = (): boolean => count(member) === 2 && member.position(TOPIC, 0) === 0
    await world.poll([member], () => refused > 0 && isReading())
    await member.close()
  },
)
