/**
 * Aggregators: how many values become one.
 *
 * A state must survive JSON, because a changelog keeps it: no Infinity, no NaN, no undefined.
 */
import { MillraceError } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'

export interface Aggregator<V, S, R> {
  readonly name: string
  init(): S
  /** Adds one value; may change `state` in place and must return the state. */
  add(state: S, value: V, key: unknown): S
  /** Joins the states of two sessions that became one: `earlier` began first. */
  merge(earlier: S, later: S): S
  result(state: S): R
  /** Takes back one value that was added before: for the aggregates of tables, whose values change. */
  subtract?(state: S, value: V, key: unknown): S
  /** `add` in two steps, where the first alone calls functions of the user. */
  readonly reading?: Reading<V, S>
}

/**
 * What is found of a value before any state is touched, and how that is added: a value for which a function of the user
 * fails leaves no trace.
 */
export interface Reading<V, S> {
  read(value: V, key: unknown): unknown
  // biome-ignore lint/suspicious/noExplicitAny: what `read` gives, which nobody else sees
  add(state: S, found: any, key: unknown): S
}

/** Adding what a function finds of each value, at once or in two steps. */
export function adding<V, X, S>(
  read: (value: V) => X,
  add: (state: S, found: X) => S,
): Required<Pick<Aggregator<V, S, unknown>, 'add' | 'reading'>> {
  return { add: (state, value) => add(state, read(value)), reading: { read, add } }
}

/** An aggregator that can take values back. */
export interface ReversibleAggregator<V, S, R> extends Aggregator<V, S, R> {
  subtract(state: S, value: V, key: unknown): S
}

/** Any aggregator over values of `V`. */
// biome-ignore lint/suspicious/noExplicitAny: a record of aggregators holds states of different types
export type AnyAggregator<V, R = any> = Aggregator<V, any, R>

/** Any aggregator over values of `V` that can take them back. */
// biome-ignore lint/suspicious/noExplicitAny: a record of aggregators holds states of different types
export type AnyReversibleAggregator<V, R = any> = ReversibleAggregator<V, any, R>

/** Named aggregators: the shape of the results that a user asks for. */
export type Aggregators<V> = Readonly<Record<string, AnyAggregator<V>>>

/** The number that a user's function gave; a state must survive JSON, so it must be finite. */
export function finite(number: number, aggregator: string): number {
  if (typeof number === 'number' && Number.isFinite(number)) return number
  throw new MillraceError('MR_RECORD_INVALID', `${aggregator}() needs a finite number, got ${String(number)}`)
}

/** `{ orders: count() }` gives `{ orders: number }`; a condition, so that editors show that and not this name. */
export type AggregateResult<A> = A extends infer Each
  ? { readonly [Name in keyof Each]: Each[Name] extends Aggregator<infer _V, infer _S, infer R> ? R : never }
  : never

/**
 * What an aggregate gives: of a record of aggregators `A` a record of results; of one aggregator its result `R`, where
 * the compiler finds no names for `A`.
 */
export type ResultOf<A, R> = string extends keyof A
  ? [R] extends [never]
    ? AggregateResult<A>
    : R
  : AggregateResult<A>

/** How many. */
export function count(): ReversibleAggregator<unknown, number, number> {
  return {
    name: 'count',
    init: () => 0,
    ...adding(
      () => undefined,
      (state: number) => state + 1,
    ),
    subtract: (state) => state - 1,
    merge: (earlier, later) => earlier + later,
    result: (state) => state,
  }
}

/** The sum of a number of each value. */
export function sum<V>(of: (value: V) => number): ReversibleAggregator<V, number, number> {
  return {
    name: 'sum',
    init: () => 0,
    ...adding(
      (value: V) => finite(of(value), 'sum'),
      (state: number, number) => state + number,
    ),
    subtract: (state, value) => state - finite(of(value), 'sum'),
    merge: (earlier, later) => earlier + later,
    result: (state) => state,
  }
}

/** The mean of a number of each value; null when there was none. */
export function mean<V>(
  of: (value: V) => number,
): ReversibleAggregator<V, [sum: number, count: number], number | null> {
  return {
    name: 'mean',
    init: () => [0, 0],
    ...adding(
      (value: V) => finite(of(value), 'mean'),
      (state: [sum: number, count: number], number) => {
        state[0] += number
        state[1]++
        return state
      },
    ),
    subtract(state, value) {
      state[0] -= finite(of(value), 'mean')
      state[1]--
      return state
    },
    merge: (earlier, later) => [earlier[0] + later[0], earlier[1] + later[1]],
    result: (state) => (state[1] === 0 ? null : state[0] / state[1]),
  }
}

function extreme<V>(
  name: string,
  of: (value: V) => number,
  better: (candidate: number, held: number) => boolean,
): Aggregator<V, number | null, number | null> {
  const pick = (held: number | null, candidate: number | null): number | null =>
    held === null || (candidate !== null && better(candidate, held)) ? candidate : held
  return {
    name,
    init: () => null,
    ...adding((value: V) => finite(of(value), name), pick),
    merge: pick,
    result: (state) => state,
  }
}

/** The largest of a number of each value; null when there was none. */
export function max<V>(of: (value: V) => number): Aggregator<V, number | null, number | null> {
  return extreme('max', of, (candidate, held) => candidate > held)
}

/** The smallest of a number of each value; null when there was none. */
export function min<V>(of: (value: V) => number): Aggregator<V, number | null, number | null> {
  return extreme('min', of, (candidate, held) => candidate < held)
}

/** Something of the first value; null when there was none. */
export function first<V, R>(of: (value: V) => R): Aggregator<V, [R] | [], R | null> {
  return {
    name: 'first',
    init: () => [],
    ...adding(of, (state: [R] | [], found): [R] | [] => (state.length === 0 ? [found] : state)),
    merge: (earlier, later) => (earlier.length === 0 ? later : earlier),
    result: (state) => (state.length === 0 ? null : state[0]),
  }
}

/** Something of the last value; null when there was none. */
export function last<V, R>(of: (value: V) => R): Aggregator<V, [R] | [], R | null> {
  return {
    name: 'last',
    init: () => [],
    ...adding(of, (_state: [R] | [], found): [R] | [] => [found]),
    merge: (earlier, later) => (later.length === 0 ? earlier : later),
    result: (state) => (state.length === 0 ? null : state[0]),
  }
}

/** Something of each value, in order. `limit` bounds the list: the first ones are kept. */
export function collect<V, R>(
  of: (value: V) => R,
  options: { readonly limit?: number } = {},
): Aggregator<V, R[], readonly R[]> {
  const limit = options.limit ?? 1000
  invariant(Number.isSafeInteger(limit) && limit > 0, 'the limit of collect() is a whole number above 0')
  return {
    name: 'collect',
    init: () => [],
    ...adding(of, (state: R[], found) => {
      if (state.length < limit) state.push(found)
      return state
    }),
    merge: (earlier, later) => [...earlier, ...later].slice(0, limit),
    result: (state) => [...state],
  }
}

/** The functions of an aggregator of one's own. */
export interface OwnAggregator<V, S, R> {
  readonly init: () => S
  /** May change the state in place, once nothing can fail any more. Answering null or undefined forgets the key. */
  readonly add: (state: S, value: V, key: unknown) => S
  /** Needed for session windows: one state from those of two sessions that became one. */
  readonly merge?: (earlier: S, later: S) => S
  /**
   * What the table shows of a state. It must hold nothing that `add` changes in place. Default: the state, of an object
   * a copy.
   */
  readonly result?: (state: S) => R
}

/** An aggregator of one's own. With `subtract` it can aggregate tables. */
export function aggregator<V, S, R = S>(
  own: OwnAggregator<V, S, R> & { readonly subtract: (state: S, value: V, key: unknown) => S },
): ReversibleAggregator<V, S, R>
export function aggregator<V, S, R = S>(own: OwnAggregator<V, S, R>): Aggregator<V, S, R>
export function aggregator<V, S, R = S>(
  own: OwnAggregator<V, S, R> & { readonly subtract?: (state: S, value: V, key: unknown) => S },
): Aggregator<V, S, R> {
  return {
    name: 'aggregator',
    init: own.init,
    add: own.add,
    merge:
      own.merge ??
      (() => {
        throw new MillraceError('MR_PLAN_INVALID', 'an aggregator over sessions cannot merge two of them', {
          hint: 'Give it a function merge: (earlier, later) => state.',
        })
      }),
    result: own.result ?? ((state) => snapshotOf(state) as unknown as R),
    ...(own.subtract === undefined ? {} : { subtract: own.subtract }),
  }
}

/**
 * Folds values into one of their own type: the first value is the start. Without `subtract` it cannot aggregate
 * tables; two sessions are folded by `add`.
 */
export function reducer<V>(
  add: (held: V, value: V) => V,
  subtract?: (held: V, value: V) => V,
): Aggregator<V, Folded<V>, V | null> {
  const heldIn = (state: Folded<V>): V | undefined => state?.[0]
  return {
    name: 'reduce',
    init: () => [],
    add(state, value) {
      const held = heldIn(state)
      return folded(held === undefined ? value : add(held, value))
    },
    merge(earlier, later) {
      const [one, two] = [heldIn(earlier), heldIn(later)]
      if (one === undefined) return later
      return two === undefined ? earlier : folded(add(one, two))
    },
    result: (state) => heldIn(state) ?? null,
    ...(subtract === undefined
      ? {}
      : {
          subtract(state: Folded<V>, value: V): Folded<V> {
            const held = heldIn(state)
            return held === undefined ? state : folded(subtract(held, value))
          },
        }),
  }
}

/** The value so far; null once it was folded to nothing, and the next value is a start again. */
type Folded<V> = [V] | [] | null

function folded<V>(value: V): Folded<V> {
  return value === null || value === undefined ? null : [value]
}

/** A copy that shares nothing: what was given out does not change with the state. */
export function snapshotOf<S>(state: S): S {
  return typeof state === 'object' && state !== null ? (JSON.parse(JSON.stringify(state)) as S) : state
}

/** True for one aggregator, false for a record of named ones. */
export function isAggregator<V>(given: AnyAggregator<V> | Aggregators<V>): given is AnyAggregator<V> {
  return typeof given.init === 'function'
}

/** Several named aggregators as one whose state is a list. */
export function combined<V>(aggregators: Aggregators<V>): Aggregator<V, unknown[], Record<string, unknown>> {
  const names = Object.keys(aggregators)
  const parts = Object.values(aggregators)
  const takeBack = (state: unknown[], value: V, key: unknown): unknown[] => {
    for (let at = 0; at < parts.length; at++) state[at] = parts[at]!.subtract!(state[at], value, key)
    return state
  }
  const own = parts.flatMap((part, at) => (part.reading === undefined ? [{ part, at }] : []))
  const reading: Reading<V, unknown[]> = {
    read: (value, key) =>
      parts.map((part) => (part.reading === undefined ? value : part.reading.read(value, key))),
    add(state, found: readonly unknown[], key) {
      // What is the user's own may fail: it goes first, and counts when all of it has succeeded.
      const made = own.map(({ part, at }) => part.add(state[at], found[at] as V, key))
      for (let at = 0; at < own.length; at++) state[own[at]!.at] = made[at]
      for (let at = 0; at < parts.length; at++) {
        const each = parts[at]!.reading
        if (each !== undefined) state[at] = each.add(state[at], found[at], key)
      }
      return state
    },
  }
  return {
    name: parts.map((part) => part.name).join(','),
    init: () => parts.map((part) => part.init()),
    add: (state, value, key) => reading.add(state, reading.read(value, key), key),
    reading,
    merge: (earlier, later) => parts.map((part, at) => part.merge(earlier[at], later[at])),
    ...(parts.every((part) => part.subtract !== undefined) ? { subtract: takeBack } : {}),
    result(state) {
      const result: Record<string, unknown> = {}
      for (let at = 0; at < parts.length; at++) result[names[at]!] = parts[at]!.result(state[at])
      return result
    },
  }
}
