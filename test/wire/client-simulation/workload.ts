/**
 * Clients and a broker on the simulated platform, with faults from a seed: connections cut, ways clogged and
 * partitioned, the broker killed and started again. In the end everything heals, the clients finish, and the history
 * is checked.
 */
import { Broker } from '../../../src/broker/broker.ts'
import { createAdmin } from '../../../src/client/admin/admin.ts'
import { Cluster } from '../../../src/client/cluster.ts'
import { cooperativeStickyAssignor } from '../../../src/client/consumer/assignors/cooperative-sticky.ts'
import { rangeAssignor } from '../../../src/client/consumer/assignors/range.ts'
import { createConsumer } from '../../../src/client/consumer/consumer.ts'
import { recordsOf } from '../../../src/client/consumer/records.ts'
import { createProducer, type Producer } from '../../../src/client/producer/producer.ts'
import { MillraceError } from '../../../src/core/errors.ts'
import { sleep } from '../../../src/platform/clock.ts'
import { type Simulation, simulatedPlatform } from '../../../src/platform/simulated/platform.ts'
import type { SimulatedRandom } from '../../../src/platform/simulated/random.ts'
import { History, type Read, type Write } from './history.ts'

const TOPIC = 'events'
const PARTITIONS = 3
const PORT = 9092
const FAULTY_MS = 20_000
const PLAIN_PRODUCERS = 2
const TRANSACTIONAL_PRODUCERS = 2
const MEMBERS = 3

export interface Outcome {
  readonly acknowledged: number
  readonly committed: number
  readonly aborted: number
  readonly polled: number
  readonly faults: number
}

/** Runs one seed. Throws when something was lost, doubled, torn, or out of order, or when nothing moves any more. */
export async function simulateClients(seed: number | string): Promise<Outcome> {
  const world = new World(seed)
  await world.simulation.runUntil(world.run(), {
    limitMs: 1_800_000,
    limitEvents: 20_000_000,
    what: 'the run',
  })
  const polled = [...world.history.polled.values()].reduce((sum, reads) => sum + reads.length, 0)
  const ends = [...world.history.transactions.values()]
  return {
    acknowledged: [...world.history.writes.values()].filter(({ outcome }) => outcome === 'acknowledged')
      .length,
    committed: ends.filter((end) => end === 'committed').length,
    aborted: ends.filter((end) => end === 'aborted').length,
    polled,
    faults: world.faults,
  }
}

class World {
  readonly simulation: Simulation
  readonly history = new History()
  faults = 0
  private readonly chance: SimulatedRandom
  private broker: Broker | undefined
  private faulty = true

  constructor(seed: number | string) {
    this.simulation = simulatedPlatform({ seed })
    this.chance = this.simulation.chance
  }

  async run(): Promise<void> {
    await this.startBroker()
    const setup = this.cluster('setup')
    await createAdmin(setup).createTopics([{ topic: TOPIC, partitions: PARTITIONS }])
    const clients: Promise<void>[] = []
    for (let index = 0; index < PLAIN_PRODUCERS; index++) clients.push(this.produce(`p${index}`))
    for (let index = 0; index < TRANSACTIONAL_PRODUCERS; index++)
      clients.push(this.transact(`t${index}`, index))
    for (let index = 0; index < MEMBERS; index++) clients.push(this.consume(`c${index}`))
    clients.push(this.disturb())
    await Promise.all(clients)
    const log = await this.readAll(setup)
    await setup.close()
    await this.broker?.close()
    this.history.check(log)
  }

  private cluster(host: string): Cluster {
    return new Cluster({
      platform: this.simulation.host(host).platform,
      brokers: [`broker:${PORT}`],
      clientId: host,
      requestTimeoutMs: 2000,
      connectTimeoutMs: 1000,
    })
  }

  private async startBroker(): Promise<void> {
    const { platform } = this.simulation.host('broker')
    const broker = await Broker.open({ platform, dataDirectory: '/data' })
    await broker.listen({ host: '127.0.0.1', port: PORT, advertisedHost: 'broker', advertisedPort: PORT })
    this.broker = broker
  }

  private pause(fromMs: number, toMs: number): Promise<void> {
    return sleep(this.simulation.clock, this.chance.within([fromMs, toMs]))
  }

  /** Records one by one and many at a time, without transactions. */
  private async produce(name: string): Promise<void> {
    const cluster = this.cluster(name)
    // A short time for delivery makes batches fail of which nobody knows whether they were written.
    const deliveryTimeoutMs = this.chance.chance(0.5) ? 3000 : 600_000
    const producer = createProducer(cluster, { batchBytesMax: 200, deliveryTimeoutMs })
    const open: Promise<void>[] = []
    for (let number = 0; this.faulty; number++) {
      const partition = this.chance.within([0, PARTITIONS - 1])
      const value = `${name} ${number}`
      const write = this.history.write({ value, producer: name, partition, outcome: 'unknown' })
      open.push(settle(producer, write))
      if (this.chance.chance(0.3)) await this.pause(0, 200)
    }
    await Promise.all(open)
    await producer.close()
    await cluster.close()
  }

  private async transact(name: string, index: number): Promise<void> {
    const cluster = this.cluster(name)
    const options = { transactionalId: name, transactionVersionMax: index % 2 === 0 ? 1 : 2 } as const
    let producer = createProducer(cluster, options)
    await until(() => producer.init())
    for (let transaction = 0; this.faulty; transaction++) {
      const end = await this.oneTransaction(producer, name, transaction)
      this.history.transactions.set(`${name} ${transaction}`, end)
      if (end === 'unknown') {
        // The producer is at its end; a new one with its id finishes what it left open.
        await producer.close()
        producer = createProducer(cluster, options)
        await until(() => producer.init())
      }
      await this.pause(0, 100)
    }
    await producer.close()
    await cluster.close()
  }

  private async oneTransaction(
    producer: Producer,
    name: string,
    transaction: number,
  ): Promise<'committed' | 'aborted' | 'unknown'> {
    try {
      producer.begin()
      const count = this.chance.within([0, 6])
      for (let index = 0; index < count; index++) {
        const partition = this.chance.within([0, PARTITIONS - 1])
        const value = `${name} ${transaction}.${index}`
        const write = this.history.write({
          value,
          producer: name,
          partition,
          transaction,
          outcome: 'unknown',
        })
        void settle(producer, write)
        if (this.chance.chance(0.2)) await this.pause(0, 50)
      }
      if (this.chance.chance(0.25)) {
        await producer.abort()
        return 'aborted'
      }
      await until(() => producer.commit())
      return 'committed'
    } catch {
      return producer.abort().then(
        () => 'aborted' as const,
        () => 'unknown' as const,
      )
    }
  }

  /** A member of the group that comes and goes. */
  private async consume(name: string): Promise<void> {
    const cluster = this.cluster(name)
    while (this.faulty) {
      const consumer = createConsumer(cluster, {
        group: 'readers',
        offsetReset: 'earliest',
        assignors: this.chance.chance(0.5)
          ? [cooperativeStickyAssignor, rangeAssignor]
          : [rangeAssignor, cooperativeStickyAssignor],
        sessionTimeoutMs: 6000,
        heartbeatIntervalMs: 500,
        rebalanceTimeoutMs: 10_000,
        maxWaitMs: 200,
      })
      await consumer.subscribe([TOPIC])
      const endMs = this.simulation.clock.monotonicMs() + this.chance.within([2000, 15_000])
      while (this.faulty && this.simulation.clock.monotonicMs() < endMs) {
        await this.pollOnce(name, consumer)
      }
      await consumer.close()
      await this.pause(0, 1000)
    }
    await cluster.close()
  }

  private async pollOnce(name: string, consumer: ReturnType<typeof createConsumer>): Promise<void> {
    const reads = this.history.polled.get(name) ?? []
    this.history.polled.set(name, reads)
    const fetched = await consumer.poll({ maxWaitMs: 300 })
    for (const batches of fetched) {
      for (const { value, offset, partition } of recordsOf(batches)) {
        reads.push({ value: String(value), offset, partition })
      }
    }
    if (fetched.length === 0 || this.chance.chance(0.5)) return
    const offsets = fetched.map(({ topic, partition, nextOffset }) => ({
      topic,
      partition,
      offset: nextOffset,
    }))
    await consumer.commit(offsets).catch(expected)
  }

  /** Faults, until the time is over; then everything heals. */
  private async disturb(): Promise<void> {
    const { network, clock } = this.simulation
    const hosts = ['p0', 'p1', 't0', 't1', 'c0', 'c1', 'c2', 'setup']
    const endMs = clock.monotonicMs() + FAULTY_MS
    while (clock.monotonicMs() < endMs) {
      await this.pause(0, 1000)
      this.faults++
      const host = hosts[this.chance.within([0, hosts.length - 1])]!
      const kind = this.chance.within([0, 9])
      if (kind < 4) network.cut(host, 'broker')
      else if (kind < 6) network.links.clog(host, 'broker', this.chance.within([10, 5000]))
      else if (kind < 8) {
        const direction = this.chance.within([0, 2])
        if (direction === 0) network.links.partition(host, 'broker', 'both')
        else if (direction === 1) network.links.partition(host, 'broker', 'one')
        else network.links.partition('broker', host, 'one')
        await this.pause(100, 6000)
        network.links.heal(host, 'broker')
      } else await this.restartBroker()
    }
    network.links.heal()
    this.faulty = false
  }

  private async restartBroker(): Promise<void> {
    const host = this.simulation.host('broker')
    host.crash('process')
    await this.pause(10, 2000)
    host.start()
    await this.startBroker()
  }

  private async readAll(cluster: Cluster): Promise<Read[]> {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: TOPIC, partition }))
    const admin = createAdmin(cluster)
    const ends = await until(() => admin.listOffsets(partitions, { at: 'latest' }))
    const consumer = createConsumer(cluster, { maxWaitMs: 200 })
    consumer.assign(partitions.map((one) => ({ ...one, offset: 'earliest' as const })))
    const log: Read[] = []
    // A transaction that nobody ends is aborted by the broker after its timeout.
    while (!partitions.every(({ partition }) => isAt(consumer.position(TOPIC, partition), ends, partition))) {
      for (const batches of await consumer.poll()) {
        for (const { value, offset, partition } of recordsOf(batches)) {
          log.push({ value: String(value), offset, partition })
        }
      }
    }
    await consumer.close()
    return log
  }
}

function isAt(
  position: number,
  ends: ReadonlyMap<string, { readonly offset: number }>,
  partition: number,
): boolean {
  return position >= (ends.get(`${TOPIC}/${partition}`)?.offset ?? 0)
}

async function settle(producer: Producer, write: Write): Promise<void> {
  try {
    await producer.send({ topic: TOPIC, partition: write.partition, value: write.value })
    write.outcome = 'acknowledged'
  } catch (error) {
    expected(error)
    write.outcome = 'failed'
  }
}

/** Faults make calls fail in ways that have a name; anything else is a defect. */
function expected(error: unknown): void {
  if (!(error instanceof MillraceError) || error.code === 'MR_INVARIANT') throw error
}

/** Tries again as long as the error says that this may help. */
async function until<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof MillraceError) || !error.retriable) throw error
    }
  }
}
