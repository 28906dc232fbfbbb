/** `assemble` against a model that sorts all events and cuts them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../core/serde.ts'
import { assemble } from '../dsl/assemble.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { testDriver } from '../testing/test-driver.ts'
import type { Assembly, Interval } from './assemble.ts'

interface Event {
  readonly kind: 'opened' | 'joined' | 'left' | 'closed'
  readonly key: string
  readonly atMs: number
  readonly who: string
  readonly n: number
}

const kinds = ['opened', 'joined', 'left', 'closed'] as const
const timeoutMs = 20
const graceMs = 6

function rooms(limit?: number) {
  const app = pipeline('rooms')
  const kind = (topic: string) => app.stream(topic, json<Event>())
  assemble(
    { opened: kind('opened'), joined: kind('joined'), left: kind('left'), closed: kind('closed') },
    {
      name: 'rooms',
      timeout: timeoutMs,
      grace: graceMs,
      last: 'closed',
      needs: ['opened', 'closed'],
      pairs: { visits: { start: 'joined', stop: 'left', by: (event) => event.who } },
      ...(limit === undefined ? {} : { limit }),
    },
  ).to('out')
  return testDriver(app)
}

/** The answer, the slow way: the events that are on time, sorted, cut, and each interval searched for. */
function model(events: readonly Event[]): Record<string, Assembly[]> {
  let newest = Number.NEGATIVE_INFINITY
  const onTime = events.filter(({ atMs }) => {
    newest = Math.max(newest, atMs)
    return atMs + graceMs >= newest
  })
  const answer: Record<string, Assembly[]> = {}
  for (const key of new Set(onTime.map((event) => event.key))) {
    const own = onTime
      .filter((event) => event.key === key)
      .toSorted((a, b) => a.atMs - b.atMs || kinds.indexOf(a.kind) - kinds.indexOf(b.kind))
    const ends = (at: number): boolean =>
      own[at]!.kind === 'closed' || at === own.length - 1 || own[at + 1]!.atMs - own[at]!.atMs > timeoutMs
    let from = 0
    answer[key] = own.flatMap((_, at) => {
      if (!ends(at)) return []
      const piece = own.slice(from, at + 1)
      from = at + 1
      return [modelled(piece)]
    })
  }
  return answer
}

function modelled(piece: readonly Event[]): Assembly {
  const of = (kind: Event['kind']) => piece.filter((event) => event.kind === kind)
  const visits: Interval[] = []
  piece.forEach((event, at) => {
    if (event.kind !== 'joined' && event.kind !== 'left') return
    const same = (other: Event) =>
      other.who === event.who && (other.kind === 'joined' || other.kind === 'left')
    const before = piece.slice(0, at).findLast(same)
    const after = piece.slice(at + 1).find(same)
    const id = event.who
    if (event.kind === 'joined') {
      const stop = after?.kind === 'left' ? after : null
      visits.push({ id, startMs: event.atMs, stopMs: stop?.atMs ?? null, start: event, stop })
    } else if (before?.kind !== 'joined') {
      visits.push({ id, startMs: null, stopMs: event.atMs, start: null, stop: event })
    }
  })
  return {
    events: Object.fromEntries(
      kinds.map((kind) => [kind, of(kind).map((value) => ({ atMs: value.atMs, value }))]),
    ),
    intervals: { visits },
    missing: (['opened', 'closed'] as const).filter((kind) => of(kind).length === 0),
    ended: piece.at(-1)!.kind === 'closed' ? 'last' : 'timeout',
    startMs: piece[0]!.atMs,
    endMs: piece.at(-1)!.atMs,
  }
}

const inputs = fc
  .array(
    fc.record({
      kind: fc.constantFrom(...kinds, 'joined' as const, 'left' as const),
      key: fc.constantFrom('r1', 'r2'),
      stepMs: fc.oneof(fc.nat(8), fc.constant(0), fc.constant(21), fc.nat(60)),
      backMs: fc.oneof(fc.constant(0), fc.nat(graceMs + 3)),
      who: fc.constantFrom('ann', 'bob'),
    }),
    { maxLength: 40 },
  )
  .map((steps) => {
    let newest = 1000
    return steps.map(({ kind, key, stepMs, backMs, who }, n): Event => {
      newest += stepMs
      return { kind, key, who, n, atMs: newest - backMs }
    })
  })

describe('assemble', () => {
  it('gives for each key what the model gives, however the events come', () => {
    fc.assert(
      fc.property(inputs, (events) => {
        const driver = rooms()
        for (const event of events)
          driver.topic(event.kind).append(event, { key: event.key, timestampMs: event.atMs })
        driver.end()
        const out = driver.topic('out').read<Assembly, string>()
        const expected = model(events)
        const actual = Object.groupBy(out, ({ key }) => key)
        for (const key of ['r1', 'r2']) {
          assert.deepEqual(
            (actual[key] ?? []).map(({ value }) => value),
            expected[key] ?? [],
          )
        }
        for (const { timestampMs, value } of out) assert.equal(timestampMs, value.endMs)
        const kept = Object.values(expected)
          .flat()
          .flatMap(({ events: parts }) => Object.values(parts).flat()).length
        assert.equal(driver.topic('rooms-late').read().length, events.length - kept, 'the others are late')
      }),
      { numRuns: 300 },
    )
  })

  it('gives an assembly out as soon as nothing can be added to it, and not before', () => {
    const driver = rooms()
    const at = (kind: Event['kind'], atMs: number) =>
      driver.topic(kind).append({ kind, key: 'r1', atMs, who: 'ann', n: 0 }, { key: 'r1', timestampMs: atMs })
    const clock = (atMs: number) => driver.topic('joined').append({}, { key: 'clock', timestampMs: atMs })
    const results = () =>
      driver
        .topic('out')
        .read<Assembly, string>()
        .filter(({ key }) => key === 'r1')
        .map(({ value }) => [value.ended, value.missing, value.startMs])
    at('opened', 100)
    at('closed', 110)
    clock(116)
    assert.deepEqual(results(), [])
    clock(117)
    assert.deepEqual(results(), [['last', [], 100]])
    at('joined', 120)
    clock(146)
    assert.deepEqual(results(), [])
    clock(147)
    assert.deepEqual(results(), [['timeout', ['opened', 'closed'], 120]])
  })

  it('puts what would be more than its limit aside, and keeps the rest', () => {
    const driver = rooms(2)
    for (const n of [1, 2, 3])
      driver.topic('joined').append({ n, who: 'ann' }, { key: 'r1', timestampMs: 100 + n })
    driver.end()
    assert.equal(driver.topic('rooms-dead-letters').read().length, 1)
    assert.equal(driver.topic('out').read<Assembly>()[0]?.value.events['joined']?.length, 2)
  })

  it('knows the types of its parts', () => {
    const app = pipeline('types')
    const started = app.stream('started', json<{ room: string }>())
    const stopped = app.stream('stopped', json<{ reason: number }>())
    const both = assemble(
      { started, stopped },
      { timeout: '1 hour', pairs: { runs: { start: 'started', stop: 'stopped' } } },
    )
    both.mapValues(({ events, intervals, missing }) => {
      const room: string | undefined = events.started[0]?.value.room
      const reason: number | undefined = intervals.runs[0]?.stop?.reason
      // @ts-expect-error no stream of that name
      events.paused
      // @ts-expect-error a reason is a number
      const text: string | undefined = events.stopped[0]?.value.reason
      return [room, reason, text, missing]
    })
    // @ts-expect-error "paused" is none of the streams
    assert.ok(() => assemble({ started, stopped }, { timeout: '1 hour', last: 'paused' }))
    assert.throws(() => assemble({ started }, { timeout: 0 }), { code: 'MR_PLAN_INVALID' })
  })
})
