/**
 * Parked keys over HTTP:
 *   GET  /api/parked           the keys whose records wait for one that fails; `pipeline` and `limit` choose
 *   POST /api/parked/decide    {"operator", "key", "decision", "pipeline"?}: what becomes of the failing record
 *
 * A key is what the list shows: JSON, bytes as base64, null for records without a key. A decision is answered once it is
 * committed.
 */
import type { Context, Hono } from 'hono'
import { MillraceError } from '../../core/errors.ts'
import type { ParkedDecision } from '../../operators/operator.ts'
import type { ParkedDirectory } from '../../runtime/parked/parked-directory.ts'
import { answer } from './json-answer.ts'

export const DECIDE_PATH = '/api/parked/decide'

const parameters = ['pipeline', 'limit']
const fields = ['operator', 'key', 'decision', 'pipeline']

interface Decision {
  readonly operator: string
  readonly key: unknown
  readonly decision: ParkedDecision
  readonly pipeline?: string
}

export function parkedRoutes(app: Hono, parked: ParkedDirectory): void {
  app.get('/api/parked', (c) =>
    answer(c, async () => {
      for (const name of Object.keys(c.req.query())) {
        if (!parameters.includes(name)) invalid(`no parameter "${name}"`, `Legal: ${parameters.join(', ')}.`)
      }
      const limit = c.req.query('limit')
      return parked.list({
        pipeline: c.req.query('pipeline'),
        ...(limit === undefined ? {} : { limit: /^\d{1,9}$/.test(limit) ? Number(limit) : Number.NaN }),
      })
    }),
  )

  app.post(DECIDE_PATH, (c) => answer(c, async () => ({ records: await parked.decide(await decisionOf(c)) })))
}

async function decisionOf(c: Context): Promise<Decision> {
  const hint = 'Write {"operator":"…","key":"…","decision":"retry"}, or "dead-letter" or "skip".'
  let body: unknown
  try {
    body = JSON.parse(await c.req.text())
  } catch {
    return invalid('the body is not JSON', hint)
  }
  if (typeof body !== 'object' || body === null) return invalid('the body is not an object', hint)
  const given = body as Record<string, unknown>
  for (const name of Object.keys(given))
    if (!fields.includes(name)) invalid(`no field "${name}" in a decision`, `Legal: ${fields.join(', ')}.`)
  for (const name of ['operator', 'decision'])
    if (typeof given[name] !== 'string') invalid(`"${name}" of a decision is not a text`, hint)
  // Left away it would stand for all records without a key.
  if (!('key' in given)) invalid('a decision without a key', 'Write "key":null for records without one.')
  if (given['pipeline'] !== undefined && typeof given['pipeline'] !== 'string')
    invalid('"pipeline" of a decision is not a text', hint)
  return given as unknown as Decision
}

function invalid(message: string, hint: string): never {
  throw new MillraceError('MR_QUERY_INVALID', message, { hint })
}
