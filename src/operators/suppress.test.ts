import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringSerde } from '../core/serde.ts'
import { OperatorRun } from './operator-fixture.ts'
import { suppressOperator } from './suppress.ts'

interface Held {
  readonly key: string
  readonly sinceMs: number
  id: number
  at: number
}

describe('suppress', () => {
  it('gives the last value of each wait when it is over, through restarts', () => {
    const event = fc.record({ key: fc.constantFrom('a', 'b', 'c'), at: fc.nat(80) })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.nat(20), fc.boolean(), (list, waitMs, restarts) => {
        const run = new OperatorRun(
          suppressOperator({
            store: 's',
            keySerde: stringSerde as never,
            waitMs,
            recordsMax: 1000,
            whenFull: 'emit',
          }),
        )
        const expected: string[] = []
        let held: Held[] = []
        let time = Number.NEGATIVE_INFINITY
        const leave = (): void => {
          for (const one of held)
            if (one.sinceMs + waitMs <= time) expected.push(`${one.key} ${one.id} ${one.at}`)
          held = held.filter((one) => one.sinceMs + waitMs > time)
        }
        for (const [id, { key, at }] of list.entries()) {
          run.push(key, id, at)
          if (restarts && id % 3 === 0) run.restart()
          time = Math.max(time, at)
          leave()
          const waiting = held.find((one) => one.key === key)
          if (waiting === undefined) held.push({ key, sinceMs: at, id, at })
          else Object.assign(waiting, { id, at })
          leave()
        }
        run.end()
        time = Number.POSITIVE_INFINITY
        leave()
        const results = run.results.map(({ key, value, timestampMs }) => `${key} ${value} ${timestampMs}`)
        assert.deepEqual(results.toSorted(), expected.toSorted())
      }),
      { numRuns: 300 },
    )
  })
})
