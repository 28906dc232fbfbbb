/** A remote table: whatever answers a key with a value, joined with a stream by asking for it. */
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import { RemoteLookup, type RemoteLookupOptions, type RemoteRequest } from '../operators/remote-lookup.ts'
import type { Joiner } from '../operators/stream-table-join.ts'
import { type AnswerOptions, type AskOptions, addAsking, wholeNumber } from './map-async.ts'
import type { Stream } from './stream.ts'

interface RemoteTableSettings {
  /** What results are called after: part of the names of the joins with it. */
  readonly name: string
  /** Values that are remembered in each task, also that a key has none. Default: nothing is remembered. */
  readonly cache?: {
    /** Default 10,000; the one not used for longest goes first. */
    readonly entriesMax?: number
    /** How long a value counts. */
    readonly ttl: Duration
  }
  /** So many requests within any such time, in each task. Default: as many as the join asks for at a time. */
  readonly rate?: { readonly requests: number; readonly per: Duration }
}

/** How a remote table is asked: key by key, or for several keys at once. */
export type RemoteTableOptions<K, V> = RemoteTableSettings &
  (
    | {
        /** The value of a key; null or undefined when it has none. */
        readonly get: (key: K, request: RemoteRequest) => PromiseLike<V | null | undefined>
        readonly getAll?: never
        readonly batch?: never
      }
    | {
        readonly get?: never
        /** The values in the order of the keys; null or undefined where there is none. */
        readonly getAll: (
          keys: readonly K[],
          request: RemoteRequest,
        ) => PromiseLike<readonly (V | null | undefined)[]>
        readonly batch?: {
          /** Keys in one request. Default 100. A join asks for no more keys at a time than its concurrency. */
          readonly keysMax?: number
          /** How long the first key waits for others. Default: until what has come so far was looked at. */
          readonly wait?: Duration
        }
      }
  )

export class RemoteTable<K, V> {
  readonly name: string
  /** @internal */
  readonly lookup: Omit<RemoteLookupOptions, 'keyOf' | 'left' | 'joiner'>
  /** Types only: the key and the value. */
  declare readonly types?: readonly [K, V]

  constructor(options: RemoteTableOptions<K, V>) {
    const { name, cache, rate, batch } = options
    const asks = [options.get, options.getAll].filter((one) => typeof one === 'function')
    if (typeof name !== 'string' || asks.length !== 1) {
      throw new MillraceError('MR_PLAN_INVALID', 'a remote table has a name, and one way to be asked', {
        hint: "Write { name: 'accounts', get: async (key) => … }, or getAll in place of get.",
      })
    }
    this.name = name
    this.lookup = {
      getAll: getAllOf(options) as RemoteLookupOptions['getAll'],
      batch: {
        keysMax: options.get === undefined ? wholeNumber(name, 'batch.keysMax', batch?.keysMax ?? 100) : 1,
        waitMs: durationMs(batch?.wait ?? 0, `batch.wait of "${name}"`),
      },
      cache: cache && {
        entriesMax: wholeNumber(name, 'cache.entriesMax', cache.entriesMax ?? 10_000),
        ttlMs: durationMs(cache.ttl, `cache.ttl of "${name}"`),
      },
      rate: rate && {
        requests: wholeNumber(name, 'rate.requests', rate.requests),
        perMs: durationMs(rate.per, `rate.per of "${name}"`),
      },
    }
  }
}

function getAllOf<K, V>(options: RemoteTableOptions<K, V>) {
  if (options.get === undefined) return options.getAll
  const { get } = options
  return async ([key]: readonly K[], request: RemoteRequest) => [await get(key as K, request)]
}

/**
 * A table that lies outside: a service, a database, whatever answers a key with a value. A stream joins it by asking.
 *
 * What it answers is what it holds then: unlike with a table of the pipeline's own, a replay may give another answer.
 *
 * @throws MR_PLAN_INVALID without a name or a function, and for a number that is not whole and above 0;
 *   MR_DURATION_INVALID
 */
export function remoteTable<V, K = string>(options: RemoteTableOptions<K, V>): RemoteTable<K, V> {
  return new RemoteTable(options)
}

/** How a join asks the remote table. */
export type RemoteJoinOptions = AskOptions<unknown> & AnswerOptions

export function joinRemoteTable<K, V, R>(
  stream: Stream<K, V>,
  // biome-ignore lint/suspicious/noExplicitAny: a table of whatever keys and values
  table: RemoteTable<any, any>,
  left: boolean,
  joiner: Joiner,
  options: RemoteJoinOptions & { readonly on?: (value: V, key: K) => unknown },
): Stream<K, R> {
  const name = options.name ?? `${stream.origin.sources.join('-')}-${table.name}-join`
  const keyOf = options.on as RemoteLookupOptions['keyOf']
  const kind = left ? 'remote-left-join' : 'remote-join'
  return addAsking(
    stream,
    name,
    kind,
    options,
    () => new RemoteLookup({ ...table.lookup, keyOf, left, joiner }),
  )
}
