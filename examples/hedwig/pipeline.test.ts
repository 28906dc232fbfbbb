/** Sessions and fraud on virtual time: by hand, of a generated day, and of any clicks against loops over arrays. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { testDriver } from 'millrace/testing'
import { byStart, type Expected, expectedOf } from './expected.ts'
import { generateClicks, START_MS } from './generate.ts'
import { CLICKS_PER_MINUTE, hedwig, LOOK_BACK_MS, PAUSE_MS, type Session } from './pipeline.ts'
import type { Click } from './schema.ts'

const MINUTE_MS = 60_000

interface Results extends Expected {
  readonly unreadable: number
}

/** What a server writes down: a click, or something that lacks parts of one. */
type Written = Partial<Click> & Pick<Click, 'server' | 'receivedMs'>

function run(clicks: readonly Written[]): Results {
  const driver = testDriver(hedwig(), { startMs: START_MS })
  const topic = driver.topic('clicks')
  for (const click of clicks) {
    const value = Buffer.from(JSON.stringify(click))
    topic.appendBytes(Buffer.from(click.server), value, { timestampMs: click.receivedMs })
  }
  driver.end()
  const sessions = (name: string): Session[] =>
    driver
      .topic(name)
      .read<Session, string>()
      .map(({ key, value, timestampMs }) => {
        assert.equal(key, `${value.visitor}|${value.startMs}`)
        assert.equal(timestampMs, value.endMs)
        return value
      })
      .toSorted(byStart)
  assert.equal(driver.topic('hedwig-late').read().length, 0, 'what the router lets through is never late')
  return {
    sessions: sessions('sessions'),
    frauds: sessions('fraud-sessions'),
    late: driver
      .topic('late-clicks')
      .read<Click>()
      .map(({ value }) => value),
    unreadable: driver.topic('hedwig-dead-letters').read().length,
  }
}

/** A click at so many minutes, received at once unless it is said otherwise. */
function clicked(visitor: string, minute: number, more: Partial<Click> = {}): Click {
  const atMs = START_MS + minute * MINUTE_MS
  return { visitor, page: '/oslo', booked: false, atMs, receivedMs: atMs, server: 'web-1', ...more }
}

const minute = (n: number): number => START_MS + n * MINUTE_MS

describe('sessions', () => {
  it('end with a pause of more than half an hour, each visitor’s by themselves', () => {
    const { sessions, frauds } = run([
      clicked('ann', 0, { page: '/lima?from=mail' }),
      clicked('bob', 10),
      clicked('ann', 30, { page: '/lima' }),
      clicked('ann', 31, { booked: true }),
      clicked('ann', 61 + 1 / MINUTE_MS),
    ])
    const ann = { visitor: 'ann', busiestMinuteClicks: 1 }
    const one = { clicks: 1, pages: 1, bookings: 0, landingPage: '/oslo', busiestMinuteClicks: 1 }
    assert.deepEqual(sessions, [
      {
        ...ann,
        startMs: minute(0),
        endMs: minute(31),
        clicks: 3,
        pages: 2,
        bookings: 1,
        landingPage: '/lima',
      },
      { ...one, visitor: 'bob', startMs: minute(10), endMs: minute(10) },
      { ...one, visitor: 'ann', startMs: minute(61) + 1, endMs: minute(61) + 1 },
    ])
    assert.deepEqual(frauds, [])
  })

  it('take a click that comes within the look-back, and become one by it', () => {
    const { sessions, late } = run([
      clicked('ann', 0),
      clicked('ann', 50),
      clicked('ann', 25, { receivedMs: minute(85), page: '/lima', server: 'web-2' }),
    ])
    assert.deepEqual(
      sessions.map(({ startMs, endMs, clicks, landingPage }) => [startMs, endMs, clicks, landingPage]),
      [[minute(0), minute(50), 3, '/oslo']],
    )
    assert.deepEqual(late, [])
  })

  it('do without a click from before the look-back, which goes elsewhere as it is', () => {
    const old = clicked('ann', 25, { receivedMs: minute(85) + 1, page: '/lima?from=mail' })
    const { sessions, late } = run([clicked('ann', 0), clicked('ann', 50), old])
    assert.deepEqual(
      sessions.map(({ startMs, clicks }) => [startMs, clicks]),
      [
        [minute(0), 1],
        [minute(50), 1],
      ],
    )
    assert.deepEqual(late, [old])
  })

  it('begin with the same page whichever of two clicks at one time comes first', () => {
    const both = [clicked('ann', 0, { page: '/oslo' }), clicked('ann', 0, { page: '/lima', server: 'web-2' })]
    for (const clicks of [both, both.toReversed()])
      assert.deepEqual(
        run(clicks).sessions.map(({ landingPage }) => landingPage),
        ['/lima'],
      )
  })

  it('are not shut by a device whose clock is days ahead', () => {
    const ahead = clicked('bob', 5000, { receivedMs: minute(1) })
    const { sessions, late } = run([clicked('ann', 0), ahead, clicked('ann', 2)])
    assert.deepEqual(
      sessions.map(({ visitor, startMs, clicks }) => [visitor, startMs, clicks]),
      [
        ['ann', minute(0), 2],
        ['bob', minute(1), 1],
      ],
    )
    assert.deepEqual(late, [])
  })
})

describe('fraud', () => {
  const many = (count: number): Click[] =>
    Array.from({ length: count }, (_, at) => clicked('bot', 3 + at / 60))

  it('is one click too many within a minute, and takes the whole session out', () => {
    const { sessions, frauds } = run([clicked('bot', 1), ...many(CLICKS_PER_MINUTE + 1), clicked('bot', 10)])
    assert.deepEqual(sessions, [])
    assert.deepEqual(
      frauds.map(({ visitor, clicks, busiestMinuteClicks }) => [visitor, clicks, busiestMinuteClicks]),
      [['bot', CLICKS_PER_MINUTE + 3, CLICKS_PER_MINUTE + 1]],
    )
  })

  it('is not as many clicks as are allowed, nor the next session', () => {
    assert.deepEqual(run(many(CLICKS_PER_MINUTE)).frauds, [])
    const { sessions, frauds } = run([...many(CLICKS_PER_MINUTE + 1), clicked('bot', 60)])
    assert.equal(frauds.length, 1)
    assert.deepEqual(
      sessions.map(({ startMs }) => startMs),
      [minute(60)],
    )
  })
})

describe('what is no click', () => {
  it('is put aside, and the clicks around it count', () => {
    const { atMs: _, ...timeless } = clicked('ann', 1)
    const { sessions, unreadable } = run([
      clicked('ann', 0),
      timeless,
      { ...clicked('ann', 1), visitor: '' },
      clicked('ann', 2),
    ])
    assert.deepEqual(
      sessions.map(({ startMs, endMs, clicks }) => [startMs, endMs, clicks]),
      [[minute(0), minute(2), 2]],
    )
    assert.equal(unreadable, 2)
  })
})

/** Row by row: of two long lists that differ everywhere nobody wants to see all. */
function assertSame(actual: Expected, expected: Expected): void {
  for (const name of ['sessions', 'frauds', 'late'] as const) {
    for (const [at, row] of expected[name].entries())
      assert.deepEqual(actual[name][at], row, `${name}, row ${at}`)
    assert.equal(actual[name].length, expected[name].length, name)
  }
}

describe('a generated day', () => {
  const day = generateClicks({ seed: 1, visitors: 400 })

  it('is the same each time, and another for another seed', () => {
    const textOf = (seed: number): string => JSON.stringify(generateClicks({ seed, visitors: 400 }))
    assert.ok(textOf(1) === JSON.stringify(day))
    assert.ok(textOf(2) !== JSON.stringify(day))
  })

  it('gives what is expected, and each click is somewhere', () => {
    const readable = day.filter((click): click is Click => 'atMs' in click)
    const results = run(day)
    assertSame(results, expectedOf(readable))
    const { sessions, frauds, late, unreadable } = results
    assert.deepEqual(
      [day.length, sessions.length, frauds.length, late.length, unreadable],
      [10_438, 743, 36, 155, 13],
    )
    const inSessions = [...sessions, ...frauds].reduce((sum, { clicks }) => sum + clicks, 0)
    assert.equal(inSessions + late.length + unreadable, day.length)
  })
})

describe('any clicks', () => {
  const steps = fc.record({
    visitor: fc.constantFrom('ann', 'bob', 'bot'),
    page: fc.constantFrom('/lima', '/oslo', '/oslo?from=mail'),
    booked: fc.boolean(),
    server: fc.constantFrom('web-1', 'web-2'),
    stepMs: fc.oneof(
      fc.nat(2500),
      fc.constantFrom(0, MINUTE_MS, PAUSE_MS, PAUSE_MS + 1),
      fc.nat(LOOK_BACK_MS),
    ),
    offlineMs: fc.oneof(
      fc.constantFrom(0, 0, -5 * MINUTE_MS, PAUSE_MS, LOOK_BACK_MS, LOOK_BACK_MS + 1),
      fc.nat(2 * LOOK_BACK_MS),
    ),
    times: fc.oneof(
      { weight: 9, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ min: 18, max: 24 }) },
    ),
  })

  it('give what is expected', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 40 }), (drawn) => {
        let receivedMs = START_MS
        const clicks = drawn.flatMap(({ stepMs, offlineMs, times, ...rest }) => {
          receivedMs += stepMs
          return Array.from({ length: times }, () => ({ ...rest, atMs: receivedMs - offlineMs, receivedMs }))
        })
        assertSame(run(clicks), expectedOf(clicks))
      }),
      { numRuns: 300 },
    )
  })
})
