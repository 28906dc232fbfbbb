/** What follows an aggregate: it knows what each result replaced, and sees no result change behind its back. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../core/serde.ts'
import { aggregator, collect, count } from '../operators/aggregator.ts'
import { testDriver } from '../testing/test-driver.ts'
import { type Pipeline, pipeline } from './pipeline.ts'
import { session, sliding, tumbling } from './window.ts'

/** Changes its state in place and shows it as it is. */
const tally = aggregator<unknown, { n: number }>({
  init: () => ({ n: 0 }),
  add(state) {
    state.n++
    return state
  },
})

const rows = (app: Pipeline, records: readonly (readonly [string, number, number])[]) => {
  const driver = testDriver(app)
  for (const [key, value, timestampMs] of records) driver.topic('in').append(value, { key, timestampMs })
  return driver
    .topic('out')
    .read()
    .map(({ key, value }) => [key, value])
}

const visits = (app: Pipeline) => app.stream('in', json<number>()).groupByKey()

describe('the table of an aggregate', () => {
  it('is grouped again by results that were taken back, though their states change in place', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 }), (keys) => {
        const app = pipeline('app')
        visits(app)
          .aggregate(tally)
          .groupBy(({ n }) => (n < 3 ? 'few' : 'many'))
          .aggregate(count())
          .to('out')
        const driver = testDriver(app)
        for (const key of keys) driver.topic('in').append(1, { key })
        const groups = new Map(
          driver
            .topic('out')
            .read<number>()
            .map(({ key, value }) => [key, value]),
        )
        const totals = [...Map.groupBy(keys, (key) => key).values()].map((own) => own.length)
        const few = totals.filter((total) => total < 3).length
        assert.deepEqual([groups.get('few') ?? 0, groups.get('many') ?? 0], [few, totals.length - few])
      }),
      { numRuns: 100 },
    )
  })

  it('deletes only what a filter let through before', () => {
    const app = pipeline('app')
    visits(app)
      .aggregate(tally)
      .mapValues(({ n }) => n)
      .filter((n) => n % 3 === 0)
      .to('out')
    const records = [1, 2, 3, 4, 5, 6].map((at) => ['a', at, at] as const)
    assert.deepEqual(rows(app, records), [
      ['a', 3],
      ['a', null],
      ['a', 6],
    ])
  })

  it('of windows that close has nothing to delete', () => {
    for (const window of [tumbling(10), sliding(10), session(10)]) {
      const app = pipeline('app')
      visits(app)
        .window(window)
        .aggregate(count())
        .filter((n) => n > 1)
        .toStream()
        .map((n, { key }) => ({ key, value: n }))
        .to('out')
      const results = rows(app, [
        ['a', 1, 100],
        ['b', 1, 103],
        ['b', 1, 104],
        ['c', 1, 500],
      ])
      assert.deepEqual(results[0], ['b', 2], window.kind)
      assert.ok(results.every(([, n]) => n === 2))
    }
  })

  it('is looked up in what the aggregate keeps, and needs no second store', () => {
    const app = pipeline('app')
    const totals = visits(app).aggregate(count(), { name: 'totals' })
    const odd = totals.filter((n) => n % 2 === 1)
    odd.join(totals, (one, other) => `${one} of ${other}`).to('out')
    assert.deepEqual(
      app.plan().subTopologies.flatMap(({ stores }) => stores.map(({ spec }) => spec.name)),
      ['totals'],
    )
    // The total is there before whoever reads its changes.
    assert.deepEqual(rows(app, [['a', 1, 1]]), [
      ['a', '1 of 1'],
      ['a', '1 of 1'],
    ])
  })

  it('forgets a window that was joined once it has closed', () => {
    const app = pipeline('app')
    const grouped = visits(app)
    const one = grouped.window(tumbling(10, { emit: 'update' })).aggregate(count(), { name: 'one' })
    const two = grouped.window(tumbling(10, { emit: 'update' })).aggregate(count(), { name: 'two' })
    one.join(two, (left, right) => left + right).to('out')
    const driver = testDriver(app)
    for (let at = 0; at < 1000; at += 5) driver.topic('in').append(1, { key: 'a', timestampMs: at })
    assert.equal(driver.topic('out').read().length, 300)
    for (const name of ['one', 'two']) assert.equal(driver.store(name).entryCount, 1)
  })

  it('gives out results that stay as they are', () => {
    const app = pipeline('app')
    visits(app)
      .aggregate(collect((value) => value))
      .toStream()
      .toTable()
      .filter((list) => list.length < 2)
      .to('out')
    assert.deepEqual(
      rows(app, [
        ['a', 1, 1],
        ['a', 2, 2],
      ]),
      [
        ['a', [1]],
        ['a', null],
      ],
    )
  })
})
