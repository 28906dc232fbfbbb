/** Aggregators that answer with nothing: the key is forgotten in that window, and the next record begins anew. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { stringSerde } from '../core/serde.ts'
import { aggregateOperator } from './aggregate.ts'
import { type AnyAggregator, aggregator, reducer } from './aggregator.ts'
import { countAggregateOperator } from './count-aggregate.ts'
import { OperatorRun } from './operator-fixture.ts'
import { sessionAggregateOperator } from './session-aggregate.ts'
import { slidingAggregateOperator } from './sliding-aggregate.ts'
import { triggeredAggregateOperator } from './triggered-aggregate.ts'
import { windowAggregateOperator } from './window-aggregate.ts'
import { fixedWindows } from './window-assigner.ts'

const forgetting = aggregator<string, string | null>({
  init: () => '',
  add: (all, value) => (value === 'stop' ? null : `${all}${value}`),
  merge: (one, two) => `${one}${two}`,
})

const folding = reducer<string | null>((all, value) => (value === 'stop' ? null : `${all}${value}`))

const kept = { store: 's', keySerde: stringSerde as never, graceMs: 100, emit: 'update' } as const

const operators = {
  'no windows': (own: AnyAggregator<unknown>) => aggregateOperator({ ...kept, aggregator: own }),
  'tumbling windows': (own: AnyAggregator<unknown>) =>
    windowAggregateOperator({ ...kept, aggregator: own, windows: fixedWindows(100, 100) }),
  'sliding windows': (own: AnyAggregator<unknown>) =>
    slidingAggregateOperator({ ...kept, aggregator: own, differenceMs: 10 }),
  'windows with triggers': (own: AnyAggregator<unknown>) =>
    triggeredAggregateOperator({
      ...kept,
      aggregator: own,
      windows: fixedWindows(100, 100),
      triggers: { panes: 'accumulating', early: { records: 1 } },
    }),
  'windows of records': (own: AnyAggregator<unknown>) =>
    countAggregateOperator({ ...kept, aggregator: own, size: 6, every: 6 }),
  sessions: (own: AnyAggregator<unknown>) =>
    sessionAggregateOperator({ ...kept, aggregator: own, gapMs: 10 }),
}

describe('what an aggregator forgets', () => {
  for (const [name, operatorOf] of Object.entries(operators)) {
    const ofTime = name !== 'windows of records' && name !== 'windows with triggers'
    for (const own of [forgetting, folding] as AnyAggregator<unknown>[]) {
      it(`is gone, and begins anew: ${own.name} in ${name}, through restarts`, () => {
        const run = new OperatorRun(operatorOf(own))
        for (const value of ['a', 'b', 'stop', 'c', 'd']) {
          run.push('k', value, 150)
          run.restart()
        }
        const values = run.results.map(({ value }) => value)
        assert.deepEqual(values, ['a', 'ab', null, 'c', 'cd'])
      })
    }

    if (!ofTime) continue
    it(`has the time of what comes next: ${name}`, () => {
      const run = new OperatorRun(operatorOf(forgetting as AnyAggregator<unknown>))
      run.push('k', 'stop', 158)
      run.push('k', 'a', 152)
      assert.deepEqual(
        run.results.map(({ value, timestampMs }) => [value, timestampMs]),
        [
          [null, 158],
          ['a', 152],
        ],
      )
    })
  }

  it('is not given out when a sliding window closes', () => {
    const spec = slidingAggregateOperator({
      ...{ ...kept, emit: 'close', graceMs: 0 },
      aggregator: forgetting as AnyAggregator<unknown>,
      differenceMs: 10,
    })
    const run = new OperatorRun(spec)
    run.push('k', 'stop', 150)
    run.push('k', 'a', 170)
    run.end()
    assert.deepEqual(
      run.results.map(({ value }) => value),
      ['a'],
    )
  })
})
