/** The examples of docs/guide/windows.md. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  calendar,
  collect,
  count,
  custom,
  everyRecords,
  hopping,
  json,
  max,
  pipeline,
  session,
  sliding,
  sum,
  tumbling,
  unlimited,
  type Windowed,
} from 'millrace'
import { testDriver } from 'millrace/testing'
import { assertPrinted } from './printed-fixture.ts'

interface Click {
  readonly page: string
}
interface Reading {
  readonly celsius: number
}

type Driver = ReturnType<typeof testDriver>

/** `[start, end, value]` of every result, in order. */
function results(driver: Driver, topic: string): unknown[] {
  return driver
    .topic(topic)
    .read<unknown, Windowed<string>>()
    .map(({ key, value }) => [key.windowStartMs, key.windowEndMs, value])
}

function feed(driver: Driver, topic: string, value: unknown, times: readonly number[]): void {
  for (const timestampMs of times) driver.topic(topic).append(value, { key: 'k', timestampMs })
}

const minute = 60_000

describe('the guide to windows', () => {
  it('tumbles, with grace', () => {
    // #region tumbling
    const app = pipeline('clicks')
    app
      .stream('clicks', json<Click>())
      .groupBy((click) => click.page)
      .window(tumbling('1 minute', { grace: '10 seconds' }))
      .aggregate({ clicks: count() })
      .to('clicks-per-minute')
    // #endregion
    const driver = testDriver(app)
    feed(driver, 'clicks', { page: '/' }, [5_000, 50_000, 65_000, 58_000, 70_000, 59_000])
    assert.deepEqual(results(driver, 'clicks-per-minute'), [[0, minute, { clicks: 3 }]])
    assert.equal(driver.topic('clicks-late').read().length, 1)
  })

  it('hops', () => {
    // #region hopping
    const app = pipeline('clicks')
    app
      .stream('clicks', json<Click>())
      .groupBy((click) => click.page)
      .window(hopping('10 minutes', { every: '5 minutes' }))
      .aggregate({ clicks: count() })
      .to('clicks-of-ten-minutes')
    // #endregion
    const driver = testDriver(app)
    feed(driver, 'clicks', { page: '/' }, [2 * minute, 7 * minute])
    driver.end()
    assert.deepEqual(results(driver, 'clicks-of-ten-minutes'), [
      [0, 10 * minute, { clicks: 2 }],
      [5 * minute, 15 * minute, { clicks: 1 }],
    ])
  })

  it('slides', () => {
    // #region sliding
    const app = pipeline('logins')
    app
      .stream('failed-logins', json<{ from: string }>())
      .groupByKey()
      .window(sliding('30 seconds', { emit: 'update' }))
      .aggregate({ failures: count() })
      .toStream()
      .filter(({ failures }) => failures >= 3)
      .to('attacks')
    // #endregion
    const driver = testDriver(app)
    feed(driver, 'failed-logins', { from: '::1' }, [100_000, 115_000, 130_000])
    assert.deepEqual(results(driver, 'attacks'), [[100_000, 130_000, { failures: 3 }]])
  })

  it('finds sessions', () => {
    // #region session
    const app = pipeline('visits')
    app
      .stream('clicks', json<Click>())
      .groupByKey()
      .window(session('30 minutes', { grace: '5 minutes' }))
      .aggregate({ pages: collect((click) => click.page) })
      .to('visits')
    // #endregion
    const driver = testDriver(app)
    feed(driver, 'clicks', { page: '/' }, [0, 30 * minute, 61 * minute])
    driver.end()
    assert.deepEqual(results(driver, 'visits'), [
      [0, 30 * minute, { pages: ['/', '/'] }],
      [61 * minute, 61 * minute, { pages: ['/'] }],
    ])
  })

  it('counts', () => {
    // #region count
    const app = pipeline('sensors')
    app
      .stream('readings', json<Reading>())
      .groupByKey()
      .window(everyRecords(3, { every: 1 }))
      .aggregate({ hottest: max((reading) => reading.celsius) })
      .to('hottest-of-three')
    // #endregion
    const driver = testDriver(app)
    for (const [at, celsius] of [20, 22, 21, 19].entries())
      driver.topic('readings').append({ celsius }, { key: 'k', timestampMs: at })
    assert.deepEqual(results(driver, 'hottest-of-three'), [
      [0, 2, { hottest: 22 }],
      [1, 3, { hottest: 22 }],
    ])
  })

  it('follows a calendar', () => {
    // #region calendar
    const app = pipeline('meters')
    app
      .stream('kilowatt-hours', json<number>())
      .groupByKey()
      .window(calendar('day', { zone: 'Europe/Lisbon' }))
      .aggregate({ kilowattHours: sum((used) => used) })
      .to('used-per-day')
    // #endregion
    const driver = testDriver(app)
    feed(driver, 'kilowatt-hours', 1, [Date.parse('2024-03-31T00:30Z'), Date.parse('2024-03-31T22:30Z')])
    driver.end()
    assert.deepEqual(results(driver, 'used-per-day'), [
      [Date.parse('2024-03-31T00:00Z'), Date.parse('2024-03-31T23:00Z'), { kilowattHours: 2 }],
    ])
  })

  it('takes windows of your own, and one without an end', () => {
    // #region custom
    const shifts = custom((timestampMs) => {
      const hour = 3_600_000
      const startMs = Math.floor((timestampMs - 6 * hour) / (8 * hour)) * 8 * hour + 6 * hour
      return [{ startMs, endMs: startMs + 8 * hour }]
    })
    const app = pipeline('factory')
    const pieces = app.stream('pieces', json<number>()).groupByKey()
    pieces.window(shifts).aggregate({ pieces: count() }, { name: 'per-shift' }).to('per-shift')
    pieces
      .window(unlimited({ startMs: Date.parse('2024-01-01T00:00Z') }))
      .aggregate({ pieces: count() }, { name: 'since-2024' })
      .to('since-2024')
    // #endregion
    const driver = testDriver(app)
    const six = Date.parse('2024-01-01T06:00Z')
    feed(driver, 'pieces', 1, [six - 1, six, six + 1])
    driver.end()
    const shift = 8 * 3_600_000
    assert.deepEqual(results(driver, 'per-shift'), [
      [six - shift, six, { pieces: 1 }],
      [six, six + shift, { pieces: 2 }],
    ])
    assert.equal(results(driver, 'since-2024').length, 3)
  })

  it('fires early and late', () => {
    // #region triggers
    const app = pipeline('votes')
    app
      .stream('votes', json<string>())
      .groupByKey()
      .window(
        tumbling('1 hour', {
          grace: '10 minutes',
          emit: { early: { every: '20 minutes' }, late: { records: 1 }, panes: 'accumulating' },
        }),
      )
      .aggregate({ votes: count() })
      .to('votes-so-far')
    // #endregion
    const driver = testDriver(app)
    feed(
      driver,
      'votes',
      'yes',
      [5, 15, 25, 30, 65, 55].map((at) => at * minute),
    )
    const rows = driver.topic('votes-so-far').read<{ votes: number }, Windowed<string>>()
    assert.deepEqual(
      rows.map(({ key, value, timestampMs }) => [key.windowStartMs, value.votes, timestampMs]),
      [
        [0, 2, 25 * minute],
        [0, 4, 50 * minute - 5 * minute],
        [0, 5, 60 * minute - 1],
      ],
    )
  })

  it('gives late records a stream', () => {
    // #region late
    const app = pipeline('clicks')
    app
      .stream('clicks', json<Click>())
      .groupBy((click) => click.page)
      .window(tumbling('1 minute'))
      .aggregate({ clicks: count() }, { onLate: (late) => late.to('clicks-to-add-by-hand') })
      .to('clicks-per-minute')
    // #endregion
    const driver = testDriver(app)
    feed(driver, 'clicks', { page: '/' }, [1, minute, 2])
    assert.equal(driver.topic('clicks-to-add-by-hand').read().length, 1)
  })

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'windows.md'))
})
