/** `GET /api/flow` (one snapshot) and `GET /api/flow/events` (server-sent events). */
import type { Hono } from 'hono'
import { MillraceError } from '../../core/errors.ts'
import type { FlowStreams } from './flow-streams.ts'
import type { FlowText } from './flow-text.ts'
import { refuse } from './problem.ts'

const INTERVAL_MS_DEFAULT = 1_000
const INTERVAL_MS_MIN = 200
const INTERVAL_MS_MAX = 10_000

/** The interval asked for; undefined when it is not a whole number in its range. */
function intervalOf(query: string | undefined): number | undefined {
  if (query === undefined) return INTERVAL_MS_DEFAULT
  if (!/^\d{1,5}$/.test(query)) return undefined
  const intervalMs = Number(query)
  return intervalMs >= INTERVAL_MS_MIN && intervalMs <= INTERVAL_MS_MAX ? intervalMs : undefined
}

export function flowRoutes(app: Hono, text: FlowText, streams: FlowStreams): void {
  app.get('/api/flow', (c) => {
    c.header('cache-control', 'no-store')
    c.header('content-type', 'application/json')
    return c.body(text.latest())
  })

  app.get('/api/flow/events', (c) => {
    c.header('cache-control', 'no-store')
    c.header('content-type', 'text/event-stream')
    // A stream would be opened for a HEAD that nobody reads.
    if (c.req.method === 'HEAD') return c.body(null)
    const intervalMs = intervalOf(c.req.query('intervalMs'))
    if (intervalMs === undefined) {
      const hint = `Write a whole number from ${INTERVAL_MS_MIN} to ${INTERVAL_MS_MAX}: ?intervalMs=1000`
      const message = 'intervalMs is out of its range'
      return refuse(c, 400, new MillraceError('MR_HTTP_REQUEST_INVALID', message, { hint }))
    }
    const stream = streams.start(intervalMs)
    if (stream === undefined) {
      c.header('retry-after', '5')
      const hint = 'Close a console that is open elsewhere, or ask /api/flow instead.'
      return refuse(c, 503, new MillraceError('MR_LIMIT', 'too many event streams are open', { hint }))
    }
    // Said here so that the adapter writes each piece at once instead of waiting whether the body is a short one.
    c.header('transfer-encoding', 'chunked')
    return c.body(stream)
  })
}
