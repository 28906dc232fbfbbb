/** Triggers and panes against a model that walks time millisecond by millisecond. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringSerde } from '../core/serde.ts'
import { type AnyAggregator, collect } from './aggregator.ts'
import { OperatorRun } from './operator-fixture.ts'
import { type Triggers, triggeredAggregateOperator } from './triggered-aggregate.ts'
import { fixedWindows } from './window-assigner.ts'

const ids = collect<number, number>((id) => id) as AnyAggregator<unknown>

function runOf(size: number, every: number, graceMs: number, triggers: Triggers): OperatorRun {
  return new OperatorRun(
    triggeredAggregateOperator({
      store: 't',
      keySerde: stringSerde as never,
      aggregator: ids,
      windows: fixedWindows(size, every),
      graceMs,
      triggers,
    }),
  )
}

interface Pane {
  readonly key: string
  readonly from: number
  readonly to: number
  all: number[]
  fresh: number[]
  latest: number
  dueMs: number | undefined
}

/** What must come out, by the definition: every window and key, at every millisecond. */
function model(
  size: number,
  every: number,
  graceMs: number,
  { early, late, panes }: Triggers,
  list: readonly { readonly key: string; readonly at: number }[],
): unknown[] {
  const open = new Map<string, Pane>()
  const rows: unknown[] = []
  const fire = (pane: Pane, timestampMs: number): void => {
    if (pane.fresh.length === 0) return
    rows.push([
      pane.key,
      pane.from,
      panes === 'discarding' ? [...pane.fresh] : [...pane.all],
      Math.min(timestampMs, pane.to - 1),
    ])
    pane.fresh = []
    pane.dueMs = undefined
  }
  let time = Number.NEGATIVE_INFINITY
  const walkTo = (target: number): void => {
    for (let now = time === Number.NEGATIVE_INFINITY ? target : time + 1; now <= target; now++) {
      const all = [...open.entries()]
      for (const [, pane] of all) if (pane.dueMs === now && now < pane.to) fire(pane, now)
      if (late !== undefined) for (const [, pane] of all) if (pane.to === now) fire(pane, pane.to - 1)
      for (const [name, pane] of all) {
        if (pane.to + graceMs !== now) continue
        fire(pane, pane.to - 1)
        open.delete(name)
      }
    }
    time = Math.max(time, target)
  }
  for (const [id, { key, at }] of list.entries()) {
    walkTo(at)
    for (let from = Math.floor(at / every) * every; from >= 0 && from > at - size; from -= every) {
      if (from + size + graceMs <= time) continue
      const name = `${from} ${key}`
      const pane = open.get(name) ?? {
        key,
        from,
        to: from + size,
        all: [],
        fresh: [],
        latest: at,
        dueMs: undefined,
      }
      open.set(name, pane)
      pane.all.push(id)
      pane.fresh.push(id)
      pane.latest = Math.max(pane.latest, at)
      const ended = time >= pane.to
      const limit = ended ? late?.records : early?.records
      if (limit !== undefined && pane.fresh.length >= limit) fire(pane, ended ? pane.to - 1 : pane.latest)
      else if (early?.everyMs !== undefined && !ended && pane.dueMs === undefined)
        pane.dueMs = time + early.everyMs
    }
  }
  walkTo(500)
  return rows
}

const triggers = fc
  .record({
    everyMs: fc.option(fc.integer({ min: 1, max: 15 }), { nil: undefined }),
    earlyRecords: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    lateRecords: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    panes: fc.constantFrom<Triggers['panes']>('accumulating', 'discarding'),
  })
  .map(({ everyMs, earlyRecords, lateRecords, panes }): Triggers => {
    const early = {
      ...(everyMs === undefined ? {} : { everyMs }),
      ...(earlyRecords === undefined ? {} : { records: earlyRecords }),
    }
    return { panes, early, ...(lateRecords === undefined ? {} : { late: { records: lateRecords } }) }
  })

const sorted = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

describe('triggers', () => {
  it('fire early, at the end, late and at the close as the model does, through restarts', () => {
    const events = fc.array(fc.record({ key: fc.constantFrom('a', 'b'), at: fc.nat(80) }), { maxLength: 30 })
    const sizes = fc.record({ size: fc.integer({ min: 1, max: 25 }), part: fc.nat(), graceMs: fc.nat(20) })
    fc.assert(
      fc.property(sizes, triggers, events, fc.boolean(), ({ size, part, graceMs }, fire, list, restarts) => {
        const every = 1 + (part % size)
        const run = runOf(size, every, graceMs, fire)
        for (const [id, { key, at }] of list.entries()) {
          run.push(key, id, at)
          if (restarts && id % 4 === 0) run.restart()
        }
        run.advanceTo(500)
        const rows = run.results.map(({ key, value, timestampMs }) => {
          const { key: own, windowStartMs } = key as { key: string; windowStartMs: number }
          return [own, windowStartMs, value, timestampMs]
        })
        assert.deepEqual(sorted(rows), sorted(model(size, every, graceMs, fire, list)))
      }),
      { numRuns: 400 },
    )
  })

  it('accumulate or discard', () => {
    const values = (panes: Triggers['panes']): unknown[] => {
      const run = runOf(10, 10, 5, { panes, early: { records: 2 }, late: { records: 1 } })
      for (const [id, at] of [1, 2, 3, 12, 4].entries()) run.push('k', id, at)
      run.end()
      return run.results
        .filter(({ key }) => (key as { windowStartMs: number }).windowStartMs === 0)
        .map(({ value }) => value)
    }
    assert.deepEqual(values('accumulating'), [
      [0, 1],
      [0, 1, 2],
      [0, 1, 2, 4],
    ])
    assert.deepEqual(values('discarding'), [[0, 1], [2], [4]])
  })
})
