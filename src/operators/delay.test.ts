import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isMillraceError } from '../core/errors.ts'
import { delayOperator, holdOperator } from './delay.ts'
import { OperatorRun } from './operator-fixture.ts'

const runOf = (): OperatorRun =>
  new OperatorRun(delayOperator({ store: 'd', dueMs: (value) => (value as { due: number }).due }))

describe('delay', () => {
  it('gives every record once, by its due time and then in the order in which they came, through restarts', () => {
    const event = fc.record({ due: fc.nat(80), at: fc.nat(60) })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.boolean(), (list, restarts) => {
        const run = runOf()
        const expected: [id: number, dueMs: number][] = []
        let waiting: { id: number; due: number }[] = []
        let time = Number.NEGATIVE_INFINITY
        const leave = (timeMs: number): void => {
          const due = waiting.filter((one) => one.due <= timeMs)
          waiting = waiting.filter((one) => one.due > timeMs)
          for (const one of due.sort((a, b) => a.due - b.due)) expected.push([one.id, one.due])
        }
        for (const [id, { due, at }] of list.entries()) {
          run.push(id % 3 === 0 ? null : 'k', { due, id }, at)
          if (restarts && id % 4 === 0) run.restart()
          time = Math.max(time, at)
          leave(time)
          if (due <= time) expected.push([id, Math.max(due, at)])
          else waiting.push({ id, due })
        }
        run.end()
        leave(Number.POSITIVE_INFINITY)
        assert.deepEqual(
          run.results.map(({ value, timestampMs }) => [(value as { id: number }).id, timestampMs]),
          expected,
        )
      }),
      { numRuns: 300 },
    )
  })

  it('refuses a time that is none', () => {
    assert.throws(
      () => runOf().push('k', { due: Number.NaN }, 1),
      (error: unknown) => isMillraceError(error, 'MR_RECORD_INVALID'),
    )
  })
})

describe('hold', () => {
  it('gives every record its own time, once stream time is so far behind it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 40 }), fc.nat(20), (times, byMs) => {
        const run = new OperatorRun(holdOperator({ store: 'h', byMs }))
        const expected: [id: number, timestampMs: number][] = []
        let waiting: [id: number, timestampMs: number][] = []
        let streamTimeMs = Number.NEGATIVE_INFINITY
        const leave = (untilMs: number): void => {
          expected.push(...waiting.filter(([, at]) => at + byMs <= untilMs).sort((a, b) => a[1] - b[1]))
          waiting = waiting.filter(([, at]) => at + byMs > untilMs)
        }
        for (const [id, at] of times.entries()) {
          run.push('k', id, at)
          if (id % 5 === 0) run.restart()
          streamTimeMs = Math.max(streamTimeMs, at)
          leave(streamTimeMs)
          if (at + byMs <= streamTimeMs) expected.push([id, at])
          else waiting.push([id, at])
        }
        run.end()
        leave(Number.POSITIVE_INFINITY)
        assert.deepEqual(
          run.results.map(({ value, timestampMs }) => [value, timestampMs]),
          expected,
        )
      }),
      { numRuns: 300 },
    )
  })
})
