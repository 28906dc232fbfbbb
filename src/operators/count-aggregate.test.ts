import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringSerde } from '../core/serde.ts'
import { type AnyAggregator, collect } from './aggregator.ts'
import { countAggregateOperator } from './count-aggregate.ts'
import { OperatorRun } from './operator-fixture.ts'

const ids = collect<number, number>((id) => id) as AnyAggregator<unknown>
const runOf = (size: number, every: number, emit: 'close' | 'update'): OperatorRun =>
  new OperatorRun(
    countAggregateOperator({
      store: 'c',
      keySerde: stringSerde as never,
      aggregator: ids,
      size,
      every,
      emit,
    }),
  )

describe('windows of so many records', () => {
  it('are slices of what each key got, of one size, every so many records', () => {
    const events = fc.array(fc.record({ key: fc.constantFrom('a', 'b'), at: fc.nat(50) }), { maxLength: 40 })
    const sizes = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat())
    fc.assert(
      fc.property(events, sizes, fc.boolean(), (list, [size, part], restarts) => {
        const every = 1 + (part % size)
        const run = runOf(size, every, 'close')
        for (const [id, { key, at }] of list.entries()) {
          run.push(key, id, at)
          if (restarts && id % 3 === 0) run.restart()
        }
        for (const key of ['a', 'b']) {
          const own = list.flatMap((event, id) => (event.key === key ? [{ id, at: event.at }] : []))
          const expected: unknown[] = []
          for (let from = 0; from + size <= own.length; from += every) {
            const slice = own.slice(from, from + size)
            const ats = slice.map(({ at }) => at)
            expected.push([Math.min(...ats), Math.max(...ats), slice.map(({ id }) => id), Math.max(...ats)])
          }
          const results = run.results
            .filter((result) => (result.key as { key: string }).key === key)
            .map(({ key, value, timestampMs }) => {
              const { windowStartMs, windowEndMs } = key as Record<string, number>
              return [windowStartMs, windowEndMs, value, timestampMs]
            })
          assert.deepEqual(results, expected)
        }
      }),
    )
  })

  it('on update give every window that holds the record, the full one first', () => {
    const run = runOf(3, 2, 'update')
    for (const id of [1, 2, 3, 4]) run.push('k', id, id)
    assert.deepEqual(
      run.results.map(({ value }) => value),
      [[1], [1, 2], [1, 2, 3], [3], [3, 4]],
    )
  })

  it('pass over records without a key', () => {
    const run = runOf(1, 1, 'close')
    run.push(null, 1, 1)
    assert.deepEqual(run.results, [])
  })
})
