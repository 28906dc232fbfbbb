/** `GET /health`: 200 while Millrace does its work or has done it, 503 once it has failed. */
import type { Hono } from 'hono'
import type { FlowObserver } from '../flow.ts'

export function healthRoute(app: Hono, observer: FlowObserver): void {
  app.get('/health', (c) => {
    const { state, version, uptimeMs } = observer.snapshot()
    c.header('cache-control', 'no-store')
    return c.json({ state, version, uptimeMs }, state === 'failed' ? 503 : 200)
  })
}
