/** `GET /metrics`: what Prometheus reads. */
import type { Hono } from 'hono'

export function metricsRoute(app: Hono, metrics: () => string): void {
  app.get('/metrics', (c) => {
    c.header('cache-control', 'no-store')
    c.header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
    return c.body(metrics())
  })
}
