/** Stores of a driver, as a test reads them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { session, tumbling } from '../dsl/window.ts'
import { count, sum } from '../operators/aggregator.ts'
import { testDriver } from './test-driver.ts'

const MINUTE_MS = 60_000

function auction() {
  const app = pipeline('auction')
  app.table('people', json<string>())
  app.table('prices', json<number>(), { history: '1 hour' })
  app.globalTable('rates', json<number>())
  const bids = app.stream('bids', json<{ cents: number }>()).groupByKey()
  bids.aggregate({ cents: sum(({ cents }) => cents) }, { name: 'per-key' }).to('totals')
  bids
    .window(tumbling('1 minute', { emit: 'update', grace: '1 day' }))
    .aggregate({ bids: count() }, { name: 'per-minute' })
    .to('minutes')
  bids
    .window(session('10 seconds', { emit: 'update', grace: '1 day' }))
    .aggregate({ bids: count() }, { name: 'visits' })
    .to('visits-out')
  const driver = testDriver(app)
  for (const [key, cents, timestampMs] of [
    ['ann', 5, 0],
    ['ann', 6, 5000],
    ['bob', 7, 70_000],
    ['ann', 8, 80_000],
  ] as const)
    driver.topic('bids').append({ cents }, { key, timestampMs })
  for (const key of ['ann', 'bob', 'eve']) driver.topic('people').append(key.toUpperCase(), { key })
  driver.topic('prices').append(1, { key: 'hat', timestampMs: 1000 })
  driver.topic('prices').append(2, { key: 'hat', timestampMs: 2000 })
  driver.topic('rates').append(9, { key: 'EUR', timestampMs: 0 })
  return driver
}

describe('a store of a driver', () => {
  it('gives keys, ranges and prefixes, by the name of its operator or of its topic', () => {
    const people = auction().store<string>('people')
    assert.deepEqual([people.name, people.kind, people.entryCount], ['people-table', 'key-value', 3])
    assert.deepEqual([people.get('ann'), people.get('nobody')], ['ANN', undefined])
    const keys = (rows: readonly { readonly key: string }[]): string[] => rows.map(({ key }) => key)
    assert.deepEqual(keys(people.all()), ['ann', 'bob', 'eve'])
    assert.deepEqual(keys(people.range('b', 'eve')), ['bob', 'eve'])
    assert.deepEqual(keys(people.prefix('a')), ['ann'])
    assert.equal(auction().store<number>('rates').get('EUR'), 9)
  })

  it('gives the result of an aggregate, not the state behind it, as a copy that stays as it is', () => {
    const driver = auction()
    const totals = driver.store<{ cents: number }>('per-key')
    const before = totals.get('ann')
    driver.topic('bids').append({ cents: 100 }, { key: 'ann', timestampMs: 90_000 })
    assert.deepEqual([before, totals.get('ann')], [{ cents: 19 }, { cents: 119 }])
  })

  it('gives windows, sessions and versions', () => {
    const driver = auction()
    const perMinute = driver.store<{ bids: number }>('per-minute')
    const starts = (rows: readonly { readonly windowStartMs?: number }[]) =>
      rows.map(({ windowStartMs }) => windowStartMs)
    assert.deepEqual(starts(perMinute.window('ann', 0, MINUTE_MS)), [0, MINUTE_MS])
    assert.deepEqual(perMinute.window('bob', 0, 0), [])
    assert.deepEqual(
      perMinute.all().map(({ key, value, windowEndMs }) => [key, value.bids, windowEndMs]),
      [
        ['ann', 2, MINUTE_MS],
        ['ann', 1, 2 * MINUTE_MS],
        ['bob', 1, 2 * MINUTE_MS],
      ],
    )
    const visits = driver.store<{ bids: number }>('visits')
    assert.deepEqual(starts(visits.session('ann')), [0, 80_000])
    assert.deepEqual(starts(visits.session('ann', 0, 6000)), [0])
    const prices = driver.store<number>('prices')
    assert.deepEqual([prices.get('hat'), prices.asOf('hat', 1500), prices.asOf('hat', 0)], [2, 1, undefined])
  })

  it('says what it cannot be asked, and which stores there are', () => {
    const driver = auction()
    assert.throws(() => driver.store('per-minute').get('ann'), { code: 'MR_STORE_KIND', hint: /window\(key/ })
    assert.throws(() => driver.store('people').asOf('ann', 1), { code: 'MR_STORE_KIND' })
    assert.throws(() => driver.store('peple'), { code: 'MR_STORE_UNKNOWN', hint: /people, prices/ })
    const app = pipeline('asking')
    app
      .stream('in', json<number>())
      .mapAsync((n) => n, { name: 'asked' })
      .to('out')
    const asked = testDriver(app).store('asked')
    assert.equal(asked.entryCount, 0)
    assert.throws(() => asked.all(), { code: 'MR_STORE_KIND' })
  })
})
