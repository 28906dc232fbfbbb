/**
 * Reads rows out of a store for a query from outside. It never changes the store.
 *
 * Rows come in one order in every task, so that pages of several tasks can be merged: by key (numbers by value, before
 * texts by their UTF-16 code units; any other key by its JSON), then by the start of the window. The rows of a page
 * are kept while all entries go by, `rowsMax` twice over at most: a page costs one pass, not a sort of everything.
 */
import { MillraceError } from '../core/errors.ts'
import { KeyValueStore } from './key-value-store.ts'
import { SessionStore } from './session-store.ts'
import { mapKeyOf, type QueriedStore, type StateStore } from './store.ts'
import { VersionedStore } from './versioned-store.ts'
import { WindowStore } from './window-store.ts'

/** One entry of a store. */
export interface StoreRow<K = unknown, V = unknown> {
  readonly key: K
  readonly value: V
  /** The time of the record that set it, or of a session's last one, ms since the epoch. Windows have none. */
  readonly timestampMs?: number
  /** Windows and sessions: included. */
  readonly windowStartMs?: number
  /** Windows: excluded. Sessions and sliding windows: included. */
  readonly windowEndMs?: number
}

/** Behind which row a page begins: its key as `mapKeyOf` gives it, and the start of its window. */
export interface RowPlace {
  readonly key: string | number
  readonly startMs: number
}

/** Plain data, so that it crosses threads. */
export interface StoreQuery {
  /** Only this key. */
  readonly key?: unknown
  /** Keys between the two, both included. */
  readonly from?: unknown
  readonly to?: unknown
  /** Keys that are texts and begin so. */
  readonly prefix?: string
  /** Windows that begin, sessions that touch the time between the two, both included. */
  readonly fromMs?: number
  readonly toMs?: number
  /** Versions that held at this time; default: the latest. */
  readonly asOfMs?: number
  readonly after?: RowPlace
  readonly rowsMax: number
}

/** The first rows of a query, in order. @throws MR_STORE_KIND */
export function readRows(store: StateStore, shown: QueriedStore, query: StoreQuery): StoreRow[] {
  const page = new RowPage(query.rowsMax)
  for (const row of rowsOf(store, shown, query)) {
    const value = shown.show(row.value)
    if (value === undefined || value === null) continue
    if (query.after !== undefined && comparePlaces(placeOf(row), query.after) <= 0) continue
    page.offer({ ...row, value })
  }
  return page.rows()
}

/** The order of rows. */
export function compareRows(a: StoreRow, b: StoreRow): number {
  return comparePlaces(placeOf(a), placeOf(b))
}

export function placeOf({ key, windowStartMs }: StoreRow): RowPlace {
  return { key: mapKeyOf(key), startMs: windowStartMs ?? 0 }
}

function comparePlaces(a: RowPlace, b: RowPlace): number {
  return compareKeys(a.key, b.key) || a.startMs - b.startMs
}

function compareKeys(a: string | number, b: string | number): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

function rowsOf(store: StateStore, shown: QueriedStore, query: StoreQuery): Iterable<StoreRow> {
  if (store instanceof KeyValueStore) return keyValueRows(store, query)
  if (store instanceof WindowStore) return windowRows(store, shown, query)
  if (store instanceof SessionStore) return sessionRows(store, query)
  if (store instanceof VersionedStore) return versionedRows(store, query)
  throw new MillraceError('MR_STORE_KIND', `store "${store.name}" is not for queries`)
}

function* keyValueRows(store: KeyValueStore<unknown, unknown>, query: StoreQuery): Generator<StoreRow> {
  if (query.key !== undefined) {
    const held = store.held(query.key)
    if (held !== undefined) yield { key: query.key, value: held.value, timestampMs: held.timestampMs }
    return
  }
  const wanted = keyFilter(query)
  for (const [key] of store.all()) {
    const held = wanted(key) ? store.held(key) : undefined
    if (held !== undefined) yield { key, value: held.value, timestampMs: held.timestampMs }
  }
}

function* versionedRows(store: VersionedStore<unknown, unknown>, query: StoreQuery): Generator<StoreRow> {
  const asOfMs = query.asOfMs ?? Number.POSITIVE_INFINITY
  const wanted = keyFilter(query)
  for (const key of query.key === undefined ? store.keys() : [query.key]) {
    const version = wanted(key) ? store.asOf(key, asOfMs) : undefined
    if (version !== undefined) yield { key, ...version }
  }
}

function* windowRows(
  store: WindowStore<unknown, unknown>,
  shown: QueriedStore,
  query: StoreQuery,
): Generator<StoreRow> {
  const { fromMs, toMs } = timesOf(query)
  const wanted = keyFilter(query)
  for (const startMs of store.starts()) {
    if (startMs < fromMs || startMs > toMs) continue
    const end = shown.windowEndMs?.(startMs)
    const window = { windowStartMs: startMs, ...(end === undefined ? {} : { windowEndMs: end }) }
    if (query.key !== undefined) {
      const entry = store.find(startMs, query.key)
      if (entry !== undefined) yield { key: entry.key, value: entry.state, ...window }
      continue
    }
    for (const { key, state } of store.window(startMs))
      if (wanted(key)) yield { key, value: state, ...window }
  }
}

function* sessionRows(store: SessionStore<unknown, unknown>, query: StoreQuery): Generator<StoreRow> {
  const { fromMs, toMs } = timesOf(query)
  const wanted = keyFilter(query)
  const sessions = query.key === undefined ? store.all() : store.overlapping(query.key, fromMs, toMs)
  for (const { key, startMs, endMs, state } of sessions) {
    if (endMs < fromMs || startMs > toMs || !wanted(key)) continue
    yield { key, value: state, timestampMs: endMs, windowStartMs: startMs, windowEndMs: endMs }
  }
}

function timesOf({ fromMs, toMs }: StoreQuery): { readonly fromMs: number; readonly toMs: number } {
  return { fromMs: fromMs ?? Number.NEGATIVE_INFINITY, toMs: toMs ?? Number.POSITIVE_INFINITY }
}

function keyFilter({ from, to, prefix }: StoreQuery): (key: unknown) => boolean {
  if (from === undefined && to === undefined && prefix === undefined) return () => true
  const least = from === undefined ? undefined : mapKeyOf(from)
  const most = to === undefined ? undefined : mapKeyOf(to)
  return (key) => {
    const place = mapKeyOf(key)
    if (least !== undefined && compareKeys(place, least) < 0) return false
    if (most !== undefined && compareKeys(place, most) > 0) return false
    return prefix === undefined || (typeof key === 'string' && key.startsWith(prefix))
  }
}

/** Keeps the first rows of all that are offered. */
class RowPage {
  private readonly rowsMax: number
  private kept: StoreRow[] = []

  constructor(rowsMax: number) {
    this.rowsMax = rowsMax
  }

  offer(row: StoreRow): void {
    this.kept.push(row)
    if (this.kept.length >= 2 * this.rowsMax + 64) this.kept = this.rows()
  }

  rows(): StoreRow[] {
    return this.kept.sort(compareRows).slice(0, this.rowsMax)
  }
}
