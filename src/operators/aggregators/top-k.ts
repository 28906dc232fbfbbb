import { MillraceError } from '../../core/errors.ts'
import { type Aggregator, adding, finite } from '../aggregator.ts'

type Ranked<R> = [number: number, value: R]

/**
 * The `k` values with the largest numbers, largest first; of equal ones those that came first. Exact.
 *
 * `of` says what is kept of a value; default: the value itself. Legal for `k`: 1 to 10,000.
 *
 * @throws MR_PLAN_INVALID for another `k`
 */
export function topK<V, R = V>(
  k: number,
  by: (value: V) => number,
  of: (value: V) => R = (value) => value as unknown as R,
): Aggregator<V, Ranked<R>[], readonly R[]> {
  if (!(Number.isSafeInteger(k) && k >= 1 && k <= 10_000)) {
    throw new MillraceError('MR_PLAN_INVALID', `topK() keeps 1 to 10000 values, not ${k}`)
  }
  const insert = (state: Ranked<R>[], entry: Ranked<R>): void => {
    let at = state.length
    while (at > 0 && state[at - 1]![0] < entry[0]) at--
    if (at >= k) return
    state.splice(at, 0, entry)
    if (state.length > k) state.pop()
  }
  return {
    name: 'top-k',
    init: () => [],
    ...adding(
      (value: V): Ranked<R> => [finite(by(value), 'topK'), of(value)],
      (state: Ranked<R>[], entry) => {
        if (state.length < k || entry[0] > state[k - 1]![0]) insert(state, entry)
        return state
      },
    ),
    merge(earlier, later) {
      const merged = [...earlier]
      for (const entry of later) insert(merged, entry)
      return merged
    },
    result: (state) => state.map(([, value]) => value),
  }
}
