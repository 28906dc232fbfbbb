/** Patterns against a model that sorts all events and searches among them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../core/serde.ts'
import { pattern } from '../dsl/pattern.ts'
import { pipeline } from '../dsl/pipeline.ts'
import type { Stream } from '../dsl/stream.ts'
import { testDriver } from '../testing/test-driver.ts'

interface Event {
  readonly topic: 'a' | 'b' | 'c'
  readonly atMs: number
  readonly n: number
}

interface Step {
  readonly topic: Event['topic']
  readonly absent?: true
  readonly within?: number
}

const graceMs = 4
/** Named by what they look for. */
const patterns: Readonly<Record<string, readonly Step[]>> = {
  'a, then b': [{ topic: 'a' }, { topic: 'b', within: 10 }],
  'a, then a': [{ topic: 'a' }, { topic: 'a', within: 10 }],
  'a, then b, then a': [{ topic: 'a' }, { topic: 'b', within: 10 }, { topic: 'a', within: 5 }],
  'a, then no b': [{ topic: 'a' }, { topic: 'b', absent: true, within: 10 }],
  'a, then b without c between': [{ topic: 'a' }, { topic: 'c', absent: true }, { topic: 'b', within: 10 }],
  'a, then b, then no c': [
    { topic: 'a' },
    { topic: 'b', within: 10 },
    { topic: 'c', absent: true, within: 6 },
  ],
}

function driverOf(steps: readonly Step[]) {
  const app = pipeline('patterns')
  const streams = {
    a: app.stream('a', json<Event>()),
    b: app.stream('b', json<Event>()),
    c: app.stream('c', json<Event>()),
  }
  // biome-ignore lint/suspicious/noExplicitAny: the names of the steps come from a table
  let written = pattern('0', streams.a) as any
  for (const [at, step] of steps.entries()) {
    if (at === 0) continue
    const stream: Stream<string, Event> = streams[step.topic]
    const within = step.within === undefined ? {} : { within: step.within }
    written = step.absent
      ? written.notFollowedBy(String(at), stream, within)
      : written.followedBy(String(at), stream, within)
  }
  written.toStream({ name: 'found', grace: graceMs }).to('out')
  return testDriver(app)
}

type Match = readonly [numbers: string, atMs: number]

/** For every event that begins: search the sorted list for what follows. */
function model(steps: readonly Step[], events: readonly Event[]): Match[] {
  let newest = Number.NEGATIVE_INFINITY
  const sorted = events
    .filter(({ atMs }) => {
      newest = Math.max(newest, atMs)
      return atMs + graceMs >= newest
    })
    .toSorted((a, b) => a.atMs - b.atMs)
  const follow = (from: Event, at: number, found: readonly Event[]): Match[] => {
    const absent: Step[] = []
    let next = at
    while (next < steps.length - 1 && steps[next]!.absent) absent.push(steps[next++]!)
    const step = steps[next]
    const numbers = found.map(({ n }) => n).join(',')
    if (step === undefined) return [[numbers, from.atMs]]
    const later = sorted.filter(({ atMs }) => atMs > from.atMs && atMs <= from.atMs + (step.within ?? 0))
    const taken = later.findIndex(({ topic }) => topic === step.topic)
    if (step.absent) return taken < 0 ? [[numbers, from.atMs + (step.within ?? 0)]] : []
    if (taken < 0) return []
    const between = later.slice(0, taken)
    if (between.some(({ topic }) => absent.some((other) => other.topic === topic))) return []
    return follow(later[taken]!, next + 1, [...found, later[taken]!])
  }
  return sorted.filter(({ topic }) => topic === 'a').flatMap((first) => follow(first, 1, [first]))
}

const inputs = fc
  .array(
    fc.record({
      topic: fc.constantFrom('a' as const, 'b' as const, 'c' as const),
      stepMs: fc.oneof(fc.nat(5), fc.constant(0), fc.nat(30)),
      backMs: fc.oneof(fc.constant(0), fc.nat(graceMs + 2)),
    }),
    { maxLength: 30 },
  )
  .map((steps) => {
    let newest = 1000
    return steps.map(({ topic, stepMs, backMs }, n): Event => {
      newest += stepMs
      return { topic, atMs: newest - backMs, n }
    })
  })

describe('a pattern finds what the model finds', () => {
  for (const [name, steps] of Object.entries(patterns)) {
    it(name, () => {
      fc.assert(
        fc.property(inputs, (all) => {
          // What no step reads does not move the pattern's time.
          const events = all.filter(({ topic }) => steps.some((step) => step.topic === topic))
          const driver = driverOf(steps)
          for (const event of events)
            driver.topic(event.topic).append(event, { key: 'k', timestampMs: event.atMs })
          driver.end()
          const found = driver.topic('out').read<Record<string, Event>>()
          const actual = found.map(({ value, timestampMs }): Match => {
            const numbers = Object.values(value).map(({ n }) => n)
            return [numbers.join(','), timestampMs]
          })
          const order = (a: Match, b: Match): number => (a[0] < b[0] ? -1 : 1)
          assert.deepEqual(actual.toSorted(order), model(steps, events).toSorted(order))
          const times = found.map(({ timestampMs }) => timestampMs)
          assert.deepEqual(
            times,
            times.toSorted((a, b) => a - b),
            'in the order of time',
          )
        }),
        { numRuns: 300 },
      )
    })
  }
})

describe('a pattern', () => {
  it('is found when it is certain, for each key by itself', () => {
    const app = pipeline('unpaid')
    const ordered = app.stream('ordered', json<number>())
    const paid = app.stream('paid', json<number>())
    pattern('order', ordered).notFollowedBy('payment', paid, { within: '1 minute' }).toStream().to('out')
    const driver = testDriver(app)
    driver.topic('ordered').append(1, { key: 'x', timestampMs: 0 })
    driver.topic('ordered').append(2, { key: 'y', timestampMs: 0 })
    driver.topic('paid').append(1, { key: 'x', timestampMs: 60_000 })
    assert.deepEqual(driver.topic('out').read(), [])
    driver.topic('paid').append(3, { key: 'z', timestampMs: 60_001 })
    assert.deepEqual(
      driver
        .topic('out')
        .read()
        .map(({ key, value, timestampMs }) => [key, value, timestampMs]),
      [['y', { order: 2 }, 60_000]],
    )
  })

  it('knows the events of its steps, and says what is wrong with it', () => {
    const app = pipeline('types')
    const a = app.stream('a', json<{ x: number }>())
    const b = app.stream('b', json<{ y: string }>())
    pattern('one', a)
      .followedBy('two', b, { within: '1 hour' })
      .toStream({ name: 'found' })
      .mapValues(({ one, two }) => {
        const x: number = one.x
        // @ts-expect-error y is a text
        const y: number = two.y
        return [x, y]
      })
    const invalid = { code: 'MR_PLAN_INVALID' }
    assert.throws(() => pattern('one', a).toStream(), invalid)
    assert.throws(() => pattern('one', a).followedBy('one', b, { within: 1 }).toStream(), invalid)
    assert.throws(() => pattern('one', a).notFollowedBy('two', b).toStream(), invalid)
    const between = pattern('one', a)
      .notFollowedBy('no', b, { within: 1 })
      .followedBy('two', b, { within: 1 })
    assert.throws(() => between.toStream(), invalid)
  })

  it('puts events aside that would begin too many matches at a time', () => {
    const app = pipeline('many')
    const a = app.stream('a', json<number>())
    pattern('one', a)
      .followedBy('two', app.stream('b', json<number>()), { within: '1 hour' })
      .toStream({ limit: 2 })
      .to('out')
    const driver = testDriver(app)
    for (const n of [1, 2, 3]) driver.topic('a').append(n, { key: 'k', timestampMs: n })
    assert.equal(driver.topic('many-dead-letters').read().length, 1)
  })
})
