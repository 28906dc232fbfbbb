/**
 * The HTTP server: live picture, health, metrics and the console's files. How it listens and ends is in
 * http-listener.ts; event streams end first.
 *
 * It knows nothing of brokers and pipelines: it shows what a FlowObserver gives, and the metrics, stores and parked keys
 * that it is given.
 */

import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { MillraceError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Platform } from '../platform/platform.ts'
import type { ParkedDirectory } from '../runtime/parked/parked-directory.ts'
import type { StoreDirectory } from '../runtime/queries/store-directory.ts'
import { CONSOLE_PORT } from './console-port.ts'
import type { FlowObserver } from './flow.ts'
import { type HttpServer, listenHttp } from './http-listener.ts'
import { flowRoutes } from './routes/flow-routes.ts'
import { type FlowStreamLimits, FlowStreams } from './routes/flow-streams.ts'
import { FlowText } from './routes/flow-text.ts'
import { guard } from './routes/guard.ts'
import { healthRoute } from './routes/health.ts'
import { metricsRoute } from './routes/metrics.ts'
import { DECIDE_PATH, parkedRoutes } from './routes/parked-routes.ts'
import { problemOf, refuse, statusOf } from './routes/problem.ts'
import { storeRoutes } from './routes/store-routes.ts'
import { readStaticFiles, staticRoutes } from './static-files.ts'

/** A body names one key. */
const BODY_BYTES_MAX = 1024 * 1024

const tooLarge = (c: Context): Response =>
  refuse(
    c,
    413,
    new MillraceError('MR_HTTP_REQUEST_INVALID', `a body has at most ${BODY_BYTES_MAX} bytes`, {
      hint: 'Send only what the path asks for.',
    }),
  )

export type { HttpServer } from './http-listener.ts'

export interface HttpLimits extends FlowStreamLimits {
  readonly connectionsMax: number
  /** How long `close` waits for answers under way. */
  readonly closeMs: number
  /** A snapshot younger than this is given again instead of asking the observer. */
  readonly snapshotAgeMs: number
}

const limitsDefault: HttpLimits = {
  streamsMax: 32,
  heartbeatMs: 5_000,
  stalledMs: 30_000,
  connectionsMax: 256,
  closeMs: 2_000,
  snapshotAgeMs: 100,
}

export interface HttpServerOptions {
  readonly platform: Pick<Platform, 'clock' | 'disk'>
  readonly observer: FlowObserver
  /** What `/metrics` answers, in Prometheus' text format; without it there is no such page. */
  readonly metrics?: () => string
  /** What `/api/stores` asks; without it there is no such path. */
  readonly stores?: StoreDirectory
  /** What `/api/parked` asks and tells; without it there is no such path. */
  readonly parked?: ParkedDirectory
  readonly logger: Logger
  /** Where the built console lies. A missing one is said on the page; the API works without. */
  readonly consoleDirectory: string
  /** Default 127.0.0.1. Any address that other machines reach needs `insecure`. */
  readonly host?: string
  /** Default 7070; 0 takes any free port. */
  readonly port?: number
  /** Fail when `port` is taken, instead of taking the next free one. */
  readonly strictPort?: boolean
  /** Allows an address that other machines reach, though nobody has to log in. */
  readonly insecure?: boolean
  /** Names besides localhost that the page may be opened under, without port. */
  readonly allowedHosts?: readonly string[]
  readonly limits?: Partial<HttpLimits>
}

/**
 * Starts the server and resolves once it accepts connections.
 *
 * @throws MR_PORT_IN_USE, MR_LISTEN_EXPOSED, MR_OPTION_INVALID
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { platform, logger, host = '127.0.0.1', port = CONSOLE_PORT } = options
  const limits: HttpLimits = { ...limitsDefault, ...options.limits }

  const text = new FlowText(options.observer, platform.clock, limits.snapshotAgeMs)
  const streams = new FlowStreams({ text, clock: platform.clock, logger, limits })
  const app = new Hono()
  app.onError((error, c) => {
    logger.error({ path: c.req.path, error: messageOf(error) }, 'an HTTP request failed')
    return c.json(problemOf(error), statusOf(error))
  })
  const changing = options.parked === undefined ? [] : [DECIDE_PATH]
  app.use(guard({ host, allowedHosts: options.allowedHosts ?? [], changing }))
  app.use(bodyLimit({ maxSize: BODY_BYTES_MAX, onError: tooLarge }))
  flowRoutes(app, text, streams)
  healthRoute(app, options.observer)
  if (options.metrics !== undefined) metricsRoute(app, options.metrics)
  if (options.stores !== undefined) storeRoutes(app, options.stores)
  if (options.parked !== undefined) parkedRoutes(app, options.parked)
  staticRoutes(app, readStaticFiles(platform.disk, options.consoleDirectory))

  return listenHttp(app, {
    platform,
    logger,
    host,
    port,
    strictPort: options.strictPort ?? false,
    insecure: options.insecure ?? false,
    connectionsMax: limits.connectionsMax,
    closeMs: limits.closeMs,
    beforeClose: () => streams.close(),
  })
}
