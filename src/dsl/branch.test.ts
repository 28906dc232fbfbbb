import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { headerText } from '../core/record.ts'
import { json } from '../core/serde.ts'
import { count } from '../operators/aggregator.ts'
import { testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'

interface Order {
  readonly id: string
  readonly cents: number
}

const values = (driver: ReturnType<typeof testDriver>, topic: string): unknown[] =>
  driver
    .topic(topic)
    .read()
    .map(({ value }) => value)

describe('branch', () => {
  const app = pipeline('shop')
  const { large, odd, rest } = app
    .stream('orders', json<Order>())
    .branch({ large: (o) => o.cents >= 1000, odd: (o) => o.cents % 2 === 1 }, { default: 'rest' })
  large.mapValues((o) => o.id).to('large')
  odd.mapValues((o) => o.id).to('odd')
  rest.mapValues((o) => o.id).to('rest')

  it('gives each record to the first branch that fits, the others to the default branch', () => {
    const driver = testDriver(app)
    const orders = driver.topic('orders')
    for (const [id, cents] of [
      ['a', 1001],
      ['b', 7],
      ['c', 8],
      ['d', 2000],
    ] as const)
      orders.append({ id, cents })
    assert.deepEqual(values(driver, 'large'), ['a', 'd'])
    assert.deepEqual(values(driver, 'odd'), ['b'])
    assert.deepEqual(values(driver, 'rest'), ['c'])
  })

  it('drops what meets no condition when there is no default branch', () => {
    const small = pipeline('small')
    small
      .stream('orders', json<Order>())
      .branch({ small: (o) => o.cents < 10 })
      .small.to('small')
    const driver = testDriver(small)
    driver.topic('orders').append({ id: 'a', cents: 10 })
    driver.topic('orders').append({ id: 'b', cents: 9 })
    assert.deepEqual(values(driver, 'small'), [{ id: 'b', cents: 9 }])
  })

  it('can be split again and merged', () => {
    const nested = pipeline('nested')
    const { big, little } = nested
      .stream('orders', json<Order>())
      .branch({ big: (o) => o.cents > 100 }, { default: 'little' })
    const { even, uneven } = big.branch({ even: (o) => o.cents % 2 === 0 }, { default: 'uneven' })
    little
      .merge(even)
      .merge(uneven)
      .mapValues((o) => o.id)
      .to('all')
    const driver = testDriver(nested)
    for (const [id, cents] of [
      ['a', 1],
      ['b', 102],
      ['c', 103],
    ] as const)
      driver.topic('orders').append({ id, cents })
    assert.deepEqual(values(driver, 'all'), ['a', 'b', 'c'])
  })

  it('refuses a branch that is named by a number', () => {
    const orders = pipeline('numbers').stream('orders', json<Order>())
    assert.throws(
      () => orders.branch({ 10: () => true }),
      (error: unknown) => isMillraceError(error, 'MR_PLAN_INVALID'),
    )
  })
})

describe('to with a topic per record', () => {
  const app = pipeline('routes')
  app
    .stream('orders', json<Order>())
    .to((o) => (o.cents > 100 ? 'dear' : o.cents < 0 ? ('nowhere' as 'cheap') : 'cheap'), {
      topics: ['dear', 'cheap'],
    })

  it('writes each record to the topic that its function answers', () => {
    const driver = testDriver(app)
    driver.topic('orders').append({ id: 'a', cents: 101 }, { key: 'k' })
    driver.topic('orders').append({ id: 'b', cents: 1 })
    assert.deepEqual(
      driver
        .topic('dear')
        .read()
        .map(({ key, value }) => [key, value]),
      [['k', { id: 'a', cents: 101 }]],
    )
    assert.deepEqual(values(driver, 'cheap'), [{ id: 'b', cents: 1 }])
  })

  it('puts a record aside whose topic was not named', () => {
    const driver = testDriver(app)
    driver.topic('orders').append({ id: 'a', cents: -1 })
    const [letter] = driver.topic('routes-dead-letters').read()
    assert.equal(headerText(letter!.headers, '__streams.errors.exception'), 'MR_RECORD_INVALID')
  })
})

describe('repartition', () => {
  it('moves records by key through a topic of its own, with the partitions asked for', () => {
    const app = pipeline('moved')
    app
      .stream('orders', json<Order>())
      .selectKey((o) => o.id)
      .repartition({ partitions: 4, name: 'by-id' })
      .groupByKey()
      .aggregate({ orders: count() })
      .to('per-id')
    const plan = app.plan()
    const internal = plan.subTopologies.flatMap(({ sinks }) => sinks.filter((sink) => sink.internal))
    assert.deepEqual(
      internal.map(({ topic, node }) => [topic, node.kind === 'repartition' ? node.partitions : 0]),
      [['moved-by-id-repartition', 4]],
    )
    const driver = testDriver(app)
    for (const id of ['a', 'b', 'a']) driver.topic('orders').append({ id, cents: 1 })
    assert.deepEqual(
      driver
        .topic('per-id')
        .read()
        .map(({ key, value }) => [key, value]),
      [
        ['a', { orders: 1 }],
        ['b', { orders: 1 }],
        ['a', { orders: 2 }],
      ],
    )
  })

  it('refuses a number of partitions that cannot be', () => {
    const orders = pipeline('wrong').stream('orders', json<Order>())
    assert.throws(() => orders.repartition({ partitions: 0 }), /cannot have 0 partitions/)
  })
})

describe('toTable', () => {
  it('keeps the latest value per key, deletes with null and passes over records without a key', () => {
    const app = pipeline('latest')
    const latest = app
      .stream('orders', json<Order>())
      .mapValues((o) => (o.cents === 0 ? null : o.cents))
      .toTable({ name: 'cents' })
    latest.to('changes')
    app
      .stream('asked', json<string>())
      .join(latest, (_asked, cents) => ({ cents }))
      .to('answers')
    const driver = testDriver(app)
    const ask = (): void => driver.topic('asked').append('?', { key: 'a' })
    driver.topic('orders').append({ id: 'x', cents: 5 })
    driver.topic('orders').append({ id: 'x', cents: 5 }, { key: 'a' })
    ask()
    driver.topic('orders').append({ id: 'x', cents: 7 }, { key: 'a' })
    ask()
    driver.topic('orders').append({ id: 'x', cents: 0 }, { key: 'a' })
    ask()
    assert.deepEqual(values(driver, 'answers'), [{ cents: 5 }, { cents: 7 }])
  })
})

describe('print and flatMap', () => {
  it('prints a line per record', () => {
    const lines: string[] = []
    const app = pipeline('printed')
    const orders = app.stream('orders', json<Order>())
    orders.print((line) => lines.push(line))
    orders.flatMapValues((o) => [o.id, `${o.id}!`]).print((line) => lines.push(line), { label: 'ids' })
    orders
      .flatMap((o) => (o.cents === 0 ? [] : [{ key: o.id, value: o.cents }]))
      .print((line) => lines.push(line), { label: 'cents', line: (cents, id) => `${id} ${cents + 1}` })
    const driver = testDriver(app)
    driver.topic('orders').append({ id: 'a', cents: 2 }, { key: 'k' })
    driver.topic('orders').append({ id: 'b', cents: 0 })
    assert.deepEqual(lines, [
      '[orders]: k, {"id":"a","cents":2}',
      '[ids]: k, a',
      '[ids]: k, a!',
      '[cents]: a 3',
      '[orders]: null, {"id":"b","cents":0}',
      '[ids]: null, b',
      '[ids]: null, b!',
    ])
  })
})
