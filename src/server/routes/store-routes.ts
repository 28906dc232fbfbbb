/**
 * Interactive queries over HTTP:
 *   GET /api/stores                       the stores that can be asked
 *   GET /api/stores/{store}/keys          rows; `from`, `to`, `prefix` choose keys
 *   GET /api/stores/{store}/keys/{key}    one key: its value, or its windows or sessions
 * `fromMs`, `toMs` choose windows and sessions, `asOf` a version: milliseconds since the epoch or ISO 8601. `limit` and
 * `cursor` page, `pipeline` tells stores of one name apart.
 *
 * A key is written as a consumer prints it: text as it is, JSON as JSON. Values are JSON; bytes are base64, and whole
 * numbers beyond 2^53 texts. Every answer has `position` and `committed`.
 */
import type { Context, Hono } from 'hono'
import { MillraceError } from '../../core/errors.ts'
import type { StoreDescription } from '../../runtime/queries/pipeline-stores.ts'
import type { StoreDirectory } from '../../runtime/queries/store-directory.ts'
import type { PageOptions, RowsWanted, StoreReader } from '../../runtime/queries/store-reader.ts'
import { answer, ErrorWithState } from './json-answer.ts'

const parameters = ['pipeline', 'from', 'to', 'prefix', 'fromMs', 'toMs', 'asOf', 'limit', 'cursor']

export function storeRoutes(app: Hono, stores: StoreDirectory): void {
  app.get('/api/stores', (c) => answer(c, async () => ({ stores: stores.list() })))

  app.get('/api/stores/:store/keys', (c) =>
    answer(c, async () => {
      const store = storeOf(c, stores)
      const wanted = { ...rangeOf(c, store.description), ...timesOf(c) }
      return { store: store.description.name, ...(await store.rows(wanted, pageOf(c))) }
    }),
  )

  const one = (c: Context): Promise<Response> =>
    answer(c, async () => {
      const store = storeOf(c, stores)
      const { kind, key: serde, name } = store.description
      refuseParameters(c, ['from', 'to', 'prefix'])
      const key = keyOf(pathText(c), serde)
      const page = await store.rows({ key, ...timesOf(c) }, pageOf(c))
      if (kind === 'window' || kind === 'session') return { store: name, ...page }
      const { rows, position, committed } = page
      const [row] = rows
      if (row !== undefined) return { store: name, ...row, position, committed }
      throw new MissingKey(name, { position, committed })
    })
  app.get('/api/stores/:store/keys/:key', one)
  // The key that is an empty text.
  app.get('/api/stores/:store/keys/', one)
}

/** The last part of the path, decoded. What cannot be decoded is not looked up as it stands. */
function pathText(c: Context): string {
  const { pathname } = new URL(c.req.url)
  try {
    return decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1))
  } catch {
    return invalid('the key in the path is not text in UTF-8', 'Write it as encodeURIComponent does.')
  }
}

/** A store without the key says so, and how far it goes. */
class MissingKey extends ErrorWithState {
  constructor(store: string, state: object) {
    super(state, 'MR_HTTP_NOT_FOUND', `store "${store}" does not have the key`, {
      hint: 'A record that was written a moment ago may still be on its way: compare its offset with "position".',
    })
  }
}

function storeOf(c: Context, stores: StoreDirectory): StoreReader {
  for (const name of Object.keys(c.req.query())) {
    if (!parameters.includes(name)) invalid(`no parameter "${name}"`, `Legal: ${parameters.join(', ')}.`)
  }
  return stores.open(c.req.param('store') ?? '', c.req.query('pipeline'))
}

function rangeOf(c: Context, { key }: StoreDescription): RowsWanted {
  const from = c.req.query('from')
  const to = c.req.query('to')
  const prefix = c.req.query('prefix')
  return {
    ...(from === undefined ? {} : { from: keyOf(from, key) }),
    ...(to === undefined ? {} : { to: keyOf(to, key) }),
    ...(prefix === undefined ? {} : { prefix }),
  }
}

function timesOf(c: Context): RowsWanted {
  const wanted: { fromMs?: number; toMs?: number; asOfMs?: number } = {}
  const fromMs = timeOf(c, 'fromMs')
  const toMs = timeOf(c, 'toMs')
  const asOfMs = timeOf(c, 'asOf')
  if (fromMs !== undefined) wanted.fromMs = fromMs
  if (toMs !== undefined) wanted.toMs = toMs
  if (asOfMs !== undefined) wanted.asOfMs = asOfMs
  return wanted
}

function timeOf(c: Context, name: string): number | undefined {
  const text = c.req.query(name)
  if (text === undefined) return undefined
  const timeMs = /^-?\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isNaN(timeMs)) {
    invalid(`${name} is not a time`, 'Write milliseconds since the epoch, or 2026-01-31T12:00:00Z.')
  }
  return timeMs
}

function pageOf(c: Context): PageOptions {
  const limit = c.req.query('limit')
  return {
    ...(limit === undefined ? {} : { limit: /^\d{1,9}$/.test(limit) ? Number(limit) : Number.NaN }),
    cursor: c.req.query('cursor'),
  }
}

/** Text as it is; of other serdes JSON, or the text when it is none. */
function keyOf(text: string, serde: string): unknown {
  if (serde === 'string') return text
  if (serde === 'bytes') return Buffer.from(text, 'base64')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function refuseParameters(c: Context, names: readonly string[]): void {
  for (const name of names) {
    if (c.req.query(name) === undefined) continue
    invalid(`"${name}" does not go with one key`, 'Ask …/keys without the key, or leave it away.')
  }
}

function invalid(message: string, hint: string): never {
  throw new MillraceError('MR_QUERY_INVALID', message, { hint })
}
