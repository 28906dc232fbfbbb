/** The examples of docs/guide/testing.md. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { count, json, type Pipeline, pipeline, sum, tumbling } from 'millrace'
import {
  assertOnce,
  assertOrder,
  assertSurvives,
  clockJump,
  crashAt,
  type DriverRecord,
  delay,
  duplicate,
  generator,
  loadFixture,
  partition,
  reorder,
  runTestCluster,
  testDriver,
} from 'millrace/testing'
import { z } from 'zod'
import { assertPrinted } from './printed-fixture.ts'

// #region pipeline
interface Order {
  readonly country: string
  readonly cents: number
}

function revenue(): Pipeline {
  const app = pipeline('revenue')
  app
    .stream('orders', json<Order>())
    .groupBy((order) => order.country)
    .window(tumbling('1 minute', { grace: '10 seconds' }))
    .aggregate({ cents: sum((order) => order.cents), orders: count() })
    .to('revenue-per-minute')
  return app
}
// #endregion

/** As those of the cluster's example. */
const ordersOf = (count_: number) =>
  Array.from({ length: count_ }, (_, id) => ({
    topic: 'orders',
    key: `o-${id}`,
    value: JSON.stringify({ country: 'PT', cents: id }),
    timestampMs: id * 1_000,
  }))

describe('the guide to testing', () => {
  it('runs a pipeline on virtual time', () => {
    // #region driver
    const driver = testDriver(revenue())
    driver.topic('orders').append({ country: 'PT', cents: 500 }, { key: 'o-1', timestampMs: 1_000 })
    driver.advance('1 minute 16 seconds')
    const results = driver.topic('revenue-per-minute').read()
    assert.deepEqual(
      results.map(({ value }) => value),
      [{ cents: 500, orders: 1 }],
    )
    // #endregion
  })

  it('replays a fixture', async () => {
    // #region replay
    const driver = testDriver(revenue())
    await driver.replay(loadFixture(new URL('orders.fixture.jsonl', import.meta.url)))
    driver.end()
    const results = driver.topic('revenue-per-minute').read<{ cents: number }>()
    assert.deepEqual(
      results.map(({ value }) => value.cents),
      [1200, 900, 100],
    )
    // #endregion
  })

  it('draws values', () => {
    // #region generator
    const order = z.object({ country: z.enum(['PT', 'DE', 'FR']), cents: z.int().min(0).max(10_000) })
    const orders = generator(order, { seed: 7 }).take(200)

    const driver = testDriver(revenue())
    for (const [at, value] of orders.entries())
      driver.topic('orders').append(value, { timestampMs: at * 700 })
    driver.end()
    const results = driver.topic('revenue-per-minute').read<{ cents: number }>()
    const total = (all: readonly { cents: number }[]) => all.reduce((cents, one) => cents + one.cents, 0)
    assert.equal(total(results.map(({ value }) => value)), total(orders))
    // #endregion
  })

  it('checks what came out', () => {
    // #region checks
    const app = pipeline('cleaning')
    app
      .stream('readings', json<{ id: number; sensor: string }>())
      .groupBy((reading) => reading.sensor)
      .reduce((_, reading) => reading)
      .to('clean')
    const driver = testDriver(app)
    const ids = Array.from({ length: 100 }, (_, id) => id)
    for (const id of ids) driver.topic('readings').append({ id, sensor: `s-${id % 3}` })

    type Reading = DriverRecord<{ id: number }, string>
    const clean: readonly Reading[] = driver.topic('clean').read()
    assertOnce(ids, clean, { id: ({ value }) => value.id })
    assertOrder(clean, { line: ({ key }) => key, number: ({ value }) => value.id })
    // #endregion
  })

  it('runs a cluster through faults', async () => {
    // #region cluster
    const records = Array.from({ length: 50 }, (_, id) => ({
      topic: 'orders',
      key: `o-${id}`,
      value: JSON.stringify({ country: 'PT', cents: id }),
      timestampMs: id * 1_000,
    }))
    await assertSurvives({
      seeds: [1, 2, 3],
      faults: (chance) => [
        crashAt(chance.within([50, 300]), 'broker', { how: 'power' }),
        crashAt(chance.within([50, 300]), 'instance-1', { down: '1 second' }),
        partition('100 ms', ['broker', 'instance-0'], '200 ms'),
        delay('200 ms', [5, 40], '100 ms'),
      ],
      run: async (seed, faults) => {
        const topics = { orders: 2 }
        const read = ['orders', 'revenue-per-minute']
        const run = await runTestCluster({
          seed,
          faults,
          pipeline: revenue,
          topics,
          records,
          instances: 2,
          read,
        })
        const total = (topic: string) =>
          run.topics[topic]!.reduce((cents, { value }) => cents + JSON.parse(String(value)).cents, 0)
        assert.equal(total('revenue-per-minute'), total('orders'))
      },
    })
    // #endregion
  })

  it('sends records twice', async () => {
    const records = ordersOf(50)
    // #region duplicate
    const app = pipeline('once')
    app.stream('orders', json<Order>()).deduplicate({ within: '1 hour' }).to('orders-once')
    const run = await runTestCluster({
      seed: 1,
      faults: [duplicate('50 ms', '200 ms', { share: 0.5 }), clockJump('100 ms', 3_600_000)],
      pipeline: () => app,
      topics: { orders: 2 },
      records,
      read: ['orders', 'orders-once'],
    })
    assert.equal(run.topics['orders']!.length, records.length + run.duplicated.length)
    assert.equal(run.topics['orders-once']!.length, records.length)
    // #endregion
  })

  it('lets records overtake each other', async () => {
    const records = ordersOf(50)
    // #region reorder
    const run = await runTestCluster({
      seed: 1,
      // An order every 5 ms, whose time is a second later: held up by 40 ms it is 8 seconds late at most.
      faults: [reorder('50 ms', '40 ms', '200 ms')],
      pipeline: revenue,
      topics: { orders: 2 },
      records,
      read: ['orders', 'revenue-per-minute'],
    })
    const times = run.topics['orders']!.map(({ timestampMs }) => timestampMs)
    assert.notDeepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
    const counted = run.topics['revenue-per-minute']!.map(({ value }) => JSON.parse(String(value)).orders)
    assert.equal(
      counted.reduce((sum, orders) => sum + orders, 0),
      records.length,
    )
    // #endregion
  })

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'testing.md'))
})
