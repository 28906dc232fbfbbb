/**
 * How many different values: exact up to a bound, or by sketch.
 *
 * The sketch is HyperLogLog (Flajolet, Fusy, Gandouet and Meunier 2007) over 64 bits of hash, estimated as in
 * Ertl 2017, "New cardinality estimation algorithms for HyperLogLog sketches", algorithm 6, which needs no tables
 * of corrections.
 */
import { MillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import { type Aggregator, adding, type ReversibleAggregator } from '../aggregator.ts'

/** What values are told apart by: text, number, or anything else by its JSON. */
type Distinct = string | number | boolean | null | object

/** How often each value came, by its text. */
interface Times {
  different: number
  times: Record<string, number>
}

const textOf = (value: Distinct): string => JSON.stringify(value)

/**
 * How many different values, exactly up to `limit`; that result means as many or more. Default 10,000.
 *
 * A state holds each different value, so its size grows with them; `distinctCountSketch` has a fixed one.
 */
export function distinctCount<V>(
  of: (value: V) => Distinct,
  options: { readonly limit?: number } = {},
): ReversibleAggregator<V, Times, number> {
  const limit = options.limit ?? 10_000
  invariant(
    Number.isSafeInteger(limit) && limit > 0,
    'the limit of distinctCount() is a whole number above 0',
  )
  return {
    name: 'distinct-count',
    init: () => ({ different: 0, times: {} }),
    ...adding(
      (value: V) => textOf(of(value)),
      (state: Times, text) => {
        const times = state.times[text]
        if (times !== undefined) state.times[text] = times + 1
        else if (state.different < limit) {
          state.times[text] = 1
          state.different++
        }
        return state
      },
    ),
    subtract(state, value) {
      const text = textOf(of(value))
      const times = state.times[text]
      if (times === undefined) return state
      if (times > 1) state.times[text] = times - 1
      else {
        delete state.times[text]
        state.different--
      }
      return state
    },
    merge(earlier, later) {
      for (const [text, times] of Object.entries(later.times)) {
        const held = earlier.times[text]
        if (held !== undefined) earlier.times[text] = held + times
        else if (earlier.different < limit) {
          earlier.times[text] = times
          earlier.different++
        }
      }
      return earlier
    },
    result: (state) => state.different,
  }
}

/** Registers by number while few are set, then all of them as a list. */
interface Registers {
  few: Record<number, number> | null
  set: number
  all: number[]
}

const FEW_SHARE = 8

/**
 * About how many different values, in a state of fixed size: 2^precision registers, standard error
 * 1.04 / 2^(precision / 2), which is 1.6 % at the default of 12. Legal: 4 to 16.
 *
 * @throws MR_PLAN_INVALID for another precision
 */
export function distinctCountSketch<V>(
  of: (value: V) => Distinct,
  options: { readonly precision?: number } = {},
): Aggregator<V, Registers, number> {
  const precision = options.precision ?? 12
  if (!(Number.isSafeInteger(precision) && precision >= 4 && precision <= 16)) {
    throw new MillraceError('MR_PLAN_INVALID', `the precision of a sketch is 4 to 16, not ${precision}`)
  }
  const size = 2 ** precision
  const raise = (state: Registers, register: number, rank: number): void => {
    if (state.few === null) {
      if (rank > state.all[register]!) state.all[register] = rank
      return
    }
    const held = state.few[register]
    if (held !== undefined && held >= rank) return
    state.few[register] = rank
    if (held !== undefined || ++state.set <= size / FEW_SHARE) return
    const { few } = state
    state.all = Array.from({ length: size }, (_, at) => few[at] ?? 0)
    state.few = null
  }
  return {
    name: 'distinct-count-sketch',
    init: () => ({ few: {}, set: 0, all: [] }),
    ...adding(
      (value: V) => hash64(textOf(of(value))),
      (state: Registers, [high, low]) => {
        // The register is named by the first bits; the rank is the place of the first 1 among the others.
        const rest = (high << precision) >>> 0
        const rank = rest === 0 ? 33 - precision + Math.clz32(low) : Math.clz32(rest) + 1
        raise(state, high >>> (32 - precision), rank)
        return state
      },
    ),
    merge(earlier, later) {
      const other = later.few ?? later.all
      for (const [register, rank] of Object.entries(other))
        if (rank > 0) raise(earlier, Number(register), rank)
      return earlier
    },
    result: (state) => Math.round(estimate(state.few ?? state.all, precision)),
  }
}

function estimate(registers: Record<number, number> | readonly number[], precision: number): number {
  const size = 2 ** precision
  const rankMax = 64 - precision
  const counts = Array.from({ length: rankMax + 2 }, () => 0)
  let seen = 0
  for (const rank of Object.values(registers)) {
    counts[rank] = counts[rank]! + 1
    seen++
  }
  counts[0] = counts[0]! + size - seen
  let z = size * tau(1 - counts[rankMax + 1]! / size)
  for (let rank = rankMax; rank >= 1; rank--) z = 0.5 * (z + counts[rank]!)
  z += size * sigma(counts[0]! / size)
  return (size * size) / (2 * Math.LN2 * z)
}

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY
  let x = share
  let weight = 1
  let sum = x
  for (let before = -1; before !== sum; ) {
    x *= x
    before = sum
    sum += x * weight
    weight += weight
  }
  return sum
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let x = share
  let weight = 1
  let sum = 1 - x
  for (let before = -1; before !== sum; ) {
    x = Math.sqrt(x)
    before = sum
    weight *= 0.5
    sum -= (1 - x) ** 2 * weight
  }
  return sum / 3
}

/** Two halves of 64 bits: FNV-1a with two primes, mixed as MurmurHash3 ends. It is kept in changelogs: never change it. */
function hash64(text: string): [high: number, low: number] {
  let high = 0x811c9dc5
  let low = 0x9e3779b9
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    high = Math.imul(high ^ unit, 0x01000193)
    low = Math.imul(low ^ unit, 0x85ebca6b)
  }
  low = mix(low ^ text.length)
  high = mix(high ^ low)
  low = mix((low + high) | 0)
  return [high, low]
}

function mix(bits: number): number {
  let mixed = bits ^ (bits >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
