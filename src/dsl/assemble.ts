/** Events of several kinds, from several streams, as one record per key. */
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import {
  type AssembledEvent,
  assembleOperator,
  type Interval,
  type PairOptions,
} from '../operators/assemble.ts'
import { checkChoice } from './check-choice.ts'
import type { AnyStream } from './join.ts'
import { repartitionFor } from './repartition.ts'
import { type NameOption, Stream } from './stream.ts'

type Kinds<K> = Readonly<Record<string, AnyStream<K>>>
type ValueOf<S> = S extends Stream<infer _K, infer V> ? V : never

/** A kind of event that starts something and one that stops it. */
export interface Pair<S> {
  readonly start: keyof S
  readonly stop: keyof S
  /** Which starts and stops belong together, such as the person of a visit. Default: all of the key's. */
  readonly by?: (value: ValueOf<S[keyof S]>) => string
}

export interface AssembleOptions<S, P> extends NameOption {
  /** An assembly ends when nothing has happened for this long. */
  readonly timeout: Duration
  /** The kind of event that ends an assembly at once. */
  readonly last?: keyof S
  /** Kinds of which every assembly should have an event: those that it lacks are named in `missing`. */
  readonly needs?: readonly (keyof S)[]
  /** Starts and stops that become intervals. */
  readonly pairs?: P & Readonly<Record<string, Pair<S>>>
  /** How late an event may come. Default 0. */
  readonly grace?: Duration
  /** How many events of one key are kept at a time. Default 10,000. */
  readonly limit?: number
}

type IntervalOf<S, Q> = Q extends {
  readonly start: infer A extends keyof S
  readonly stop: infer B extends keyof S
}
  ? Interval<ValueOf<S[A]>, ValueOf<S[B]>>
  : never

/** What an assembly of the streams `S` with the pairs `P` holds. */
export interface Assembled<S, P> {
  readonly events: { readonly [Kind in keyof S]: readonly AssembledEvent<ValueOf<S[Kind]>>[] }
  readonly intervals: { readonly [Name in keyof P]: readonly IntervalOf<S, P[Name]>[] }
  /** The needed kinds of which there was no event. */
  readonly missing: readonly (keyof S)[]
  readonly ended: 'last' | 'timeout'
  readonly startMs: number
  readonly endMs: number
}

const EVENTS_MAX = 10_000

/**
 * Assembles the events of all streams that have the same key into one record, given out when nothing can be added to
 * it any more: at an event of the kind `last`, or after the time-out, in both cases when the grace is over.
 *
 * At equal times events count in the order in which their streams are listed: list starts before stops.
 *
 * @throws MR_PLAN_INVALID without a stream, for a kind that is not among them, for a time-out below 1 ms;
 *   MR_DURATION_INVALID
 */
export function assemble<
  K,
  const S extends Kinds<K>,
  const P extends Readonly<Record<string, Pair<S>>> = Readonly<Record<never, never>>,
>(streams: S & Kinds<K>, options: AssembleOptions<S, P>): Stream<K, Assembled<S, P>> {
  const kinds = Object.keys(streams)
  const all = Object.values(streams) as AnyStream<K>[]
  const [first] = all
  if (first === undefined) throw new MillraceError('MR_PLAN_INVALID', 'an assembly needs streams')
  const timeoutMs = durationMs(options.timeout, 'the timeout of an assembly')
  if (timeoutMs < 1)
    throw new MillraceError(
      'MR_PLAN_INVALID',
      `the time-out of an assembly is at least 1 ms, got ${timeoutMs}`,
    )
  const sources = [...new Set(all.flatMap((stream) => stream.origin.sources))]
  const name = options.name ?? `${sources.join('-')}-assembly`
  const kindOf = (kind: keyof S): number =>
    kinds.indexOf(checkChoice('a kind of event of an assembly', kind as string, kinds))
  const pairs: Record<string, PairOptions> = {}
  for (const [pairName, pair] of Object.entries(options.pairs ?? {})) {
    const by = pair.by as PairOptions['by']
    pairs[pairName] = { start: kindOf(pair.start), stop: kindOf(pair.stop), by }
  }
  const spec = assembleOperator({
    store: name,
    keySerde: first.keySerde as Serde<unknown>,
    kinds,
    pairs,
    needs: (options.needs ?? []).map(kindOf),
    last: options.last === undefined ? -1 : kindOf(options.last),
    timeoutMs,
    graceMs: durationMs(options.grace ?? 0, 'the grace of an assembly'),
    eventsMax: options.limit ?? EVENTS_MAX,
  })
  const inputs = all.map((stream, at) => repartitionFor(stream, `${name}-${kinds[at]}`).node)
  const node = first.graph.add({ kind: 'operator', name, spec, inputs })
  return new Stream<K, Assembled<S, P>>(first.graph, node, first.keySerde, { sources, rekeyed: false })
}
