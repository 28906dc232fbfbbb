import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { int64Serde, json } from '../core/serde.ts'
import { count } from '../operators/aggregator.ts'
import { testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'

interface Plane {
  readonly seats: number
  readonly maker: string
}

const plane = (seats: number, maker = 'x'): Plane => ({ seats, maker })

function values(records: readonly { readonly value: unknown }[]): unknown[] {
  return records.map(({ value }) => value)
}

describe('a table', () => {
  it('that is filtered deletes what it no longer lets through, and says nothing of what never was in it', () => {
    const app = pipeline('large')
    app
      .table('planes', json<Plane>())
      .filter((p) => p.seats > 100)
      .to('out')
    const driver = testDriver(app)
    for (const seats of [50, 150, 60, 70]) driver.topic('planes').append(plane(seats), { key: 'N1' })
    assert.deepEqual(values(driver.topic('out').read()), [plane(150), null])
  })

  it('keeps a result in a store of the name that was given, and only then', () => {
    const app = pipeline('stored')
    const planes = app.table('planes', json<Plane>())
    planes.mapValues((p) => p.seats, { store: 'seats', value: int64Serde }).to('out')
    planes.mapValues((p) => p.maker).to('makers')
    const driver = testDriver(app)
    driver.topic('planes').append(plane(150), { key: 'N1' })
    const seats = driver.store<number>('seats')
    assert.equal(seats.get('N1'), 150)
    driver.topic('planes').append(null, { key: 'N1' })
    assert.equal(seats.get('N1'), undefined)
    assert.deepEqual(
      app.plan().subTopologies.flatMap(({ stores }) => stores.map(({ spec }) => spec.name)),
      ['planes-table', 'seats'],
    )
  })

  it('is looked up through what it was made from: two joins and a filter need no store of their own', () => {
    const app = pipeline('views')
    const seats = app.table('seats', json<number>())
    const makers = app.table('makers', json<string>())
    const both = seats.outerJoin(makers, (n, maker) => ({ n, maker }))
    const made = both.filter(({ maker }) => maker !== null).mapValues(({ n, maker }) => `${maker} ${n}`)
    app
      .stream('flights', json<string>())
      .leftJoin(made, (flight, p) => `${flight}: ${p}`)
      .to('out')
    const driver = testDriver(app)
    const flight = () => driver.topic('flights').append('f', { key: 'N1' })
    flight()
    driver.topic('seats').append(10, { key: 'N1' })
    flight()
    driver.topic('makers').append('Boeing', { key: 'N1' })
    flight()
    driver.topic('seats').append(null, { key: 'N1' })
    flight()
    assert.deepEqual(values(driver.topic('out').read()), [
      'f: null',
      'f: null',
      'f: Boeing 10',
      'f: Boeing null',
    ])
    const stores = app.plan().subTopologies.flatMap((part) => part.stores.map(({ spec }) => spec.name))
    assert.deepEqual(stores.toSorted(), ['makers-table', 'seats-table'])
  })

  it('that is an aggregate can be joined with another', () => {
    const app = pipeline('counts')
    const flights = app.stream('flights', json<string>()).groupByKey().aggregate({ n: count() })
    const planes = app.table('planes', json<Plane>())
    flights.leftJoin(planes, ({ n }, p) => [n, p?.seats ?? null]).to('out')
    const driver = testDriver(app)
    driver.topic('flights').append('a', { key: 'N1' })
    driver.topic('planes').append(plane(150), { key: 'N1' })
    driver.topic('flights').append('b', { key: 'N1' })
    assert.deepEqual(values(driver.topic('out').read()), [
      [1, null],
      [1, 150],
      [2, 150],
    ])
  })

  it('with a history takes what comes out of order within it, and puts aside what is older', () => {
    const app = pipeline('versions')
    const weather = app.table('weather', json<number>(), { history: '10 seconds' })
    app
      .stream('flights', json<string>())
      .leftJoin(weather, (f, w) => `${f} ${w}`)
      .to('out')
    const driver = testDriver(app)
    const at = (value: number | null, timestampMs: number) =>
      driver.topic('weather').append(value, { key: 'JFK', timestampMs })
    at(20, 20_000)
    at(12, 12_000)
    at(9, 9_999)
    for (const timestampMs of [11_999, 12_000, 19_999, 20_000])
      driver.topic('flights').append('f', { key: 'JFK', timestampMs })
    assert.deepEqual(values(driver.topic('out').read()), ['f null', 'f 12', 'f 12', 'f 20'])
    assert.deepEqual(values(driver.topic('versions-late').read()), [9])
  })

  it('knows what its records, joins and deletions are', () => {
    const app = pipeline('types')
    const planes = app.table('planes', json<Plane>())
    const numbers = app.table('numbers', json<number>(), { key: int64Serde })
    planes.toStream().mapValues((p) => {
      // @ts-expect-error a deletion is null
      return p.seats
    })
    planes.leftJoin(
      planes.mapValues((p) => p.seats),
      (p, seats) => {
        // @ts-expect-error there may be no value on the right
        const n: number = seats
        return [p.seats, n]
      },
      { name: 'self' },
    )
    // @ts-expect-error keys of different types do not join
    planes.join(numbers, (p, n) => [p, n], { name: 'mixed' })
    planes.joinOn(
      numbers,
      (p) => p.seats,
      (p, n) => p.seats + n,
      { name: 'by-number' },
    )
    planes.joinOn(
      numbers,
      // @ts-expect-error the other table's keys are numbers
      (p) => p.maker,
      (p, n) => p.seats + n,
      { name: 'by-maker' },
    )
  })
})

describe('a global table', () => {
  const rates = () => {
    const app = pipeline('rates')
    const table = app.globalTable('rates', json<number>())
    app
      .stream('orders', json<{ currency: string | null; amount: number }>())
      .leftJoin(table, (order, rate) => (rate === null ? null : order.amount * rate), {
        on: (order) => order.currency,
      })
      .mapValues((euros) => ({ euros }))
      .to('out')
    return app
  }

  it('is joined by any key of a record, whatever its own key', () => {
    const driver = testDriver(rates())
    const order = (currency: string | null) =>
      driver.topic('orders').append({ currency, amount: 10 }, { timestampMs: 5 })
    order('USD')
    // Its records have no time of their own: this one counts from when it comes.
    driver.topic('rates').append(2, { key: 'USD', timestampMs: 1_000_000 })
    order('USD')
    order(null)
    driver.topic('rates').append(null, { key: 'USD', timestampMs: 2_000_000 })
    order('USD')
    assert.deepEqual(values(driver.topic('out').read()), [
      { euros: null },
      { euros: 20 },
      { euros: null },
      { euros: null },
    ])
    assert.deepEqual(values(driver.topic('rates-late').read()), [])
  })

  it('goes to every task, and leaves the stream where it is', () => {
    const plan = rates().plan()
    assert.equal(plan.subTopologies.length, 2)
    const [broadcast] = plan.subTopologies.flatMap(({ sinks }) => sinks.filter(({ internal }) => internal))
    assert.equal(broadcast?.topic, 'rates-rates-global-broadcast')
    assert.ok(plan.subTopologies.every(({ copartitioned }) => copartitioned.length === 0))
  })
})

describe('parts that would wait for each other', () => {
  it('are refused, with what to do', () => {
    const app = pipeline('circle')
    const items = app.table('items', json<{ row: string }>())
    const rows = app.table('rows', json<string>())
    const joined = items.joinOn(
      rows,
      (item) => item.row,
      (item, row) => [item, row],
    )
    joined.join(items, (one, item) => [one, item], { name: 'again' }).to('out')
    assert.throws(() => app.plan(), { code: 'MR_PLAN_INVALID', hint: /a pipeline of its own/ })
  })

  it('are refused when they read a topic twice, each from a place of its own', () => {
    const app = pipeline('twice')
    app.stream('items', json<number>()).to('out')
    app.table('items', json<number>(), { name: 'as-table' }).toStream().to('out-again')
    assert.throws(() => app.plan(), { code: 'MR_PLAN_INVALID', message: /reads items twice/ })
  })
})
