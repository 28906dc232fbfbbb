/** What members of a group do over time: against our broker, on the simulated platform's clock. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/broker.ts'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { cooperativeStickyAssignor } from '../../src/client/consumer/assignors/cooperative-sticky.ts'
import { type Consumer, type ConsumerOptions, createConsumer } from '../../src/client/consumer/consumer.ts'
import { createProducer } from '../../src/client/producer/producer.ts'
import type { Logger } from '../../src/core/logger.ts'
import type { TopicPartition } from '../../src/core/record.ts'
import { sleep } from '../../src/platform/clock.ts'
import { type Simulation, simulatedPlatform } from '../../src/platform/simulated/platform.ts'

const TOPIC = 't'
const GROUP = 'g'
const times = { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 1000, rebalanceTimeoutMs: 60_000 }

class World {
  readonly simulation: Simulation
  readonly diary: string[] = []
  readonly warnings: string[] = []
  private broker: Broker | undefined

  constructor(seed: string) {
    this.simulation = simulatedPlatform({ seed })
  }

  /** Runs a test's story on virtual time. */
  static run(name: string, story: (world: World) => Promise<void>): void {
    test(name, async () => {
      const world = new World(name)
      await world.simulation.runUntil(
        world.start().then(() => story(world)),
        { limitMs: 3_600_000, what: name },
      )
    })
  }

  async start(): Promise<void> {
    await this.startBroker()
    const cluster = this.cluster('setup')
    await createAdmin(cluster).createTopics([{ topic: TOPIC, partitions: 2 }])
    await cluster.close()
  }

  async restartBroker(downMs: number): Promise<void> {
    this.simulation.host('broker').crash('process')
    await this.wait(downMs)
    this.simulation.host('broker').start()
    await this.startBroker()
  }

  wait(ms: number): Promise<void> {
    return sleep(this.simulation.clock, ms)
  }

  get nowMs(): number {
    return this.simulation.clock.monotonicMs()
  }

  cluster(host: string): Cluster {
    const note = (_fields: unknown, message: string): void => void this.warnings.push(message)
    const logger: Logger = { debug() {}, info() {}, warn: note, error: note }
    return new Cluster({
      platform: this.simulation.host(host).platform,
      brokers: ['broker:9092'],
      requestTimeoutMs: 3000,
      logger,
    })
  }

  /** A consumer on a host of its own that has subscribed. */
  async member(name: string, options: ConsumerOptions = {}, slowMs = 0): Promise<Consumer> {
    const consumer = createConsumer(this.cluster(name), {
      group: GROUP,
      offsetReset: 'earliest',
      ...times,
      ...options,
    })
    const note = (what: string) => async (partitions: readonly TopicPartition[]) => {
      this.diary.push(`${name} ${what} ${partitions.map(({ partition }) => partition)}`)
      if (what === 'revoked' && slowMs > 0) {
        await this.wait(slowMs)
        this.diary.push(`${name} let go`)
      }
    }
    await consumer.subscribe([TOPIC], {
      onAssigned: note('assigned'),
      onRevoked: note('revoked'),
      onLost: note('lost'),
    })
    return consumer
  }

  /** Polls all of them until something holds. */
  async poll(consumers: readonly Consumer[], holds: () => boolean): Promise<void> {
    while (!holds()) await Promise.all(consumers.map((consumer) => consumer.poll({ maxWaitMs: 100 })))
  }

  private async startBroker(): Promise<void> {
    const { platform } = this.simulation.host('broker')
    this.broker = await Broker.open({ platform, dataDirectory: '/data' })
    await this.broker.listen({
      host: '127.0.0.1',
      port: 9092,
      advertisedHost: 'broker',
      advertisedPort: 9092,
    })
  }
}

const count = (consumer: Consumer): number => consumer.assignment().length

World.run(
  'a member that works on something for longer than its session keeps its partitions',
  async (world) => {
    const [a, b] = [await world.member('a'), await world.member('b')]
    await world.poll([a, b], () => count(a) === 1 && count(b) === 1)
    const { generation } = a.groupMetadata()
    await world.poll([b], () => world.nowMs > 40_000)
    await a.poll({ maxWaitMs: 0 })
    assert.equal(a.groupMetadata().generation, generation)
    assert.equal(count(a), 1)
    assert.ok(!world.diary.some((line) => line.includes('lost')))
  },
)

World.run('partitions go to another member only after onRevoked has returned', async (world) => {
  for (const assignors of [undefined, [cooperativeStickyAssignor]]) {
    world.diary.length = 0
    const options = assignors === undefined ? {} : { assignors }
    const a = await world.member('a', options, 20_000)
    await world.poll([a], () => count(a) === 2)
    const b = await world.member('b', options)
    await world.poll([a, b], () => count(a) === 1 && count(b) === 1)
    const letGo = world.diary.indexOf('a let go')
    const taken = world.diary.findIndex((line) => line.startsWith('b assigned'))
    assert.ok(letGo > 0 && letGo < taken, world.diary.join('; '))
    await Promise.all([a.close(), b.close()])
  }
})

World.run(
  'a member that does not poll for too long is out, and told of it when it polls again',
  async (world) => {
    const [a, b] = [await world.member('a'), await world.member('b')]
    await world.poll([a, b], () => count(a) === 1 && count(b) === 1)
    const startMs = world.nowMs
    await world.poll([b], () => count(b) === 2)
    assert.ok(world.nowMs - startMs >= 60_000 && world.nowMs - startMs < 70_000)
    assert.ok(world.warnings.includes('poll was not called for too long, leaving the group'))
    world.diary.length = 0
    await world.poll([a, b], () => count(a) === 1 && count(b) === 1)
    assert.match(world.diary[0]!, /^a lost \d$/)
  },
)

World.run('a member that was cut off for longer than its session has lost its partitions', async (world) => {
  const [a, b] = [await world.member('a'), await world.member('b')]
  await world.poll([a, b], () => count(a) === 1 && count(b) === 1)
  world.simulation.network.links.partition('a', 'broker')
  await world.poll([a, b], () => count(b) === 2)
  await assert.rejects(a.commit([{ topic: TOPIC, partition: 0, offset: 0 }]), { code: 'MR_TIMEOUT' })
  world.simulation.network.links.heal()
  world.diary.length = 0
  await world.poll([a, b], () => count(a) === 1 && count(b) === 1)
  assert.match(world.diary[0]!, /^a lost \d$/)
})

World.run('members come back together after the broker was down', async (world) => {
  const [a, b] = [await world.member('a'), await world.member('b')]
  await world.poll([a, b], () => count(a) === 1 && count(b) === 1)
  const restarting = world.restartBroker(15_000)
  await world.poll([a, b], () => world.nowMs > 60_000)
  await restarting
  await world.poll([a, b], () => count(a) === 1 && count(b) === 1)
  const producer = createProducer(world.cluster('p'))
  await Promise.all([0, 1].map((partition) => producer.send({ topic: TOPIC, partition, value: 'after' })))
  const seen: number[] = []
  while (seen.length < 2) {
    for (const consumer of [a, b]) {
      for (const { partition } of await consumer.poll({ maxWaitMs: 100 })) seen.push(partition)
    }
  }
  assert.deepEqual(seen.sort(), [0, 1])
})

World.run(
  'a partition that is assigned and not read is warned about once, with the reason',
  async (world) => {
    const a = await world.member('a', { rebalanceTimeoutMs: 600_000 })
    await world.poll([a], () => count(a) === 2)
    const producer = createProducer(world.cluster('p'))
    await producer.send({ topic: TOPIC, partition: 0, value: 'x' })
    await producer.close()
    await world.wait(120_000)
    const notPolled = 'a partition is assigned and not read: poll is not called'
    assert.deepEqual(
      world.warnings.filter((line) => line.startsWith('a partition')),
      [notPolled],
    )
    await a.poll({ maxWaitMs: 100 })
    world.warnings.length = 0
    world.simulation.network.links.partition('a', 'broker')
    await world.poll([a], () => world.warnings.some((line) => line.includes('no broker answers')))
    a.pause(a.assignment())
    world.warnings.length = 0
    await world.wait(120_000)
    assert.ok(!world.warnings.some((line) => line.includes('assigned and not read')))
  },
)

World.run('closing revokes, and the group learns of it at once', async (world) => {
  const [a, b] = [await world.member('a'), await world.member('b')]
  await world.poll([a, b], () => count(a) === 1 && count(b) === 1)
  const startMs = world.nowMs
  await a.close()
  assert.match(world.diary.at(-1)!, /^a revoked \d$/)
  await world.poll([b], () => count(b) === 2)
  assert.ok(world.nowMs - startMs < 5000)
  await assert.rejects(a.poll(), { code: 'MR_CLOSED' })
})

World.run('a callback that throws is told by poll, and the group goes on', async (world) => {
  const consumer = createConsumer(world.cluster('a'), { group: GROUP, ...times })
  let calls = 0
  await consumer.subscribe([TOPIC], {
    onAssigned: () => {
      if (++calls === 1) throw new Error('not ready')
    },
  })
  await assert.rejects(
    world.poll([consumer], () => false),
    /not ready/,
  )
  await world.poll([consumer], () => count(consumer) === 2)
  assert.equal(calls, 1)
})
