/** Windows by time against a model that knows nothing of stores or deadlines. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringSerde } from '../core/serde.ts'
import { type AnyAggregator, collect } from './aggregator.ts'
import { OperatorRun } from './operator-fixture.ts'
import { windowAggregateOperator } from './window-aggregate.ts'
import { customWindows, fixedWindows, unlimitedWindow, type WindowAssigner } from './window-assigner.ts'

interface Event {
  readonly key: string
  readonly id: number
  readonly at: number
}

interface Case {
  readonly windows: WindowAssigner
  /** The windows of a time, oldest first, by the definition. */
  readonly of: (at: number) => [number, number][]
  readonly graceMs: number
}

const events = fc
  .array(fc.record({ key: fc.constantFrom('a', 'b'), at: fc.nat(100) }, { noNullPrototype: true }), {
    maxLength: 40,
  })
  .map((list) => list.map((event, id): Event => ({ ...event, id })))

const grace = fc.nat(30)
const fixed = fc
  .record({ size: fc.integer({ min: 1, max: 25 }), part: fc.nat(), graceMs: grace })
  .map(({ size, part, graceMs }): Case => {
    const advance = 1 + (part % size)
    const of = (at: number): [number, number][] => {
      const all: [number, number][] = []
      for (let start = 0; start <= at; start += advance)
        if (at < start + size) all.push([start, start + size])
      return all
    }
    return { windows: fixedWindows(size, advance), of, graceMs }
  })
/** Windows of unequal length, some within others: from 10 to 10 + 3n for n = 1 and 2, and tens. */
const nested = grace.map((graceMs): Case => {
  const all: [number, number][] = [
    [0, 40],
    [3, 9],
    [10, 20],
    [20, 95],
    [60, 61],
    [70, 101],
  ]
  const of = (at: number): [number, number][] => all.filter(([from, to]) => from <= at && at < to)
  return {
    windows: customWindows((at) => of(at).map(([startMs, endMs]) => ({ startMs, endMs }))),
    of,
    graceMs,
  }
})
const from30 = fc.constant<Case>({
  windows: unlimitedWindow(30),
  of: (at) => (at < 30 ? [] : [[30, Number.MAX_SAFE_INTEGER]]),
  graceMs: 0,
})

const ids = collect<Event, number>((event) => event.id) as AnyAggregator<unknown>

function run(
  emit: 'close' | 'update',
  { windows, graceMs }: Case,
  list: readonly Event[],
  restarts: boolean,
) {
  const operator = new OperatorRun(
    windowAggregateOperator({
      store: 'w',
      keySerde: stringSerde as never,
      aggregator: ids,
      windows,
      graceMs,
      emit,
    }),
  )
  for (const event of list) {
    operator.push(event.key, event, event.at)
    if (restarts && event.id % 3 === 0) operator.restart()
  }
  operator.end()
  return operator
}

/** The model: which records every window took, when it closed, and which records none took. */
function model({ of, graceMs }: Case, list: readonly Event[]) {
  const taken = new Map<string, { key: string; from: number; to: number; ids: number[]; latest: number }>()
  const updates: unknown[] = []
  const late: number[] = []
  let time = Number.NEGATIVE_INFINITY
  for (const { key, id, at } of list) {
    time = Math.max(time, at)
    const all = of(at)
    const open = all.filter(([, to]) => to + graceMs > time)
    if (all.length > 0 && open.length === 0) late.push(id)
    for (const [from, to] of open) {
      const window = taken.get(`${from} ${key}`) ?? { key, from, to, ids: [], latest: at }
      taken.set(`${from} ${key}`, window)
      window.ids.push(id)
      window.latest = Math.max(window.latest, at)
      updates.push([key, from, to, [...window.ids], window.latest])
    }
  }
  const closed = [...taken.values()].map(({ key, from, to, ids }) => [key, from, to, ids, to - 1])
  return { updates, closed, late }
}

const flat = (run: OperatorRun): unknown[] =>
  run.results.map(({ key, value, timestampMs }) => {
    const { key: own, windowStartMs, windowEndMs } = key as Record<string, unknown>
    return [own, windowStartMs, windowEndMs, value, timestampMs]
  })
const sorted = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

for (const [name, cases] of Object.entries({ fixed, nested, from30 })) {
  describe(`${name} windows`, () => {
    it('give what the model gives on every update, oldest window first', () => {
      fc.assert(
        fc.property(cases, events, fc.boolean(), (one, list, restarts) => {
          assert.deepEqual(flat(run('update', one, list, restarts)), model(one, list).updates)
        }),
      )
    })

    it('give each window once when it closes, and no record goes missing', () => {
      fc.assert(
        fc.property(cases, events, fc.boolean(), (one, list, restarts) => {
          const operator = run('close', one, list, restarts)
          const { closed, late } = model(one, list)
          assert.deepEqual(sorted(flat(operator)), sorted(closed))
          assert.deepEqual(
            operator.late.map(({ value }) => (value as Event).id),
            late,
          )
        }),
      )
    })

    it('close in the order of their ends', () => {
      fc.assert(
        fc.property(cases, events, (one, list) => {
          const ends = run('close', one, list, false).results.map(({ timestampMs }) => timestampMs)
          assert.deepEqual(
            ends,
            ends.toSorted((a, b) => a - b),
          )
        }),
      )
    })
  })
}

describe('custom windows', () => {
  it('refuse a window that does not hold its record, and two that begin together', () => {
    const into = { starts: [], ends: [] }
    assert.throws(() => customWindows(() => [{ startMs: 5, endMs: 9 }]).assign(9, into), /5 to 9 for 9/)
    const twice = customWindows(() => [
      { startMs: 5, endMs: 9 },
      { startMs: 5, endMs: 10 },
    ])
    assert.throws(() => twice.assign(6, into), /custom window 5/)
  })
})
