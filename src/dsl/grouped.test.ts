import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json } from '../core/serde.ts'
import { aggregator } from '../operators/aggregator.ts'
import { testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'
import { hopping, session, sliding, tumbling } from './window.ts'

type Driver = ReturnType<typeof testDriver>
const rows = (driver: Driver, topic: string): unknown[] =>
  driver
    .topic(topic)
    .read<unknown, unknown>()
    .map(({ key, value, timestampMs }) => [key, value, timestampMs])

describe('reduce', () => {
  const app = pipeline('app')
  const larger = (held: number | null, value: number | null) => Math.max(held ?? 0, value ?? 0)
  const bids = app.stream('bids', json<number>()).mapValues((bid) => (bid < 0 ? null : bid))
  bids.groupByKey().reduce(larger, { name: 'best' }).to('best')

  it('begins with the first value and gives the larger of the timestamps', () => {
    const driver = testDriver(app)
    const bid = (value: number, timestampMs: number): void =>
      driver.topic('bids').append(value, { key: 'a', timestampMs })
    bid(5, 10)
    bid(3, 4)
    bid(9, 20)
    assert.deepEqual(rows(driver, 'best'), [
      ['a', 5, 10],
      ['a', 5, 10],
      ['a', 9, 20],
    ])
  })

  it('passes over records without a key or a value', () => {
    const driver = testDriver(app)
    driver.topic('bids').append(1)
    driver.topic('bids').append(-1, { key: 'a' })
    assert.deepEqual(rows(driver, 'best'), [])
  })

  it('folds windows, and sessions that become one', () => {
    const windowed = pipeline('windowed')
    const stream = windowed.stream('bids', json<string>())
    stream
      .groupByKey()
      .window(tumbling(10))
      .reduce((held, value) => held + value, { name: 'in-windows' })
      .to('in-windows')
    stream
      .groupByKey()
      .window(session(10, { grace: 100 }))
      .reduce((held, value) => held + value, { name: 'in-sessions' })
      .to('in-sessions')
    const driver = testDriver(windowed)
    for (const [value, timestampMs] of [
      ['a', 1],
      ['b', 9],
      ['c', 25],
      ['d', 17],
    ] as const)
      driver.topic('bids').append(value, { key: 'k', timestampMs })
    driver.end()
    assert.deepEqual(
      driver
        .topic('in-sessions')
        .read()
        .map(({ value }) => value),
      ['abcd'],
    )
    assert.deepEqual(
      driver
        .topic('in-windows')
        .read()
        .map(({ value }) => value),
      ['ab', 'c'],
    )
  })
})

describe("an aggregator of one's own", () => {
  it('gives its results as they are, and forgets a key when it answers null', () => {
    const app = pipeline('app')
    const steps = aggregator<string, string[] | null>({
      init: () => [],
      add: (state, value) => (value === 'stop' ? null : [...(state ?? []), value]),
    })
    app.stream('steps', json<string>()).groupByKey().aggregate(steps).to('paths')
    const driver = testDriver(app)
    for (const step of ['a', 'b', 'stop', 'c']) driver.topic('steps').append(step, { key: 'k' })
    assert.deepEqual(
      driver
        .topic('paths')
        .read()
        .map(({ value }) => value),
      [['a'], ['a', 'b'], null, ['c']],
    )
  })
})

describe('late records', () => {
  it('can have a stream of their own', () => {
    const app = pipeline('app')
    app
      .stream('clicks', json<string>())
      .groupByKey()
      .window(tumbling(10))
      .reduce((held, value) => held + value, {
        name: 'clicks-per-window',
        onLate: (late) => late.mapValues((value) => `late ${value}`).to('late-clicks'),
      })
      .to('windows')
    const driver = testDriver(app)
    const click = (value: string, timestampMs: number): void =>
      driver.topic('clicks').append(value, { key: 'k', timestampMs })
    click('a', 1)
    click('b', 12)
    click('c', 2)
    driver.end()
    assert.deepEqual(rows(driver, 'late-clicks'), [['k', 'late c', 2]])
    assert.deepEqual(rows(driver, 'windows'), [
      [{ key: 'k', windowStartMs: 0, windowEndMs: 10 }, 'a', 9],
      [{ key: 'k', windowStartMs: 10, windowEndMs: 20 }, 'b', 19],
    ])
    assert.deepEqual(driver.topic('app-late').read(), [])
  })
})

describe('cogroup', () => {
  interface Account {
    bought: number
    paid: number
  }
  const add = {
    order: (state: Account, cents: number): Account => ({ ...state, bought: state.bought + cents }),
    payment: (state: Account, payment: { cents: number }): Account => ({
      ...state,
      paid: state.paid + payment.cents,
    }),
  }

  it('folds several streams into one state per key', () => {
    const app = pipeline('app')
    const orders = app.stream('orders', json<number>()).groupByKey()
    const payments = app.stream('payments', json<{ by: string; cents: number }>()).groupBy((p) => p.by)
    orders
      .cogroup(() => ({ bought: 0, paid: 0 }), add.order)
      .and(payments, add.payment)
      .aggregate({ name: 'accounts', result: ({ bought, paid }) => ({ owed: bought - paid }) })
      .to('owed')
    const driver = testDriver(app)
    driver.topic('orders').append(10, { key: 'ann' })
    driver.topic('payments').append({ by: 'ann', cents: 4 })
    driver.topic('payments').append({ by: 'bob', cents: 1 })
    driver.topic('orders').append(5, { key: 'ann' })
    assert.deepEqual(rows(driver, 'owed'), [
      ['ann', { owed: 10 }, 0],
      ['ann', { owed: 6 }, 0],
      ['bob', { owed: -1 }, 0],
      ['ann', { owed: 11 }, 0],
    ])
    assert.deepEqual(
      app.plan().subTopologies.flatMap(({ stores }) => stores.map(({ changelogTopic }) => changelogTopic)),
      ['app-accounts-changelog'],
    )
  })

  it('works in windows and in sessions', () => {
    const app = pipeline('app')
    const orders = app.stream('orders', json<number>()).groupByKey()
    const payments = app.stream('payments', json<{ cents: number }>()).groupByKey()
    const both = orders.cogroup((): Account => ({ bought: 0, paid: 0 }), add.order).and(payments, add.payment)
    both.window(tumbling(10)).aggregate({ name: 'per-window' }).to('per-window')
    const again = orders
      .cogroup((): Account => ({ bought: 0, paid: 0 }), add.order, { name: 'bought' })
      .and(payments, add.payment, { name: 'paid' })
    again
      .window(session(10, { grace: 20 }))
      .aggregate({
        name: 'per-session',
        merge: (a, b) => ({ bought: a.bought + b.bought, paid: a.paid + b.paid }),
      })
      .to('per-session')
    const driver = testDriver(app)
    driver.topic('orders').append(1, { key: 'k', timestampMs: 0 })
    driver.topic('orders').append(2, { key: 'k', timestampMs: 20 })
    driver.topic('payments').append({ cents: 7 }, { key: 'k', timestampMs: 10 })
    driver.end()
    assert.deepEqual(rows(driver, 'per-session'), [
      [{ key: 'k', windowStartMs: 0, windowEndMs: 20 }, { bought: 3, paid: 7 }, 20],
    ])
    assert.equal(rows(driver, 'per-window').length, 2)
  })

  it('gives what is late to a stream of its own, for each stream that has one', () => {
    for (const window of [tumbling(10), hopping(10, { every: 5 }), session(4), sliding(4)]) {
      const app = pipeline('app')
      const orders = app.stream('orders', json<number>()).groupByKey()
      const payments = app.stream('payments', json<{ cents: number }>()).groupByKey()
      const results = orders
        .cogroup((): Account => ({ bought: 0, paid: 0 }), add.order)
        .and(payments, add.payment, {
          onLate: (late) => late.mapValues(({ cents }) => `late: ${cents}`).to('late-payments'),
        })
        .window(window)
        .aggregate({ merge: (a) => a })
      results.toStream().to('accounts')
      const driver = testDriver(app)
      for (const timestampMs of [0, 1000]) {
        driver.topic('orders').append(1, { key: 'k', timestampMs })
        driver.topic('payments').append({ cents: 1 }, { key: 'k', timestampMs })
      }
      const before = rows(driver, 'accounts').length
      assert.ok(before > 0)
      driver.topic('payments').append({ cents: 7 }, { key: 'k', timestampMs: 3 })
      driver.topic('orders').append(8, { key: 'k', timestampMs: 3 })
      assert.deepEqual(rows(driver, 'accounts'), [])
      const lates = rows(driver, 'late-payments')
      assert.ok(lates.length > 0)
      for (const late of lates) assert.deepEqual(late, ['k', 'late: 7', 3])
      const others = driver.topic('app-late').read()
      assert.equal(others.length, lates.length)
      for (const { key, value } of others) assert.deepEqual([key, value], ['k', 8])
    }
  })
})
