/** Joins of two streams against a model that compares every record with every other. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { session } from '../dsl/window.ts'
import { testDriver } from '../testing/test-driver.ts'
import { count, sum } from './aggregator.ts'
import { OperatorRun } from './operator-fixture.ts'
import { type StreamJoinKind, streamStreamJoinOperator } from './stream-stream-join.ts'

interface Event {
  readonly left: boolean
  readonly key: string | null
  readonly atMs: number
  readonly n: number
}

interface Reach {
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number
}

const uneven: Reach = { beforeMs: 7, afterMs: 12, graceMs: 5 }
/** Where a side looks in one direction only, or nowhere but at its own time, nothing may be forgotten a moment early. */
const reaches: readonly Reach[] = [
  uneven,
  { beforeMs: 0, afterMs: 12, graceMs: 5 },
  { beforeMs: 7, afterMs: 0, graceMs: 0 },
  { beforeMs: 0, afterMs: 0, graceMs: 3 },
  { beforeMs: 0, afterMs: 0, graceMs: 0 },
]

const eventsOf = (lateMs: number): fc.Arbitrary<Event[]> =>
  fc
    .array(
      fc.record({
        left: fc.boolean(),
        key: fc.constantFrom('a', 'b', null),
        stepMs: fc.oneof(fc.nat(6), fc.nat(40), fc.constantFrom(0, 7, 12)),
        backMs: fc.oneof(fc.constant(0), fc.nat(lateMs)),
      }),
      { maxLength: 40 },
    )
    .map((steps) => {
      let newest = 1000
      return steps.map(({ left, key, stepMs, backMs }, n): Event => {
        newest += stepMs
        return { left, key, n, atMs: newest - backMs }
      })
    })

type Pair = readonly [left: number | null, right: number | null, atMs: number]

/** Runs the operator; `restartAt` makes it anew from its changelogs before that event. */
function joined(kind: StreamJoinKind, events: readonly Event[], restartAt = -1, reach = uneven) {
  const run = new OperatorRun(
    streamStreamJoinOperator({
      kind,
      leftStore: 'left',
      rightStore: 'right',
      keySerde: json(),
      ...reach,
      joiner: (left, right) => [left, right],
    }),
  )
  for (const [at, { left, key, atMs, n }] of events.entries()) {
    if (at === restartAt) run.restart()
    run.push(key, n, atMs, left ? 0 : 1)
  }
  run.advanceTo(Number.POSITIVE_INFINITY)
  const pairs = run.results.map(({ value, timestampMs }): Pair => {
    const [left, right] = value as [number | null, number | null]
    return [left, right, timestampMs]
  })
  return { pairs, late: run.late }
}

function model(kind: StreamJoinKind, events: readonly Event[], { beforeMs, afterMs }: Reach): Pair[] {
  const lefts = events.filter(({ left }) => left)
  const rights = events.filter(({ left }) => !left)
  const meets = (l: Event, r: Event): boolean =>
    l.key !== null && l.key === r.key && r.atMs >= l.atMs - beforeMs && r.atMs <= l.atMs + afterMs
  const pairs = lefts.flatMap((l) =>
    rights.filter((r) => meets(l, r)).map((r): Pair => [l.n, r.n, Math.max(l.atMs, r.atMs)]),
  )
  const aloneLefts = lefts.filter((l) => !rights.some((r) => meets(l, r)))
  const aloneRights = rights.filter((r) => !lefts.some((l) => meets(l, r)))
  if (kind !== 'inner') pairs.push(...aloneLefts.map(({ n, atMs }): Pair => [n, null, atMs]))
  if (kind === 'outer') pairs.push(...aloneRights.map(({ n, atMs }): Pair => [null, n, atMs]))
  return pairs
}

const sorted = (pairs: readonly Pair[]): string[] => pairs.map((pair) => JSON.stringify(pair)).toSorted()

describe('a join of two streams', () => {
  for (const kind of ['inner', 'left', 'outer'] as const) {
    for (const reach of reaches) {
      const { beforeMs, afterMs, graceMs } = reach
      const where = `from ${beforeMs} before to ${afterMs} after with a grace of ${graceMs}`
      it(`gives every pair once, ${kind}, ${where}, also after a restart`, () => {
        fc.assert(
          fc.property(eventsOf(graceMs), fc.nat(40), (events, restartAt) => {
            const { pairs, late } = joined(kind, events, restartAt, reach)
            assert.deepEqual(sorted(pairs), sorted(model(kind, events, reach)))
            assert.deepEqual(late, [])
          }),
          { numRuns: 200 },
        )
      })
    }
  }

  it('finds a partner as far away as may be, though its side has gone on, where it looks in one direction only', () => {
    for (const { reach, left } of [
      { reach: { beforeMs: 0, afterMs: 12, graceMs: 0 }, left: true },
      { reach: { beforeMs: 12, afterMs: 0, graceMs: 0 }, left: false },
    ]) {
      const events: Event[] = [
        { left, key: 'a', atMs: 1000, n: 1 },
        { left, key: 'a', atMs: 1012, n: 2 },
        { left: !left, key: 'a', atMs: 1012, n: 3 },
      ]
      const { pairs } = joined('inner', events, -1, reach)
      const pairOf = (n: number): Pair => (left ? [n, 3, 1012] : [3, n, 1012])
      assert.deepEqual(pairs, [pairOf(1), pairOf(2)])
    }
  })

  it('within no time joins records of equal times, also what windows give when they close', () => {
    const app = pipeline('at-once')
    const clicks = app.stream('clicks', json<number>()).groupByKey()
    const counts = clicks.window(session('1 second')).aggregate({ count: count() }, { name: 'counts' })
    const sums = clicks.window(session('1 second')).aggregate({ sum: sum((n) => n) }, { name: 'sums' })
    counts
      .toStream()
      .join(sums.toStream(), (one, other) => ({ ...one, ...other }), { name: 'both', within: 0 })
      .to('out')
    const driver = testDriver(app)
    for (const [n, key, timestampMs] of [
      [1, 'a', 0],
      [2, 'b', 100],
      [3, 'a', 500],
      [4, 'a', 5000],
    ] as const)
      driver.topic('clicks').append(n, { key, timestampMs })
    driver.end()
    const rows = driver.topic('out').read<unknown, { key: string }>()
    assert.deepEqual(
      rows.map(({ key, value, timestampMs }) => [key.key, value, timestampMs]),
      [
        ['b', { count: 1, sum: 2 }, 100],
        ['a', { count: 2, sum: 4 }, 500],
        ['a', { count: 1, sum: 4 }, 5000],
      ],
    )
    assert.equal(driver.topic('at-once-late').read().length, 0)
  })

  it('never gives a record out both joined and alone, however late they come', () => {
    fc.assert(
      fc.property(eventsOf(60), (events) => {
        const { pairs } = joined('outer', events)
        const joinedOnes = pairs.filter(([left, right]) => left !== null && right !== null)
        for (const [left, right] of pairs) {
          if (left !== null && right !== null) continue
          const alone = left ?? right
          assert.ok(!joinedOnes.some(([l, r]) => l === alone || r === alone), `${alone} was joined too`)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('says what came too late to be kept', () => {
    const { pairs, late } = joined('inner', [
      { left: true, key: 'a', atMs: 1000, n: 1 },
      { left: true, key: 'a', atMs: 900, n: 2 },
    ])
    assert.deepEqual(pairs, [])
    assert.deepEqual(
      late.map(({ value, windowEndMs }) => [value, windowEndMs]),
      [[2, 900 + uneven.afterMs]],
    )
  })

  it('keeps nothing that nobody can meet any more', () => {
    const app = pipeline('forgets')
    const right = app.stream('right', json<number>())
    app
      .stream('left', json<number>())
      .join(right, (l, r) => l + r, { name: 'sums', within: '1 second' })
      .to('out')
    const driver = testDriver(app)
    for (let n = 0; n < 1000; n++) driver.topic('left').append(n, { key: 'k', timestampMs: n * 100 })
    assert.ok(driver.store('sums-left').entryCount < 40, String(driver.store('sums-left').entryCount))
  })
})
