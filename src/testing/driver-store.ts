/** A store of a test driver: the same questions as of a running pipeline, answered at once. */
import { MillraceError } from '../core/errors.ts'
import type { PlannedStore } from '../plan/plan.ts'
import { needKind, type StoreKind } from '../runtime/queries/store-kind.ts'
import type { QueriedStore, StateStore, StoreSpec } from '../state/store.ts'
import { readRows, type StoreQuery, type StoreRow } from '../state/store-query.ts'

/**
 * What a store holds, as `millrace.store` shows it: of an aggregate the result, not the state behind it. Rows come by
 * key, then by the start of the window. What comes back is a copy.
 *
 * Every question throws MR_STORE_KIND when the store cannot be asked it, such as one that an operator keeps for itself.
 */
export interface DriverStore<V = unknown, K = string> {
  readonly name: string
  readonly kind: StoreSpec['kind']
  /** Entries that it keeps in memory, of whatever kind it is. */
  readonly entryCount: number
  /** The latest value of a key; undefined when there is none. Stores of kind `key-value` and `versioned`. */
  get(key: K): V | undefined
  /** The value that a key had at a time, ms since the epoch. Stores of kind `versioned`. */
  asOf(key: K, atMs: number): V | undefined
  /** A key's windows that begin between two times, both included, ms since the epoch. Stores of kind `window`. */
  window(key: K, fromMs: number, toMs: number): readonly StoreRow<K, V>[]
  /** A key's sessions that touch the time between two times; all without times. Stores of kind `session`. */
  session(key: K, fromMs?: number, toMs?: number): readonly StoreRow<K, V>[]
  /** The rows of keys from one to another, both included. */
  range(from: K, to: K): readonly StoreRow<K, V>[]
  /** The rows of keys that are texts and begin so. */
  prefix(prefix: string): readonly StoreRow<K, V>[]
  all(): readonly StoreRow<K, V>[]
}

/** A view of a task's store: what the pipeline does later is seen in it. */
export function driverStore<V, K>({ spec }: PlannedStore, store: StateStore): DriverStore<V, K> {
  const rows = (query: Omit<StoreQuery, 'rowsMax'>, kinds?: readonly StoreKind[]): StoreRow<K, V>[] => {
    const { name, kind } = spec
    const shown = askable(spec)
    if (kinds !== undefined) needKind({ name, kind: kind as StoreKind }, kinds)
    return structuredClone(readRows(store, shown, { ...query, rowsMax: Number.POSITIVE_INFINITY })) as never
  }
  return {
    name: spec.name,
    kind: spec.kind,
    get entryCount() {
      return store.entryCount
    },
    get: (key) => rows({ key }, ['key-value', 'versioned'])[0]?.value,
    asOf: (key, asOfMs) => rows({ key, asOfMs }, ['versioned'])[0]?.value,
    window: (key, fromMs, toMs) => rows({ key, fromMs, toMs }, ['window']),
    session: (key, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY) =>
      rows({ key, fromMs, toMs }, ['session']),
    range: (from, to) => rows({ from, to }),
    prefix: (prefix) => rows({ prefix }),
    all: () => rows({}),
  }
}

function askable({ name, queried }: StoreSpec): QueriedStore {
  if (queried !== undefined) return queried
  throw new MillraceError('MR_STORE_KIND', `store "${name}" is its operator's own affair`, {
    hint: 'How many entries it has is in entryCount.',
  })
}
