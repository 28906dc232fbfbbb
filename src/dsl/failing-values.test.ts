/**
 * Records for which a function of an aggregate fails become dead letters and leave nothing behind: results are those of
 * the same records without them, whatever the window and however many aggregators stand beside the one that failed.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json } from '../core/serde.ts'
import {
  type Aggregators,
  aggregator,
  collect,
  count,
  first,
  last,
  max,
  mean,
  min,
  sum,
} from '../operators/aggregator.ts'
import { distinctCount, distinctCountSketch } from '../operators/aggregators/distinct-count.ts'
import { histogram } from '../operators/aggregators/histogram.ts'
import { quantiles } from '../operators/aggregators/quantiles.ts'
import { stddev } from '../operators/aggregators/stddev.ts'
import { topK } from '../operators/aggregators/top-k.ts'
import { testDriver } from '../testing/test-driver.ts'
import type { Grouped } from './grouped.ts'
import { pipeline } from './pipeline.ts'
import {
  calendar,
  everyRecords,
  hopping,
  session,
  sliding,
  tumbling,
  unlimited,
  type Window,
} from './window.ts'

interface Reading {
  readonly size: number | string | null
}

const size = ({ size }: Reading): number => size as number
const text = ({ size }: Reading): string => {
  if (typeof size !== 'number') throw new TypeError('no size')
  return String(size)
}

/** The one that fails is the last: all others have been there before. */
const all: Aggregators<Reading> = {
  count: count(),
  collect: collect((reading) => reading.size),
  first: first((reading) => reading.size),
  last: last((reading) => reading.size),
  different: distinctCount((reading) => reading.size),
  sketch: distinctCountSketch((reading) => reading.size),
  top: topK(2, () => 1),
  mean: mean(() => 1),
  stddev: stddev(() => 1),
  median: quantiles(() => 1, [0.5]),
  histogram: histogram(() => 1, [10]),
  max: max(() => 1),
  min: min(() => 1),
  sum: sum(size),
}

const GRACE = { grace: '1 minute' } as const
const windows: Readonly<Record<string, Window | undefined>> = {
  'no window': undefined,
  tumbling: tumbling('1 minute', GRACE),
  'tumbling, updates': tumbling('1 minute', { ...GRACE, emit: 'update' }),
  hopping: hopping('20 seconds', { ...GRACE, every: '5 seconds' }),
  calendar: calendar('day', GRACE),
  unlimited: unlimited(),
  session: session('7 seconds', GRACE),
  'session, updates': session('7 seconds', { ...GRACE, emit: 'update' }),
  sliding: sliding('7 seconds', GRACE),
  'sliding, updates': sliding('7 seconds', { ...GRACE, emit: 'update' }),
  count: everyRecords(2),
  'count, overlapping': everyRecords(3, { every: 1, emit: 'update' }),
  triggers: tumbling('1 minute', { ...GRACE, emit: { early: { records: 2 }, panes: 'discarding' } }),
}

const records: readonly (readonly [size: Reading['size'], timestampMs: number])[] = [
  [1, 0],
  [2, 5_000],
  ['large', 6_000],
  [3, 10_000],
  [null, 9_000],
  [4, 20_000],
  [5, 8_000],
]

function run(
  sent: typeof records,
  build: (grouped: Grouped<string, Reading>) => void,
): { readonly rows: unknown[]; readonly bad: number } {
  const app = pipeline('a')
  build(app.stream('in', json<Reading>()).groupByKey())
  const driver = testDriver(app)
  for (const [each, timestampMs] of sent) driver.topic('in').append({ size: each }, { key: 'k', timestampMs })
  driver.end()
  const rows = driver
    .topic('out')
    .read()
    .map(({ key, value, timestampMs }) => [key, value, timestampMs])
  return { rows, bad: driver.topic('a-dead-letters').read().length }
}

function assertNoTrace(build: (grouped: Grouped<string, Reading>) => void): void {
  const good = records.filter(([each]) => typeof each === 'number')
  const { rows, bad } = run(records, build)
  assert.equal(bad, 2)
  assert.deepEqual(rows, run(good, build).rows)
  assert.ok(rows.length > 0)
}

describe('a record for which an aggregate fails leaves no trace', () => {
  for (const [name, window] of Object.entries(windows)) {
    it(`in ${name}`, () => {
      assertNoTrace((grouped) => {
        if (window === undefined) grouped.aggregate(all).to('out')
        else grouped.window(window).aggregate(all).to('out')
      })
    })
    it(`in ${name}, of an aggregator of one's own that comes before others`, () => {
      const texts = aggregator<Reading, string>({
        init: () => '',
        add: (held, reading) => `${held} ${text(reading)}`,
        merge: (earlier, later) => `${earlier}${later}`,
      })
      const both = { count: count(), texts, sum: sum(() => 1) }
      assertNoTrace((grouped) => {
        if (window === undefined) grouped.aggregate(both).to('out')
        else grouped.window(window).aggregate(both).to('out')
      })
      assertNoTrace((grouped) => {
        if (window === undefined) grouped.aggregate(texts).to('out')
        else grouped.window(window).aggregate(texts).to('out')
      })
    })
  }

  it('of every aggregator that reads a number or a text', () => {
    const each: Aggregators<Reading> = {
      sum: sum(size),
      mean: mean(size),
      stddev: stddev(size),
      max: max(size),
      min: min(size),
      median: quantiles(size, [0.5]),
      histogram: histogram(size, [2]),
      top: topK(2, size),
      kept: topK(2, () => 1, text),
      collect: collect(text),
      first: first(text),
      last: last(text),
      different: distinctCount(text),
      sketch: distinctCountSketch(text),
    }
    for (const [name, one] of Object.entries(each))
      assertNoTrace((grouped) =>
        grouped
          .window(session('7 seconds', GRACE))
          .aggregate({ before: collect((r) => r.size), one }, { name })
          .to('out'),
      )
  })

  it('in the aggregate of a table, but for the value that it replaces', () => {
    const app = pipeline('a')
    const sizes = app.table('in', json<Reading>())
    sizes
      .groupBy(() => 'all')
      .aggregate({ count: count(), sum: sum(size) })
      .to('out')
    const driver = testDriver(app)
    for (const [key, each] of [
      ['a', 1],
      ['b', 2],
      ['c', 'large'],
      ['b', null],
      ['a', 5],
    ] as const)
      driver.topic('in').append({ size: each }, { key })
    const values = driver
      .topic('out')
      .read()
      .map(({ value }) => value)
    assert.deepEqual(values.at(-1), { count: 1, sum: 5 })
    assert.equal(driver.topic('a-dead-letters').read().length, 2)
  })

  it('keeps the value of a late record as it came', () => {
    const app = pipeline('a')
    app
      .stream('in', json<Reading>())
      .groupByKey()
      .window(tumbling('1 second'))
      .aggregate({ sum: sum(size) }, { onLate: (late) => late.to('late') })
      .to('out')
    const driver = testDriver(app)
    for (const timestampMs of [0, 5_000, 10])
      driver.topic('in').append({ size: timestampMs }, { key: 'k', timestampMs })
    assert.deepEqual(
      driver
        .topic('late')
        .read()
        .map(({ value }) => value),
      [{ size: 10 }],
    )
  })
})
