import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isMillraceError } from '../../core/errors.ts'
import { type Aggregator, type AnyAggregator, count, mean, reducer, sum } from '../aggregator.ts'
import { distinctCount, distinctCountSketch } from './distinct-count.ts'
import { histogram } from './histogram.ts'
import { quantiles } from './quantiles.ts'
import { stddev } from './stddev.ts'
import { topK } from './top-k.ts'

/** Adds all values; on the way the state goes through JSON, as a changelog would take it. */
function fold<V, R>(aggregator: Aggregator<V, unknown, R>, values: readonly V[]): unknown {
  let state = aggregator.init()
  for (const [at, value] of values.entries()) {
    state = aggregator.add(state, value, 'k')
    if (at % 3 === 0) state = JSON.parse(JSON.stringify(state))
  }
  return state
}

const resultOf = <V, R>(aggregator: Aggregator<V, unknown, R>, values: readonly V[]): R =>
  aggregator.result(fold(aggregator, values))

const number = fc.integer({ min: -1000, max: 1000 })
const numbers = fc.array(number, { maxLength: 60 })
const itself = (value: number): number => value
const near = (a: number | null, b: number | null, within = 1e-6): void => {
  if (a === null || b === null) assert.equal(a, b)
  else assert.ok(Math.abs(a - b) <= within * Math.max(1, Math.abs(b)), `${a} is not near ${b}`)
}

function naiveDeviation(values: readonly number[], free: number): number | null {
  if (values.length <= free) return null
  const middle = values.reduce((total, value) => total + value, 0) / values.length
  return Math.sqrt(values.reduce((total, value) => total + (value - middle) ** 2, 0) / (values.length - free))
}

describe('stddev', () => {
  it('is the textbook deviation, of a sample and of a population', () => {
    fc.assert(
      fc.property(numbers, (values) => {
        near(resultOf(stddev(itself), values), naiveDeviation(values, 1))
        near(resultOf(stddev(itself, { population: true }), values), naiveDeviation(values, 0))
      }),
    )
  })
})

describe('aggregators that take values back', () => {
  const reversible: Record<string, AnyAggregator<number>> = {
    count: count(),
    sum: sum(itself),
    mean: mean(itself),
    stddev: stddev(itself),
    histogram: histogram(itself, [-10, 0, 10]),
    distinctCount: distinctCount(itself),
    quantiles: quantiles(itself, [0, 0.5, 1]),
    reduce: reducer<number>(
      (held, value) => held + value,
      (held, value) => held - value,
    ),
  }
  for (const [name, aggregator] of Object.entries(reversible)) {
    it(`${name}: what was taken back leaves no trace`, () => {
      fc.assert(
        fc.property(fc.array(number, { minLength: 1, maxLength: 30 }), numbers, (kept, gone) => {
          let state = fold(aggregator, [...gone, ...kept])
          for (const value of gone) state = aggregator.subtract!(state, value, 'k')
          const left = aggregator.result(state) as unknown
          const fresh = resultOf(aggregator, kept) as unknown
          if (typeof left === 'number' && typeof fresh === 'number') near(left, fresh, 1e-3)
          else assert.deepEqual(left, fresh)
        }),
      )
    })
  }
})

describe('aggregators over two sessions that become one', () => {
  const merged: Record<string, AnyAggregator<number>> = {
    stddev: stddev(itself),
    histogram: histogram(itself, [-10, 0, 10]),
    distinctCount: distinctCount(itself),
    distinctCountSketch: distinctCountSketch(itself, { precision: 4 }),
    quantiles: quantiles(itself, [0, 0.25, 0.9]),
    topK: topK(3, itself),
    reduce: reducer<number>((held, value) => held + value),
  }
  for (const [name, aggregator] of Object.entries(merged)) {
    it(`${name}: gives what one session with all values would`, () => {
      fc.assert(
        fc.property(numbers, numbers, (earlier, later) => {
          const state = aggregator.merge(fold(aggregator, earlier), fold(aggregator, later))
          const result = aggregator.result(state) as unknown
          const whole = resultOf(aggregator, [...earlier, ...later]) as unknown
          if (typeof result === 'number' && typeof whole === 'number') near(result, whole)
          else assert.deepEqual(result, whole)
        }),
      )
    })
  }
})

describe('topK', () => {
  it('keeps the largest, largest first, of equal ones the first', () => {
    const value = fc.record({ at: fc.nat(), size: fc.integer({ min: 0, max: 5 }) }, { noNullPrototype: true })
    fc.assert(
      fc.property(fc.array(value), fc.integer({ min: 1, max: 5 }), (values, k) => {
        const naive = values.toSorted((a, b) => b.size - a.size).slice(0, k)
        assert.deepEqual(
          resultOf(
            topK(k, (v: { size: number }) => v.size),
            values,
          ),
          naive,
        )
      }),
    )
  })

  it('refuses to keep none, and a number that JSON does not know', () => {
    assert.throws(
      () => topK(0, itself),
      (error: unknown) => isMillraceError(error, 'MR_PLAN_INVALID'),
    )
    assert.throws(
      () => resultOf(topK(2, itself), [Number.NaN]),
      (error: unknown) => isMillraceError(error, 'MR_RECORD_INVALID'),
    )
  })
})

describe('histogram', () => {
  it('counts each value in the first bucket whose bound it does not pass', () => {
    fc.assert(
      fc.property(numbers, fc.uniqueArray(number, { minLength: 1, maxLength: 8 }), (values, anyBounds) => {
        const bounds = anyBounds.toSorted((a, b) => a - b)
        const naive = [...bounds, Infinity].map(() => 0)
        for (const value of values) {
          const bucket = [...bounds, Infinity].findIndex((bound) => value <= bound)
          naive[bucket] = naive[bucket]! + 1
        }
        assert.deepEqual(resultOf(histogram(itself, bounds), values), naive)
      }),
    )
  })

  it('refuses bounds that do not rise', () => {
    assert.throws(() => histogram(itself, [1, 1]), /must rise/)
    assert.throws(() => histogram(itself, []), /must rise/)
  })
})

describe('distinctCount', () => {
  it('is exact up to its limit and stays there', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 2 })), fc.integer({ min: 1, max: 20 }), (values, limit) => {
        const exact = distinctCount((value: string) => value, { limit })
        assert.equal(resultOf(exact, values), Math.min(new Set(values).size, limit))
      }),
    )
  })

  it('tells apart texts that JavaScript objects treat specially', () => {
    const names = ['__proto__', 'constructor', '1', 'toString', '__proto__']
    assert.equal(
      resultOf(
        distinctCount((name: string) => name),
        names,
      ),
      4,
    )
  })
})

describe('distinctCountSketch', () => {
  for (const different of [0, 1, 10, 100, 1_000, 10_000, 200_000]) {
    it(`is within four standard errors of ${different}`, () => {
      const sketch = distinctCountSketch((value: number) => `user-${value}`, { precision: 12 })
      let state = sketch.init()
      for (let value = 0; value < different; value++) {
        state = sketch.add(state, value, 'k')
        if (value < 100) state = sketch.add(state, value, 'k')
      }
      const error = Math.abs(sketch.result(state) - different)
      assert.ok(error <= Math.max(0.5, 4 * (1.04 / 64) * different), `${error} off ${different}`)
    })
  }
})

describe('the registers of a sketch', () => {
  it('hold the place of the first 1 among the bits that do not name the register', () => {
    const sketch = distinctCountSketch((value: number) => `user-${value}`, { precision: 16 })
    let state = sketch.init()
    for (let value = 0; value < 200_000; value++) state = sketch.add(state, value, 'k')
    // Of 200,000 values one in 2^18 or so has 18 leading zeros; 30 would take thousands of times as many.
    const largest = state.all.reduce((a, b) => Math.max(a, b), 0)
    assert.ok(largest >= 15 && largest < 30, `the largest rank is ${largest}`)
  })
})

describe('quantiles', () => {
  it('are within the relative error of the true ones', () => {
    const wide = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 80 })
    fc.assert(
      fc.property(wide, fc.constantFrom(0.001, 0.01, 0.05), (values, relativeError) => {
        const wanted = [0, 0.1, 0.5, 0.9, 0.99, 1]
        const results = resultOf(quantiles(itself, wanted, { relativeError }), values)
        const ordered = values.toSorted((a, b) => a - b)
        for (const [at, quantile] of wanted.entries()) {
          const exact = ordered[Math.floor(quantile * (values.length - 1))]!
          const error = Math.abs(results[at]! - exact)
          assert.ok(
            error <= relativeError * Math.abs(exact) * (1 + 1e-9) + 1e-12,
            `${results[at]} for ${exact}`,
          )
        }
      }),
    )
  })

  it('keep the upper ones when there are more buckets than the bound', () => {
    const few = quantiles(itself, [0.99, 1], { bucketsMax: 16, relativeError: 0.01 })
    const values = Array.from({ length: 2000 }, (_, at) => 1.01 ** at)
    const state = fold(few, values) as { positive: Record<string, number> }
    assert.equal(Object.keys(state.positive).length, 16)
    assert.ok(Math.abs(few.result(state as never)[1]! / values.at(-1)! - 1) <= 0.01)
  })

  it('are null where there are no values, and refuse what is not a share', () => {
    assert.deepEqual(resultOf(quantiles(itself, [0.5]), []), [null])
    assert.throws(() => quantiles(itself, [50]), /0 to 1/)
  })
})
