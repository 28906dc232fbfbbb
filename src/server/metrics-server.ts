/** The HTTP server of a broker by itself: `/metrics` and `/health`, and nothing else. */
import { Hono } from 'hono'
import { MillraceError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Platform } from '../platform/platform.ts'
import { type HttpServer, listenHttp } from './http-listener.ts'
import { guard } from './routes/guard.ts'
import { metricsRoute } from './routes/metrics.ts'
import { problemOf, refuse, statusOf } from './routes/problem.ts'

const HOST = '127.0.0.1'
const CONNECTIONS_MAX = 64
const CLOSE_MS = 2_000

export interface MetricsServerOptions {
  readonly platform: Pick<Platform, 'clock'>
  readonly logger: Logger
  /** On 127.0.0.1; 0 takes any free one, one that is taken is an error. */
  readonly port: number
  readonly version: string
  readonly metrics: () => string
}

/** @throws MR_PORT_IN_USE */
export function startMetricsServer(options: MetricsServerOptions): Promise<HttpServer> {
  const { logger, platform, port, version } = options
  const app = new Hono()
  app.onError((error, c) => {
    logger.error({ path: c.req.path, error: messageOf(error) }, 'an HTTP request failed')
    return c.json(problemOf(error), statusOf(error))
  })
  app.use(guard({ host: HOST, allowedHosts: [], changing: [] }))
  metricsRoute(app, options.metrics)
  app.get('/health', (c) => c.json({ state: 'running', version }))
  app.notFound((c) => {
    const hint = 'A broker by itself has /metrics and /health; `millrace dev` has the page.'
    return refuse(
      c,
      404,
      new MillraceError('MR_HTTP_NOT_FOUND', 'nothing is served at this address', { hint }),
    )
  })
  return listenHttp(app, {
    platform,
    logger,
    host: HOST,
    port,
    strictPort: true,
    insecure: false,
    connectionsMax: CONNECTIONS_MAX,
    closeMs: CLOSE_MS,
    beforeClose: () => {},
  })
}
