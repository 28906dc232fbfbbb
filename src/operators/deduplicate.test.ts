import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { deduplicateOperator } from './deduplicate.ts'
import { OperatorRun } from './operator-fixture.ts'

interface Event {
  readonly key: string
  readonly id: number
  readonly at: number
}

const runOf = (withinMs: number): OperatorRun =>
  new OperatorRun(
    deduplicateOperator({ store: 'd', withinMs, idOf: (value) => (value as { id: number }).id }),
  )

describe('deduplicate', () => {
  it('lets through what no record near it in time preceded, calls late what cannot be told, through restarts', () => {
    const event = fc.record({ key: fc.constantFrom('a', 'b'), id: fc.nat(2), at: fc.nat(100) })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 50 }), fc.nat(30), fc.boolean(), (list, within, restarts) => {
        const run = runOf(within)
        const passed: Event[] = []
        const late: Event[] = []
        let time = Number.NEGATIVE_INFINITY
        for (const [at, one] of list.entries()) {
          run.push(one.key, one, one.at)
          if (restarts && at % 4 === 0) run.restart()
          time = Math.max(time, one.at)
          const same = (held: Event): boolean =>
            held.key === one.key && held.id === one.id && Math.abs(held.at - one.at) <= within
          if (one.at < time - within) late.push(one)
          else if (!passed.some(same)) passed.push(one)
        }
        assert.deepEqual(
          run.results.map(({ timestampMs }) => timestampMs),
          passed.map(({ at }) => at),
        )
        assert.deepEqual(
          run.late.map(({ value }) => value),
          late,
        )
      }),
      { numRuns: 300 },
    )
  })

  it('forgets ids that no record can repeat any more', () => {
    const run = runOf(10)
    for (let at = 0; at < 1000; at++) {
      run.push('k', { id: at }, at)
      // A removed entry stays until the changelog was told.
      if (at % 50 === 49) run.restart()
      assert.ok(run.entryCount('d') <= 75, `${run.entryCount('d')} ids at ${at}`)
    }
  })

  it('passes over records without a key', () => {
    const run = runOf(10)
    run.push(null, { id: 1 }, 1)
    assert.deepEqual(run.results, [])
  })
})
