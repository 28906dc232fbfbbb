import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { isMillraceError } from '../core/errors.ts'
import { headerText } from '../core/record.ts'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { output } from '../dsl/processor.ts'
import { session, tumbling } from '../dsl/window.ts'
import { aggregator, collect, count, max, mean, sum } from '../operators/aggregator.ts'
import type { Windowed } from '../operators/windowed.ts'
import { testDriver } from './test-driver.ts'

const order = z.object({
  id: z.string(),
  country: z.string(),
  status: z.enum(['paid', 'open']),
  amountCents: z.number().int(),
  placedAtMs: z.number(),
})

const revenue = () => {
  const app = pipeline('revenue')
  app
    .stream('orders', order, { eventTime: (o) => o.placedAtMs, lateness: '5 seconds' })
    .filter((o) => o.status === 'paid')
    .groupBy((o) => o.country)
    .window(tumbling('1 minute', { grace: '10 seconds' }))
    .aggregate({ revenueCents: sum((o) => o.amountCents), orders: count() })
    .to('revenue-per-minute')
  return app
}

const paid = (id: string, country: string, amountCents: number, placedAtMs: number) => ({
  id,
  country,
  status: 'paid',
  amountCents,
  placedAtMs,
})

describe('a tumbling aggregate', () => {
  it('gives one result a window, when grace is over', () => {
    const driver = testDriver(revenue())
    driver.topic('orders').append(paid('1', 'PT', 500, 1_000))
    driver.advance('1 minute 14 seconds')
    assert.deepEqual(driver.topic('revenue-per-minute').read(), [])
    driver.advance('2 seconds')
    const results = driver.topic('revenue-per-minute').read<{ revenueCents: number }, Windowed<string>>()
    assert.deepEqual(
      results.map((r) => [r.key, r.value, r.timestampMs]),
      [[{ key: 'PT', windowStartMs: 0, windowEndMs: 60_000 }, { revenueCents: 500, orders: 1 }, 59_999]],
    )
  })

  it('closes windows by event time alone, each key for itself', () => {
    const driver = testDriver(revenue())
    const orders = driver.topic('orders')
    orders.append(paid('1', 'PT', 500, 1_000))
    orders.append(paid('2', 'ES', 700, 2_000))
    orders.append(paid('3', 'PT', 100, 59_999))
    orders.append({ ...paid('4', 'PT', 9_999, 3_000), status: 'open' })
    orders.append(paid('5', 'PT', 1, 60_000 + 15_000))
    const results = driver.topic('revenue-per-minute').read<object, Windowed<string>>()
    assert.deepEqual(
      results.map((r) => [r.key.key, r.value]),
      [
        ['PT', { revenueCents: 600, orders: 2 }],
        ['ES', { revenueCents: 700, orders: 1 }],
      ],
    )
  })

  it('puts a late record into the stream of late records', () => {
    const driver = testDriver(revenue())
    driver.topic('orders').append(paid('1', 'PT', 500, 200_000))
    driver.topic('orders').append(paid('2', 'PT', 7, 1_000))
    const [late] = driver.topic('revenue-late').read<{ id: string }>()
    assert.equal(late?.value.id, '2')
    assert.equal(headerText(late?.headers ?? [], 'mr-operator'), 'orders-aggregate')
    assert.equal(headerText(late?.headers ?? [], 'mr-window-end'), '60000')
  })

  it('closes everything at the end of bounded input', () => {
    const driver = testDriver(revenue())
    driver.topic('orders').append(paid('1', 'PT', 500, 1_000))
    driver.end()
    assert.equal(driver.topic('revenue-per-minute').read().length, 1)
  })

  it('sends a record that does not fit its schema to the dead letters, with the reason', () => {
    const driver = testDriver(revenue())
    driver.topic('orders').append({ ...paid('1', 'PT', 0, 1), amountCents: '500' })
    driver.topic('orders').appendBytes(Buffer.from('k'), Buffer.from('{"id":'))
    const [wrongType, noJson] = driver.topic('revenue-dead-letters').read<string, string>()
    assert.match(headerText(wrongType?.headers ?? [], '__streams.errors.message') ?? '', /amountCents/)
    assert.equal(headerText(wrongType?.headers ?? [], '__streams.errors.offset'), '0')
    assert.equal(noJson?.value, '{"id":')
    assert.equal(noJson?.key, 'k')
    assert.match(headerText(noJson?.headers ?? [], '__streams.errors.message') ?? '', /not JSON/)
  })
})

describe('functions of the user that throw', () => {
  const app = () => {
    const p = pipeline('throws')
    p.stream('in', json<{ n: number }>())
      .mapValues((v) => {
        if (v.n === 2) throw new RangeError('two')
        return v.n
      })
      .to('out')
    return p
  }
  it('put their record aside and let the others through', () => {
    const driver = testDriver(app())
    for (const n of [1, 2, 3]) driver.topic('in').append({ n })
    assert.deepEqual(
      driver
        .topic('out')
        .read()
        .map((r) => r.value),
      [1, 3],
    )
    const [dead] = driver.topic('throws-dead-letters').read()
    assert.equal(headerText(dead?.headers ?? [], '__streams.errors.exception'), 'RangeError')
    assert.equal(headerText(dead?.headers ?? [], 'mr-stage'), 'process')
  })

  const windowed = (onInvalid: 'dead-letter' | 'fail') => {
    const p = pipeline('counts')
    p.stream('in', json<{ n: string }>(), { onInvalid })
      .groupBy((v) => v.n)
      .window(tumbling('1 minute'))
      .aggregate({ clicks: count() }, { name: 'count-per-minute' })
      .toStream()
      .mapValues((row, window) => {
        if (window.key === 'b') throw new RangeError('not b')
        return row.clicks
      })
      .to('out')
    return testDriver(p)
  }

  it('put a window that closes aside and let the others through', () => {
    const driver = windowed('dead-letter')
    for (const n of ['a', 'b', 'c']) driver.topic('in').append({ n })
    driver.end()
    assert.deepEqual(
      driver
        .topic('out')
        .read()
        .map((r) => r.value),
      [1, 1],
    )
    const [dead, ...more] = driver.topic('counts-dead-letters').read<string, string>()
    assert.equal(more.length, 0)
    assert.equal(JSON.parse(dead?.key ?? '').key, 'b')
    assert.deepEqual(JSON.parse(dead?.value ?? ''), { clicks: 1 })
    assert.equal(headerText(dead?.headers ?? [], 'mr-operator'), 'count-per-minute')
  })

  it('end the pipeline when its source says so', () => {
    const driver = windowed('fail')
    driver.topic('in').append({ n: 'b' })
    assert.throws(() => driver.end(), { code: 'MR_FUNCTION_FAILED', where: 'operator "count-per-minute"' })
  })
})

describe('joins', () => {
  it('with a table give the latest value of the key', () => {
    const p = pipeline('enrich')
    const planes = p.table('planes', json<{ seats: number }>())
    p.stream('flights', json<{ plane: string }>())
      .selectKey((f) => f.plane)
      .join(planes, (flight, plane) => ({ ...flight, seats: plane.seats }))
      .to('enriched')
    const driver = testDriver(p)
    driver.topic('flights').append({ plane: 'N1' })
    driver.topic('planes').append({ seats: 55 }, { key: 'N1' })
    driver.topic('flights').append({ plane: 'N1' })
    driver.topic('planes').append(null, { key: 'N1' })
    driver.topic('flights').append({ plane: 'N1' })
    assert.deepEqual(
      driver
        .topic('enriched')
        .read()
        .map((r) => [r.key, r.value]),
      [['N1', { plane: 'N1', seats: 55 }]],
    )
  })

  it('with a table that has a history give the value as of the time of the record', () => {
    const p = pipeline('as-of')
    const weather = p.table('weather', json<number>(), { history: '1 day' })
    p.stream('flights', json<string>())
      .join(weather, (f, w) => `${f} ${w}`)
      .to('out')
    const driver = testDriver(p)
    driver.topic('weather').append(10, { key: 'JFK', timestampMs: 1000 })
    driver.topic('weather').append(20, { key: 'JFK', timestampMs: 2000 })
    driver.topic('flights').append('early', { key: 'JFK', timestampMs: 1999 })
    driver.topic('flights').append('on', { key: 'JFK', timestampMs: 2000 })
    driver.topic('flights').append('before', { key: 'JFK', timestampMs: 999 })
    assert.deepEqual(
      driver
        .topic('out')
        .read()
        .map((r) => r.value),
      ['early 10', 'on 20'],
    )
  })

  it('of two streams meet within the time, in either order, with the later timestamp', () => {
    const p = pipeline('pairs')
    const left = p.stream('left', json<string>())
    const right = p.stream('right', json<string>())
    left.join(right, (l, r) => l + r, { within: '10 seconds' }).to('out')
    const driver = testDriver(p)
    driver.topic('left').append('a', { key: 'k', timestampMs: 1000 })
    driver.topic('right').append('b', { key: 'k', timestampMs: 11_000 })
    driver.topic('right').append('c', { key: 'k', timestampMs: 11_001 })
    driver.topic('left').append('d', { key: 'k', timestampMs: 1001 })
    driver.topic('left').append('e', { key: 'other', timestampMs: 1001 })
    assert.deepEqual(
      driver
        .topic('out')
        .read()
        .map((r) => [r.value, r.timestampMs]),
      [
        ['ab', 11_000],
        ['db', 11_000],
        ['dc', 11_001],
      ],
    )
  })
})

describe('session windows', () => {
  it('join records up to the gap apart, merge, and close when the gap has passed', () => {
    const p = pipeline('sessions')
    p.stream('in', json<string>())
      .groupByKey()
      .window(session('10 seconds', { grace: '1 minute' }))
      .aggregate({ seen: collect((v) => v) })
      .to('out')
    const driver = testDriver(p)
    driver.topic('in').append('a', { key: 'k', timestampMs: 0 })
    driver.topic('in').append('c', { key: 'k', timestampMs: 20_000 })
    driver.topic('in').append('b', { key: 'k', timestampMs: 10_000 })
    driver.topic('in').append('z', { key: 'k', timestampMs: 90_000 })
    assert.deepEqual(driver.topic('out').read(), [])
    driver.topic('in').append('zz', { key: 'other', timestampMs: 90_001 })
    assert.deepEqual(
      driver
        .topic('out')
        .read<{ seen: string[] }, Windowed<string>>()
        .map((r) => [r.key, r.value, r.timestampMs]),
      [[{ key: 'k', windowStartMs: 0, windowEndMs: 20_000 }, { seen: ['a', 'c', 'b'] }, 20_000]],
    )
  })
})

describe('aggregates without a window', () => {
  it('change with every record', () => {
    const p = pipeline('streaks')
    p.stream('in', json<{ late: number }>())
      .groupByKey()
      .aggregate({
        streak: aggregator<{ late: number }, number>({
          init: () => 0,
          add: (n, v) => (v.late > 60 ? n + 1 : 0),
        }),
        worst: max((v) => v.late),
        mean: mean((v) => v.late),
      })
      .toStream()
      .filter((r) => r.streak === 3)
      .to('alerts')
    const driver = testDriver(p)
    for (const late of [61, 70, 5, 80, 90, 100, 110]) driver.topic('in').append({ late }, { key: 'UA' })
    assert.deepEqual(
      driver
        .topic('alerts')
        .read()
        .map((r) => r.value),
      [{ streak: 3, worst: 100, mean: 406 / 6 }],
    )
  })
})

describe('plans', () => {
  it('need a name where two parts would keep state under the same one', () => {
    const p = pipeline('twice')
    const grouped = p.stream('in', json<number>()).groupByKey()
    grouped.aggregate({ n: count() })
    assert.throws(
      () => grouped.aggregate({ n: count() }),
      (error) => isMillraceError(error, 'MR_PLAN_NAME_TAKEN'),
    )
    grouped.aggregate({ n: count() }, { name: 'second' })
  })

  it('know the types from schema to sink', () => {
    const p = pipeline('types')
    const orders = p.stream('orders', order)
    // @ts-expect-error an unknown field
    orders.filter((o) => o.nothing === 1)
    // @ts-expect-error a key that is not a text needs a serde
    orders.groupBy((o) => o.amountCents)
    // @ts-expect-error a wrong duration
    assert.throws(() => tumbling('5 parsecs'))
    // @ts-expect-error a window belongs to grouped records
    assert.throws(() => orders.window(tumbling('1 minute')), TypeError)
    const table = orders.groupBy((o) => o.country).aggregate({ n: count(), worst: max((o) => o.amountCents) })
    table.toStream().mapValues((r) => {
      const n: number = r.n
      const worst: number | null = r.worst
      // @ts-expect-error n is a number
      const text: string = r.n
      return [n, worst, text]
    })
  })
})

describe('records for people, who read JSON', () => {
  it('are written whatever they hold: a bigint, bytes, or what JSON cannot say', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const app = pipeline('odd')
    app
      .stream('in', json<string>())
      .process({
        outputs: { all: output<unknown>() },
        timers: true,
        create: ({ timers, forward }) => ({
          process: ({ timestampMs }) => timers.set(timestampMs + 10),
          onTimer: ({ key }) =>
            forward('all', key === 'circle' ? circle : { id: 2n ** 60n, bytes: Buffer.from([1, 2]) }),
        }),
      })
      .all.mapValues((): unknown => {
        throw new RangeError('no')
      })
      .to('out')
    const driver = testDriver(app)
    for (const key of ['bigint', 'circle']) driver.topic('in').append('x', { key, timestampMs: 0 })
    driver.end()
    const letters = driver.topic('odd-dead-letters').read<string>()
    assert.deepEqual(letters.map(({ value }) => JSON.parse(value)).slice(0, 1), [
      { id: '1152921504606846976', bytes: 'AQI=' },
    ])
    assert.match(letters[1]!.value, /^"a value without a JSON form: .*circular/)
  })
})
