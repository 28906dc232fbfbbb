/**
 * The standard deviation, by running mean and sum of squared distances: Welford 1962, "Note on a Method for
 * Calculating Corrected Sums of Squares and Products"; two states are joined as in Chan, Golub and LeVeque 1979.
 */
import { adding, finite, type ReversibleAggregator } from '../aggregator.ts'

/** How many, their mean, and the sum of their squared distances from it. */
type Moments = [count: number, mean: number, squares: number]

/**
 * The standard deviation of a number of each value: of a sample, or of the whole `population`.
 * Null for too few: below two in a sample, none in a population.
 */
export function stddev<V>(
  of: (value: V) => number,
  options: { readonly population?: boolean } = {},
): ReversibleAggregator<V, Moments, number | null> {
  const read = (value: V): number => finite(of(value), 'stddev')
  const free = options.population === true ? 0 : 1
  return {
    name: 'stddev',
    init: () => [0, 0, 0],
    ...adding(read, (state: Moments, number) => {
      const distance = number - state[1]
      state[0]++
      state[1] += distance / state[0]
      state[2] += distance * (number - state[1])
      return state
    }),
    subtract(state, value) {
      if (state[0] <= 1) return [0, 0, 0]
      const number = read(value)
      const distance = number - state[1]
      state[0]--
      state[1] -= distance / state[0]
      // Rounding must not leave a negative sum behind, which has no root.
      state[2] = Math.max(0, state[2] - distance * (number - state[1]))
      return state
    },
    merge(earlier, later) {
      const count = earlier[0] + later[0]
      if (count === 0) return earlier
      const distance = later[1] - earlier[1]
      const mean = earlier[1] + (distance * later[0]) / count
      return [count, mean, earlier[2] + later[2] + (distance * distance * earlier[0] * later[0]) / count]
    },
    result: ([count, , squares]) => (count <= free ? null : Math.sqrt(squares / (count - free))),
  }
}
