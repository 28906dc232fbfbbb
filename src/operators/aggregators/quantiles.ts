/**
 * Quantiles by sketch: Masson, Rim and Lee 2019, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
 * Relative-Error Guarantees" (VLDB 12).
 *
 * 1. A number x > 0 counts in bucket ceil(log_g x) with g = (1 + e) / (1 - e); the middle of a bucket is no further
 *    than e * x from every number in it. Negative numbers have buckets of their own; zeros are counted apart.
 * 2. Past `bucketsMax` the lowest buckets become one, so that the upper quantiles keep their error.
 * 3. Quantile q is the number of rank floor(q * (n - 1)), counted from 0.
 */
import { MillraceError } from '../../core/errors.ts'
import { adding, finite, type ReversibleAggregator } from '../aggregator.ts'

export interface QuantileOptions {
  /** How far a quantile may be from the true one, as a share of it. Legal: above 0, below 1. Default 0.01. */
  readonly relativeError?: number
  /** Buckets kept of each sign. Default 2048: a range of 1 to 10^17 at an error of 0.01. */
  readonly bucketsMax?: number
}

type Buckets = Record<string, number>

interface Sketch {
  zeros: number
  positive: Buckets
  negative: Buckets
}

const SMALLEST = 1e-12

/**
 * The given quantiles of a number of each value, within a relative error; null for each when there are no values.
 *
 * Legal for a quantile: 0 to 1.
 *
 * @throws MR_PLAN_INVALID for a quantile or an error outside
 */
export function quantiles<V>(
  of: (value: V) => number,
  wanted: readonly number[],
  options: QuantileOptions = {},
): ReversibleAggregator<V, Sketch, readonly (number | null)[]> {
  const { relativeError = 0.01, bucketsMax = 2048 } = options
  if (!(relativeError > 0 && relativeError < 1) || !(bucketsMax >= 2)) {
    throw new MillraceError('MR_PLAN_INVALID', 'quantiles() needs an error between 0 and 1, and two buckets')
  }
  if (wanted.length === 0 || wanted.some((quantile) => !(quantile >= 0 && quantile <= 1))) {
    throw new MillraceError('MR_PLAN_INVALID', `quantiles() are 0 to 1, not ${wanted.join(', ')}`)
  }
  const growth = (1 + relativeError) / (1 - relativeError)
  const perLog = 1 / Math.log(growth)

  const read = (value: V): number => finite(of(value), 'quantiles')
  const change = (state: Sketch, number: number, by: number): Sketch => {
    if (Math.abs(number) < SMALLEST) {
      state.zeros = Math.max(0, state.zeros + by)
      return state
    }
    const buckets = number > 0 ? state.positive : state.negative
    const bucket = Math.ceil(Math.log(Math.abs(number)) * perLog)
    if (by > 0) {
      const held = buckets[bucket]
      buckets[bucket] = (held ?? 0) + 1
      if (held === undefined) collapse(buckets, bucketsMax)
    } else takeOut(buckets, bucket)
    return state
  }
  return {
    name: 'quantiles',
    init: () => ({ zeros: 0, positive: {}, negative: {} }),
    ...adding(read, (state: Sketch, number) => change(state, number, 1)),
    subtract: (state, value) => change(state, read(value), -1),
    merge(earlier, later) {
      for (const sign of ['positive', 'negative'] as const) {
        const buckets = earlier[sign]
        for (const [bucket, count] of Object.entries(later[sign]))
          buckets[bucket] = (buckets[bucket] ?? 0) + count
        collapse(buckets, bucketsMax)
      }
      earlier.zeros += later.zeros
      return earlier
    },
    result(state) {
      const middle = (bucket: number): number => (2 * growth ** bucket) / (growth + 1)
      const steps: [number: number, count: number][] = [
        ...sorted(state.negative)
          .reverse()
          .map((bucket): [number, number] => [-middle(bucket), state.negative[bucket]!]),
        [0, state.zeros],
        ...sorted(state.positive).map((bucket): [number, number] => [
          middle(bucket),
          state.positive[bucket]!,
        ]),
      ]
      const total = steps.reduce((sum, [, count]) => sum + count, 0)
      return wanted.map((quantile) => numberAt(steps, Math.floor(quantile * (total - 1))))
    },
  }
}

function sorted(buckets: Buckets): number[] {
  return Object.keys(buckets)
    .map(Number)
    .sort((a, b) => a - b)
}

/** Joins the lowest buckets until there are no more than `bucketsMax`. */
function collapse(buckets: Buckets, bucketsMax: number): void {
  const keys = sorted(buckets)
  const excess = keys.length - bucketsMax
  for (let at = 0; at < excess; at++) {
    buckets[keys[at + 1]!] = buckets[keys[at + 1]!]! + buckets[keys[at]!]!
    delete buckets[keys[at]!]
  }
}

/** Takes one out of a bucket, or of the lowest one that it was joined into. */
function takeOut(buckets: Buckets, bucket: number): void {
  const at = buckets[bucket] === undefined ? sorted(buckets)[0] : bucket
  if (at === undefined) return
  const left = buckets[at]! - 1
  if (left > 0) buckets[at] = left
  else delete buckets[at]
}

function numberAt(steps: readonly (readonly [number, number])[], rank: number): number | null {
  let before = 0
  for (const [number, count] of steps) {
    before += count
    if (before > rank && count > 0 && rank >= 0) return number
  }
  return null
}
