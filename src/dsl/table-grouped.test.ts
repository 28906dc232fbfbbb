import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../core/serde.ts'
import { aggregator, count, sum } from '../operators/aggregator.ts'
import { testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'

interface Person {
  readonly city: string
  readonly age: number
}

function cities() {
  const app = pipeline('census')
  app
    .table('people', json<Person>())
    .groupBy((person) => person.city)
    .aggregate({ people: count(), age: sum((person) => person.age) }, { name: 'per-city' })
    .to('cities')
  return app
}

describe('an aggregate over a table', () => {
  it('follows what the table holds, whatever is written, replaced, moved and deleted', () => {
    const value = fc.option(fc.record({ city: fc.constantFrom('Faro', 'Rome'), age: fc.nat(90) }))
    const changes = fc.array(fc.tuple(fc.constantFrom('ann', 'bob', 'eve'), value), { maxLength: 25 })
    fc.assert(
      fc.property(changes, (list) => {
        const driver = testDriver(cities())
        const people = new Map<string, Person>()
        const seen = new Map<unknown, unknown>()
        for (const [key, person] of list) {
          driver.topic('people').append(person, { key })
          if (person === null) people.delete(key)
          else people.set(key, person)
          for (const row of driver.topic('cities').read()) seen.set(row.key, row.value)
          for (const [city, totals] of seen) {
            const own = [...people.values()].filter((one) => one.city === city)
            const age = own.reduce((total, one) => total + one.age, 0)
            assert.deepEqual(totals, { people: own.length, age })
          }
          for (const { city } of people.values()) assert.ok(seen.has(city))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('tells the old group first, and tells one group once', () => {
    const driver = testDriver(cities())
    const put = (value: Person | null, timestampMs: number): void =>
      driver.topic('people').append(value, { key: 'ann', timestampMs })
    put({ city: 'Faro', age: 10 }, 5)
    put({ city: 'Faro', age: 11 }, 3)
    put({ city: 'Rome', age: 12 }, 7)
    put(null, 9)
    assert.deepEqual(
      driver
        .topic('cities')
        .read()
        .map(({ key, value, timestampMs }) => [key, value, timestampMs]),
      [
        ['Faro', { people: 1, age: 10 }, 5],
        ['Faro', { people: 1, age: 11 }, 5],
        ['Faro', { people: 0, age: 0 }, 7],
        ['Rome', { people: 1, age: 12 }, 7],
        ['Rome', { people: 0, age: 0 }, 9],
      ],
    )
  })

  it('reduces, and an own aggregator may forget a group', () => {
    const app = pipeline('app')
    const stock = app.table('stock', json<{ shop: string; pieces: number }>()).mapValues((s) => s)
    stock
      .mapValues(({ pieces }) => pieces)
      .groupBy(() => 'all')
      .reduce(
        (held, pieces) => held + pieces,
        (held, pieces) => held - pieces,
        { name: 'total' },
      )
      .to('total')
    const shops = aggregator<{ pieces: number }, number | null>({
      init: () => 0,
      add: (state) => (state ?? 0) + 1,
      subtract: (state) => (state === 1 ? null : (state ?? 0) - 1),
    })
    stock
      .groupBy((s) => s.shop)
      .aggregate(shops, { name: 'kinds' })
      .to('kinds')
    const driver = testDriver(app)
    driver.topic('stock').append({ shop: 'north', pieces: 4 }, { key: 'nails' })
    driver.topic('stock').append({ shop: 'north', pieces: 3 }, { key: 'nuts' })
    driver.topic('stock').append({ shop: 'south', pieces: 1 }, { key: 'nails' })
    driver.topic('stock').append(null, { key: 'nuts' })
    const values = (topic: string): unknown[] =>
      driver
        .topic(topic)
        .read()
        .map(({ key, value }) => [key, value])
    assert.deepEqual(values('total'), [
      ['all', 4],
      ['all', 7],
      ['all', 4],
      ['all', 1],
    ])
    assert.deepEqual(values('kinds'), [
      ['north', 1],
      ['north', 2],
      ['north', 1],
      ['south', 1],
      ['north', null],
    ])
  })
})

describe('suppress', () => {
  function held(options: { recordsMax?: number; whenFull?: 'emit' | 'fail' } = {}) {
    const app = pipeline('held')
    app
      .table('prices', json<number>())
      .suppress({ wait: 10, name: 'calm', ...options })
      .to('calm')
    const driver = testDriver(app)
    const rows: unknown[] = []
    const put = (key: string, value: number | null, timestampMs: number): void => {
      driver.topic('prices').append(value, { key, timestampMs })
      for (const row of driver.topic('calm').read()) rows.push([row.key, row.value, row.timestampMs])
    }
    return { driver, rows, put }
  }

  it('passes on the last value of a key once its first has waited', () => {
    const { rows, put } = held()
    put('a', 1, 0)
    put('b', 2, 3)
    put('a', 3, 9)
    assert.deepEqual(rows, [])
    put('a', 4, 10)
    assert.deepEqual(rows, [['a', 3, 9]], 'what came at the end of the wait waits anew')
    put('c', null, 20)
    assert.deepEqual(rows, [
      ['a', 3, 9],
      ['b', 2, 3],
      ['a', 4, 10],
    ])
    put('d', 1, 30)
    assert.deepEqual(rows.at(-1), ['c', null, 20])
  })

  it('lets the oldest go early when too many wait, or refuses the record', () => {
    const early = held({ recordsMax: 1 })
    early.put('a', 1, 0)
    early.put('b', 2, 0)
    assert.deepEqual(early.rows, [['a', 1, 0]])
    const failing = held({ recordsMax: 1, whenFull: 'fail' })
    failing.put('a', 1, 0)
    failing.put('b', 2, 0)
    assert.equal(failing.driver.topic('held-dead-letters').read().length, 1)
  })
})
