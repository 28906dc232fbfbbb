/**
 * Joins by a running pipeline: a broker and two threads in one simulated process, four partitions, exactly once. What
 * is written at the end is what the last values say.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Broker } from '../broker/broker.ts'
import { createAdmin } from '../client/admin/admin.ts'
import { Cluster } from '../client/cluster.ts'
import { readJson } from '../client/consumer/read-topic-fixture.ts'
import { createProducer } from '../client/producer/producer.ts'
import { silentLogger } from '../core/logger.ts'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { localThreads } from './local-threads.ts'
import { pipelineSettings } from './pipeline-config.ts'
import { PipelineRuntime } from './pipeline-runtime.ts'
import { prepareTopics } from './pipeline-topics.ts'

const PARTITIONS = 4
const LIMITS = { limitMs: 600_000, limitEvents: 2_000_000 }
const topics = ['orders', 'customers', 'rates', 'payments'] as const

interface Order {
  readonly customer: string
  readonly currency: string
  readonly n: number
}

function shop() {
  const app = pipeline('shop')
  const orders = app.table('orders', json<Order>())
  const customers = app.table('customers', json<string>())
  const rates = app.globalTable('rates', json<number>())
  const payments = app.stream('payments', json<number>())
  orders
    .leftJoinOn(
      customers,
      (order) => order.customer,
      (order, name) => ({ ...order, name }),
      { name: 'named' },
    )
    .to('named')
  orders
    .toStream()
    .leftJoin(payments, (order, payment) => [order?.n ?? null, payment], { within: 500, name: 'paid' })
    .to('paid')
  orders
    .toStream()
    .filter((order) => order !== null)
    .join(rates, (order, rate) => order.n * rate, { on: (order) => order.currency })
    .to('priced')
  return app
}

/** Two hundred orders that change their customers, customers that change their names, and a payment for every second. */
async function fill(cluster: Cluster): Promise<{ orders: Map<string, Order>; names: Map<string, string> }> {
  const producer = createProducer(cluster)
  const orders = new Map<string, Order>()
  const names = new Map<string, string>()
  const send = async (topic: string, key: string, value: unknown, timestampMs: number) => {
    await producer.send({ topic, key, value: JSON.stringify(value), timestampMs })
  }
  for (const [currency, rate] of Object.entries({ USD: 2, EUR: 3 }))
    await send('rates', currency, rate, 9_000_000)
  for (let n = 0; n < 400; n++) {
    const atMs = 1_000_000 + n * 100
    const key = `order-${n % 200}`
    const order = { customer: `c${(n * 7) % 30}`, currency: n % 2 === 0 ? 'USD' : 'EUR', n }
    orders.set(key, order)
    await send('orders', key, order, atMs)
    if (n % 2 === 0) await send('payments', key, n, atMs + 400)
    if (n % 5 !== 0) continue
    const customer = `c${n % 40}`
    names.set(customer, `name-${n}`)
    await send('customers', customer, `name-${n}`, atMs + 1)
  }
  await producer.close()
  return { orders, names }
}

async function start(cluster: Cluster, { clock }: ReturnType<typeof simulatedPlatform>) {
  const plan = shop().plan()
  const partitionCounts = await prepareTopics(plan, createAdmin(cluster))
  const settings = pipelineSettings({ commitInterval: '50 ms', idle: 100, delivery: 'exactly-once' }, true)
  const logger = silentLogger
  const startThread = localThreads({ plan, settings, cluster, clock, logger, partitionCounts })
  const runtime = new PipelineRuntime({ plan, clock, logger, threads: 2, partitionCounts, startThread })
  runtime.start()
  return runtime
}

describe('a running pipeline', () => {
  it('joins by foreign key, with a global table and two streams, over four partitions', async () => {
    const simulation = simulatedPlatform({ seed: 7 })
    const logger = silentLogger
    const goal = (async () => {
      const broker = await Broker.open({ platform: simulation, dataDirectory: '/data', logger })
      const cluster = new Cluster({ platform: simulation, logger, connect: () => broker.connect() })
      const admin = createAdmin(cluster)
      await admin.createTopics(topics.map((topic) => ({ topic, partitions: PARTITIONS })))
      const { orders, names } = await fill(cluster)
      const runtime = await start(cluster, simulation)
      const ends = await admin.listOffsets(runtime.inputs(), { at: 'latest' })
      await runtime.drainTo(new Map([...ends].map(([name, { offset }]) => [name, offset])), 300_000)

      const named = Object.fromEntries(await readJson(cluster, 'named'))
      const expected = [...orders].map(([key, order]) => [
        key,
        { ...order, name: names.get(order.customer) ?? null },
      ])
      assert.deepEqual(named, Object.fromEntries(expected))
      const paid = await readJson(cluster, 'paid')
      assert.equal(paid.length, 400)
      for (const [, value] of paid) {
        const [n, payment] = value as [number, number | null]
        assert.equal(payment, n % 2 === 0 ? n : null)
      }
      const priced = (await readJson<number>(cluster, 'priced')).map(([, value]) => value)
      const prices = Array.from({ length: 400 }, (_, n) => n * (n % 2 === 0 ? 2 : 3))
      assert.deepEqual(
        priced.toSorted((a, b) => a - b),
        prices.toSorted((a, b) => a - b),
      )
      await runtime.stop()
      await cluster.close()
      await broker.close()
    })()
    await simulation.runUntil(goal, { ...LIMITS, what: 'the joins' })
  })
})
