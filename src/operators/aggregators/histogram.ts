import { MillraceError } from '../../core/errors.ts'
import { adding, finite, type ReversibleAggregator } from '../aggregator.ts'

/**
 * How many values lie up to each bound, and how many above the last: one count more than there are bounds.
 * A value equal to a bound counts below it. The bounds rise.
 *
 * @throws MR_PLAN_INVALID when they do not
 */
export function histogram<V>(
  of: (value: V) => number,
  bounds: readonly number[],
): ReversibleAggregator<V, number[], readonly number[]> {
  if (bounds.length === 0 || bounds.some((bound, at) => !(bound > (bounds[at - 1] ?? -Infinity)))) {
    throw new MillraceError('MR_PLAN_INVALID', `the bounds of histogram() must rise: ${bounds.join(', ')}`)
  }
  const bucketOf = (value: V): number => {
    const number = finite(of(value), 'histogram')
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (bounds[middle]! < number) low = middle + 1
      else high = middle
    }
    return low
  }
  const change = (state: number[], bucket: number, by: number): number[] => {
    state[bucket] = state[bucket]! + by
    return state
  }
  return {
    name: 'histogram',
    init: () => Array.from({ length: bounds.length + 1 }, () => 0),
    ...adding(bucketOf, (state: number[], bucket) => change(state, bucket, 1)),
    subtract: (state, value) => change(state, bucketOf(value), -1),
    merge: (earlier, later) => earlier.map((count, bucket) => count + later[bucket]!),
    result: (state) => [...state],
  }
}
