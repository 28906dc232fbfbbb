/** Sliding windows against their definition: which windows there are, and which records each holds. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringSerde } from '../core/serde.ts'
import { type AnyAggregator, aggregator } from './aggregator.ts'
import { OperatorRun } from './operator-fixture.ts'
import { slidingAggregateOperator } from './sliding-aggregate.ts'

/** Changes its state in place, as a window's copy must not notice. */
const inPlace = aggregator<number, number[]>({
  init: () => [],
  add(state, value) {
    state.push(value)
    return state
  },
}) as AnyAggregator<unknown>

const operatorOf = (differenceMs: number, graceMs: number, emit: 'close' | 'update'): OperatorRun =>
  new OperatorRun(
    slidingAggregateOperator({
      store: 's',
      keySerde: stringSerde as never,
      aggregator: inPlace,
      differenceMs,
      graceMs,
      emit,
    }),
  )

interface Key {
  readonly key: string
  readonly windowStartMs: number
  readonly windowEndMs: number
}

/** Every window that records at these times make, with the ids of the records in it. */
function windowsOf(times: readonly number[], difference: number): Map<number, number[]> {
  const windows = new Map<number, number[]>()
  const within = (start: number): number[] =>
    times.flatMap((at, id) => (start <= at && at <= start + difference ? [id] : []))
  for (const at of times) {
    const left = Math.max(0, at - difference)
    windows.set(left, within(left))
    const right = within(at + 1)
    if (right.length > 0) windows.set(at + 1, right)
  }
  return windows
}

const times = fc.array(fc.nat(60), { maxLength: 25 })
const difference = fc.integer({ min: 1, max: 20 })
const byStart = (a: readonly [number, unknown], b: readonly [number, unknown]): number => a[0] - b[0]
const ordered = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b)

describe('sliding windows', () => {
  it('are those of the definition after every record, whatever its order', () => {
    fc.assert(
      fc.property(times, difference, fc.boolean(), (list, differenceMs, restarts) => {
        const run = operatorOf(differenceMs, 1000, 'update')
        const latest = new Map<number, number[]>()
        let read = 0
        for (const [id, at] of list.entries()) {
          run.push('k', id, at)
          if (restarts && id % 3 === 0) run.restart()
          for (; read < run.results.length; read++) {
            const { windowStartMs, windowEndMs } = run.results[read]!.key as Key
            assert.equal(windowEndMs, windowStartMs + differenceMs)
            latest.set(windowStartMs, ordered(run.results[read]!.value as number[]))
          }
          const expected = windowsOf(list.slice(0, id + 1), differenceMs)
          assert.deepEqual([...latest].sort(byStart), [...expected].sort(byStart))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('give each window once when they close, with what was on time', () => {
    fc.assert(
      fc.property(times, difference, fc.boolean(), (list, differenceMs, restarts) => {
        const inOrder = list.toSorted((a, b) => a - b)
        const run = operatorOf(differenceMs, 0, 'close')
        for (const [id, at] of inOrder.entries()) {
          run.push('k', id, at)
          if (restarts && id % 3 === 0) run.restart()
        }
        run.end()
        const results = run.results.map(({ key, value, timestampMs }): [number, number[]] => {
          assert.equal(timestampMs, (key as Key).windowEndMs)
          return [(key as Key).windowStartMs, ordered(value as number[])]
        })
        assert.deepEqual(results, [...windowsOf(inOrder, differenceMs)].sort(byStart))
      }),
    )
  })

  it('put two records in one window exactly if they are at most the difference apart', () => {
    const run = operatorOf(10, 0, 'close')
    run.push('k', 1, 100)
    run.push('k', 2, 110)
    run.push('k', 3, 121)
    run.end()
    const together = run.results.map(({ value }) => value)
    assert.deepEqual(together, [[1], [1, 2], [2], [3]])
  })

  it('hand over as late what no window takes any more, and pass over null keys and values', () => {
    const run = operatorOf(10, 5, 'update')
    run.push('k', 1, 100)
    run.push('k', 2, 84)
    assert.equal(run.late.length, 1)
    run.push('k', 3, 96)
    assert.equal(run.late.length, 1)
    run.push(null, 4, 100)
    run.push('k', null, 100)
    assert.deepEqual(
      run.results.map(({ key, value, timestampMs }) => [(key as Key).windowStartMs, value, timestampMs]),
      [
        [90, [1], 100],
        [90, [1, 3], 100],
        [86, [3], 96],
        [97, [1], 100],
      ],
    )
  })

  it('drop the state of windows that no record can see any more', () => {
    const run = operatorOf(10, 0, 'update')
    for (let at = 0; at < 1000; at++) {
      run.push('k', at, at)
      // Windows begin at each record and behind it, from three differences back.
      assert.ok(run.entryCount('s') <= 32, `${run.entryCount('s')} windows at ${at}`)
    }
  })
})
