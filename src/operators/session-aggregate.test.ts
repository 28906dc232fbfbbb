/** Sessions against a model that finds them anew from all records. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringSerde } from '../core/serde.ts'
import { type AnyAggregator, collect } from './aggregator.ts'
import { OperatorRun } from './operator-fixture.ts'
import { sessionAggregateOperator } from './session-aggregate.ts'

const ids = collect<number, number>((id) => id) as AnyAggregator<unknown>

function runOf(gapMs: number, graceMs: number, emit: 'close' | 'update'): OperatorRun {
  const keySerde = stringSerde as never
  return new OperatorRun(
    sessionAggregateOperator({ store: 's', keySerde, aggregator: ids, gapMs, graceMs, emit }),
  )
}

interface Key {
  readonly windowStartMs: number
  readonly windowEndMs: number
}
type Row = [from: number, to: number, ids: number[]]

/** The sessions of records at these times: neighbours no further apart than the gap are in one. */
function sessionsOf(times: readonly number[], gap: number): Row[] {
  const rows: Row[] = []
  const order = times.map((at, id) => ({ at, id })).sort((a, b) => a.at - b.at)
  for (const { at, id } of order) {
    const last = rows.at(-1)
    if (last === undefined || at - last[1] > gap) rows.push([at, at, [id]])
    else {
      last[1] = at
      last[2].push(id)
    }
  }
  return rows.map(([from, to, list]) => [from, to, list.toSorted((a, b) => a - b)])
}

const times = fc.array(fc.nat(100), { maxLength: 30 })
const gap = fc.integer({ min: 1, max: 12 })
const row = (key: unknown, value: unknown): Row => [
  (key as Key).windowStartMs,
  (key as Key).windowEndMs,
  (value as number[]).toSorted((a, b) => a - b),
]

describe('sessions', () => {
  it('on update: tombstones and results leave exactly the sessions of the definition', () => {
    fc.assert(
      fc.property(times, gap, fc.boolean(), (list, gapMs, restarts) => {
        const run = runOf(gapMs, 1000, 'update')
        const table = new Map<string, Row>()
        let read = 0
        for (const [id, at] of list.entries()) {
          run.push('k', id, at)
          if (restarts && id % 3 === 0) run.restart()
          for (; read < run.results.length; read++) {
            const { key, value, timestampMs } = run.results[read]!
            const { windowStartMs, windowEndMs } = key as Key
            assert.equal(timestampMs, windowEndMs)
            const name = `${windowStartMs} ${windowEndMs}`
            if (value === null) assert.ok(table.delete(name), `${name} was there`)
            else table.set(name, row(key, value))
          }
          const expected = sessionsOf(list.slice(0, id + 1), gapMs)
          assert.deepEqual(
            [...table.values()].sort((a, b) => a[0] - b[0]),
            expected,
          )
        }
      }),
    )
  })

  it('on close: each session once, by its end, with nothing lost', () => {
    fc.assert(
      fc.property(times, gap, fc.boolean(), (list, gapMs, restarts) => {
        const run = runOf(gapMs, 200, 'close')
        for (const [id, at] of list.entries()) {
          run.push('k', id, at)
          if (restarts && id % 3 === 0) run.restart()
        }
        run.end()
        assert.deepEqual(
          run.results.map(({ key, value }) => row(key, value)),
          sessionsOf(list, gapMs),
        )
        assert.equal(run.late.length, 0)
      }),
    )
  })

  it('close strictly after end, gap and grace, and a record exactly then is on time', () => {
    const run = runOf(10, 5, 'close')
    run.push('k', 1, 0)
    run.push('other', 2, 15)
    assert.equal(run.results.length, 0)
    run.push('k', 3, 0)
    assert.equal(run.late.length, 0)
    run.push('other', 4, 16)
    assert.deepEqual(
      run.results.map(({ key, value, timestampMs }) => [row(key, value), timestampMs]),
      [[[0, 0, [1, 3]], 0]],
    )
    run.push('k', 5, 0)
    assert.equal(run.late.length, 1)
  })

  it('deletes nothing while a session is one moment', () => {
    const run = runOf(10, 0, 'update')
    run.push('k', 1, 5)
    run.push('k', 2, 5)
    assert.deepEqual(
      run.results.map(({ value }) => value),
      [[1], [1, 2]],
    )
  })

  it('joins records exactly one gap apart, and two sessions by a record between them', () => {
    const run = runOf(10, 100, 'update')
    run.push('k', 1, 0)
    run.push('k', 2, 20)
    run.push('k', 3, 10)
    assert.deepEqual(
      run.results.map(({ key, value }) => [(key as Key).windowStartMs, (key as Key).windowEndMs, value]),
      [
        [0, 0, [1]],
        [20, 20, [2]],
        [0, 0, null],
        [20, 20, null],
        [0, 20, [1, 2, 3]],
      ],
    )
  })
})
