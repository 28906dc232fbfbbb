/**
 * Reads one store of a running pipeline from code.
 *
 * Every answer says how far the state goes that it was read from: `position` gives, for each partition of an input,
 * the offset before which all records are in it; `committed` is false while some of that could still be undone by a
 * crash and done again.
 */
import { MillraceError } from '../../core/errors.ts'
import { mapKeyOf } from '../../state/store.ts'
import type { StoreQuery, StoreRow } from '../../state/store-query.ts'
import { cursorOf, placeOfCursor } from './cursor.ts'
import type { StoreAnswer, StoreDescription } from './pipeline-stores.ts'
import { needKind, type StoreKind } from './store-kind.ts'
import type { InputPosition } from './task-query.ts'

/** Rows of a page without a limit of its own. */
export const ROWS_DEFAULT = 100
/** The most rows of one page. */
export const ROWS_MAX = 10_000

export interface StateAt {
  /** The inputs of the tasks that answered: records before `offset` are in the state. */
  readonly position: readonly InputPosition[]
  readonly committed: boolean
}

/** The answer about one key. */
export interface FoundValue<V> extends StateAt {
  /** undefined when there is none. */
  readonly value: V | undefined
  /** The value's time, ms since the epoch; undefined without a value. */
  readonly timestampMs: number | undefined
}

/** One page of rows, by key, then by the start of the window. */
export interface RowsPage<K, V> extends StateAt {
  readonly rows: readonly StoreRow<K, V>[]
  /** Give it to the same query for the next page; undefined on the last. The state may have changed by then. */
  readonly cursor: string | undefined
}

export interface PageOptions {
  /** 1 to 10,000; default 100. */
  readonly limit?: number
  readonly cursor?: string | undefined
}

/** Which rows are wanted: keys, and for windows and sessions times, for versions one time. */
export interface RowsWanted<K = unknown> {
  readonly key?: K
  /** Keys from here on, included. */
  readonly from?: K
  /** Keys up to here, included. */
  readonly to?: K
  /** Keys that are texts and begin so. */
  readonly prefix?: string
  readonly fromMs?: number
  readonly toMs?: number
  readonly asOfMs?: number
}

/** Serdes whose keys no prefix fits. */
const serdesWithoutTexts: readonly string[] = ['bytes', 'int64']

/** Every call throws MR_STORE_KIND, MR_QUERY_INVALID, or MR_STORE_MOVING (retriable). */
export class StoreReader<K = unknown, V = unknown> {
  readonly description: StoreDescription
  private readonly ask: (query: StoreQuery) => Promise<StoreAnswer>

  constructor(description: StoreDescription, ask: (query: StoreQuery) => Promise<StoreAnswer>) {
    this.description = description
    this.ask = ask
  }

  /** The latest value of a key. Stores of kind `key-value` and `versioned`. */
  async get(key: K): Promise<FoundValue<V>> {
    needKey(key)
    this.need(['key-value', 'versioned'])
    return this.one({ key })
  }

  /** The value that a key had at a time, ms since the epoch. Stores of kind `versioned`. */
  async asOf(key: K, atMs: number): Promise<FoundValue<V>> {
    needKey(key)
    return this.one({ key, asOfMs: atMs })
  }

  /** The rows of keys from one to another, both included. */
  range(from: K, to: K, page: PageOptions = {}): Promise<RowsPage<K, V>> {
    return this.rows({ from, to }, page)
  }

  /** The rows of keys that begin with a text. */
  prefix(prefix: string, page: PageOptions = {}): Promise<RowsPage<K, V>> {
    return this.rows({ prefix }, page)
  }

  all(page: PageOptions = {}): Promise<RowsPage<K, V>> {
    return this.rows({}, page)
  }

  /** A key's windows that begin between two times, both included, ms since the epoch. Stores of kind `window`. */
  async window(key: K, fromMs: number, toMs: number, page: PageOptions = {}): Promise<RowsPage<K, V>> {
    needKey(key)
    this.need(['window'])
    return this.rows({ key, fromMs, toMs }, page)
  }

  /**
   * A key's sessions that touch the time between two times, both included, ms since the epoch; all of them without
   * times. Stores of kind `session`.
   */
  async session(
    key: K,
    fromMs = Number.NEGATIVE_INFINITY,
    toMs = Number.POSITIVE_INFINITY,
    page: PageOptions = {},
  ): Promise<RowsPage<K, V>> {
    needKey(key)
    this.need(['session'])
    return this.rows({ key, fromMs, toMs }, page)
  }

  /** Any rows; what the other calls are made of. */
  async rows(
    wanted: RowsWanted<K>,
    { limit = ROWS_DEFAULT, cursor }: PageOptions = {},
  ): Promise<RowsPage<K, V>> {
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > ROWS_MAX) {
      throw new MillraceError('MR_QUERY_INVALID', `a page cannot have ${limit} rows`, {
        hint: `Write a whole number from 1 to ${ROWS_MAX}.`,
      })
    }
    this.check(wanted)
    const after = cursor === undefined ? {} : { after: placeOfCursor(cursor) }
    const { rows, more, position, committed } = await this.ask({ ...wanted, ...after, rowsMax: limit })
    const last = more ? rows.at(-1) : undefined
    return {
      rows: rows as readonly StoreRow<K, V>[],
      cursor: last === undefined ? undefined : cursorOf(last),
      position,
      committed,
    }
  }

  private async one(wanted: RowsWanted<K>): Promise<FoundValue<V>> {
    this.check(wanted)
    const { rows, position, committed } = await this.ask({ ...wanted, rowsMax: 1 })
    const row = rows[0] as StoreRow<K, V> | undefined
    return { value: row?.value, timestampMs: row?.timestampMs, position, committed }
  }

  private check({ key, from, to, prefix, fromMs, toMs, asOfMs }: RowsWanted): void {
    if (fromMs !== undefined || toMs !== undefined) this.need(['window', 'session'])
    if (asOfMs !== undefined) this.need(['versioned'])
    for (const one of [key, from, to]) if (one !== undefined) needKey(one)
    for (const timeMs of [fromMs, toMs, asOfMs]) {
      if (timeMs !== undefined && Number.isNaN(timeMs))
        throw new MillraceError('MR_QUERY_INVALID', 'a time of a query is not a number', {
          hint: 'Give milliseconds since the epoch.',
        })
    }
    if (prefix !== undefined && typeof prefix !== 'string')
      throw new MillraceError('MR_QUERY_INVALID', 'a prefix is a text')
    const { key: serde, name } = this.description
    if (prefix !== undefined && serdesWithoutTexts.includes(serde)) {
      throw new MillraceError('MR_QUERY_INVALID', `the keys of store "${name}" are ${serde}, not texts`, {
        hint: 'Ask for a range of keys.',
      })
    }
  }

  private need(kinds: readonly StoreKind[]): void {
    needKind(this.description, kinds)
  }
}

function needKey(key: unknown): void {
  if (key !== undefined && key !== null && mapKeyOf(key) !== undefined) return
  throw new MillraceError('MR_QUERY_INVALID', 'a query has a key that no record can have', {
    hint: 'A key is a text, a number, or what has a JSON form.',
  })
}
