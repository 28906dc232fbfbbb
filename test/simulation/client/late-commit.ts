/**
 * A commit that arrives late (KIP-890): the request that ends a transaction is held back on its way. The producer does
 * not get an answer, asks again over another connection, and goes on to the next transaction; then the old request
 * arrives. It must be refused: otherwise it commits what the next transaction has written so far, and tears it.
 */
import { Broker } from '../../../src/broker/broker.ts'
import { createAdmin } from '../../../src/client/admin/admin.ts'
import { Cluster } from '../../../src/client/cluster.ts'
import { createConsumer } from '../../../src/client/consumer/consumer.ts'
import { recordsOf } from '../../../src/client/consumer/records.ts'
import { createProducer, type Producer } from '../../../src/client/producer/producer.ts'
import { sleep } from '../../../src/platform/clock.ts'
import { type Simulation, simulatedPlatform } from '../../../src/platform/simulated/platform.ts'
import type { SimulatedRandom } from '../../../src/platform/simulated/random.ts'
import { expect } from './anomaly.ts'
import { Program } from './program.ts'

const TOPIC = 'events'
const PARTITIONS = 2
const place = { host: '127.0.0.1', port: 9092, advertisedHost: 'broker', advertisedPort: 9092 }

export interface LateCommitOptions {
  readonly seed: string | number
  /** Of transactions: before KIP-890, or since. */
  readonly version: 1 | 2
  /** The first transaction is aborted: so a late abort. */
  readonly aborts?: boolean
}

/** Runs one schedule. @throws Anomaly; MillraceError when a call fails that nothing keeps from succeeding */
export async function simulateLateCommit(options: LateCommitOptions): Promise<void> {
  const simulation = simulatedPlatform({ seed: options.seed })
  await simulation.runUntil(schedule(simulation, options), { limitMs: 600_000, what: 'a late commit' })
}

async function schedule(
  simulation: Simulation,
  { aborts = false, version }: LateCommitOptions,
): Promise<void> {
  const { chance, clock } = simulation
  const broker = await Broker.open({ platform: simulation.host('broker').platform, dataDirectory: '/data' })
  await broker.listen(place)
  const program = new Program('producer', simulation.host('producer').platform)
  const cluster = clusterOf(program.platform)
  const judge = clusterOf(simulation.host('judge').platform)
  await createAdmin(judge).createTopics([{ topic: TOPIC, partitions: PARTITIONS }])
  const producer = createProducer(cluster, { transactionalId: 'id', transactionVersionMax: version })
  await producer.init()
  const expected: string[] = []
  const before = chance.within([0, 2])
  for (let number = 0; number < before; number++) {
    expected.push(...(await transaction(producer, chance, `before ${number}`)))
    await producer.commit()
  }

  const first = await transaction(producer, chance, 'first')
  program.holdBack(3_600_000)
  const ended = aborts ? producer.abort() : producer.commit()
  await simulation.clock.nextTurn()
  program.letIdleGo()
  // The answer is waited for in vain; the second attempt gets one.
  await ended
  if (!aborts) expected.push(...first)

  const second = await transaction(producer, chance, 'second')
  await sleep(clock, chance.within([0, 30]))
  const stableBefore = await stableOffsets(judge)
  program.letGo()
  await sleep(clock, chance.within([20, 200]))
  const stableAfter = await stableOffsets(judge)
  expect(stableBefore === stableAfter, 'torn-transaction', () => {
    return `the late request has ended the second transaction: ${stableBefore} became ${stableAfter}`
  })
  for (const value of await write(producer, chance, 'second, after it')) second.push(value)
  if (chance.chance(0.5)) {
    await producer.commit()
    expected.push(...second)
  } else await producer.abort()
  expected.push(...(await transaction(producer, chance, 'third')))
  await producer.commit()
  const found = await readCommitted(judge)
  expect(found.toSorted().join() === expected.toSorted().join(), 'torn-transaction', () => {
    return `there is ${found.join(', ')}; it should be ${expected.join(', ')}`
  })
  await producer.close()
  await cluster.close()
  await judge.close()
  await broker.close()
}

function clusterOf(platform: Program['platform']): Cluster {
  return new Cluster({ platform, brokers: ['broker:9092'], requestTimeoutMs: 500, connectTimeoutMs: 500 })
}

/** Begins a transaction and fills it; all of it is acknowledged. */
async function transaction(producer: Producer, chance: SimulatedRandom, name: string): Promise<string[]> {
  producer.begin()
  return write(producer, chance, name)
}

async function write(producer: Producer, chance: SimulatedRandom, name: string): Promise<string[]> {
  const values = Array.from({ length: chance.within([1, 4]) }, (_, index) => `${name}.${index}`)
  await Promise.all(
    values.map((value) =>
      producer.send({ topic: TOPIC, partition: chance.within([0, PARTITIONS - 1]), value }),
    ),
  )
  return values
}

const all = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: TOPIC, partition }))

/** Up to where read_committed reads. */
async function stableOffsets(cluster: Cluster): Promise<string> {
  const found = await createAdmin(cluster).listOffsets(all, { at: 'latest', isolation: 'read_committed' })
  return [...found]
    .map(([name, { offset }]) => `${name}@${offset}`)
    .toSorted()
    .join(' ')
}

async function readCommitted(cluster: Cluster): Promise<string[]> {
  const ends = await createAdmin(cluster).listOffsets(all, { at: 'latest' })
  const consumer = createConsumer(cluster, { maxWaitMs: 50 })
  consumer.assign(all.map((one) => ({ ...one, offset: 'earliest' as const })))
  const values: string[] = []
  const isAtEnd = (partition: number): boolean =>
    consumer.position(TOPIC, partition) >= (ends.get(`${TOPIC}/${partition}`)?.offset ?? 0)
  while (!all.every(({ partition }) => isAtEnd(partition))) {
    for (const batches of await consumer.poll({ maxWaitMs: 50 })) {
      for (const { value } of recordsOf(batches)) values.push(String(value))
    }
  }
  await consumer.close()
  return values
}
