/**
 * The HTTP server: live picture, health and the console's files.
 *
 * 1. Loopback unless told otherwise; wider only with `insecure`, as there is no log-in.
 * 2. A taken port is followed by the next free one, and the caller is told; `strictPort` fails instead.
 * 3. `close` ends the event streams, lets answers under way finish, and cuts what is left after `closeMs`.
 * It knows nothing of brokers and pipelines: it shows what a FlowObserver gives.
 */
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import { Hono } from 'hono'
import { MillraceError, messageOf } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import type { Logger } from '../core/logger.ts'
import { every } from '../platform/clock.ts'
import type { Platform } from '../platform/platform.ts'
import type { FlowObserver } from './flow.ts'
import { flowRoutes } from './routes/flow-routes.ts'
import { type FlowStreamLimits, FlowStreams } from './routes/flow-streams.ts'
import { FlowText } from './routes/flow-text.ts'
import { guard, loopback } from './routes/guard.ts'
import { healthRoute } from './routes/health.ts'
import { problemOf, statusOf } from './routes/problem.ts'
import { readStaticFiles, staticRoutes } from './static-files.ts'

const PORT_DEFAULT = 7070
/** How many ports after the wanted one are tried. */
const PORTS_TRIED_MAX = 20

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

export interface HttpServer {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:7070` */
  readonly url: string
  /** The wanted port, when that was taken by another process. */
  readonly portTaken?: number
  close(): Promise<void>
}

/**
 * Starts the server and resolves once it accepts connections.
 *
 * @throws MR_PORT_IN_USE, MR_LISTEN_EXPOSED, MR_OPTION_INVALID
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { platform, logger, host = '127.0.0.1', port: portWanted = PORT_DEFAULT } = options
  const limits: HttpLimits = { ...limitsDefault, ...options.limits }
  refuseExposure(host, options.insecure ?? false, logger)

  const text = new FlowText(options.observer, platform.clock, limits.snapshotAgeMs)
  const streams = new FlowStreams({ text, clock: platform.clock, logger, limits })
  const app = new Hono()
  app.onError((error, c) => {
    logger.error({ path: c.req.path, error: messageOf(error) }, 'an HTTP request failed')
    return c.json(problemOf(error), statusOf(error))
  })
  app.use(guard({ host, allowedHosts: options.allowedHosts ?? [] }))
  flowRoutes(app, text, streams)
  healthRoute(app, options.observer)
  staticRoutes(app, readStaticFiles(platform.disk, options.consoleDirectory))

  const server = createAdaptorServer({
    fetch: app.fetch,
    // The process belongs to the user's pipelines: its Request and Response stay what they are.
    overrideGlobalObjects: false,
    serverOptions: { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 10_000 },
  })
  if ('maxConnections' in server) server.maxConnections = limits.connectionsMax
  const port = await listenNear(server, host, portWanted, options.strictPort ?? false)
  server.on('error', (error) => logger.error({ error: messageOf(error) }, 'the HTTP server has trouble'))

  let closing: Promise<void> | undefined
  return {
    host,
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ...(portWanted !== 0 && port !== portWanted ? { portTaken: portWanted } : {}),
    close() {
      closing ??= closeServer(server, streams, platform, limits.closeMs)
      return closing
    },
  }
}

function refuseExposure(host: string, insecure: boolean, logger: Logger): void {
  if (loopback(host)) return
  if (!insecure) {
    throw new MillraceError(
      'MR_LISTEN_EXPOSED',
      `"${host}" can be reached by other machines without a log-in`,
      {
        where: host,
        hint: 'Listen on 127.0.0.1, or say --insecure when the network is closed.',
      },
    )
  }
  logger.warn({ host }, 'the console is open to other machines without a log-in')
}

async function listenNear(server: ServerType, host: string, port: number, strict: boolean): Promise<number> {
  const last = strict || port === 0 ? port : Math.min(port + PORTS_TRIED_MAX, 65_535)
  for (let next = port; next <= last; next++) {
    const got = await listen(server, host, next)
    if (got !== undefined) return got
  }
  const which = last === port ? `port ${port} is` : `ports ${port} to ${last} are`
  throw new MillraceError('MR_PORT_IN_USE', `${which} taken by another process`, {
    where: `${host}:${port}`,
    hint: 'Stop the other process, or choose another port; port 0 takes any free one.',
  })
}

/** The port that is listened on now; undefined when it is taken. */
function listen(server: ServerType, host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error & { readonly code?: string }): void => {
      server.off('listening', succeed)
      if (error.code === 'EADDRINUSE') resolve(undefined)
      else {
        const details = { cause: error, where: `${host}:${port}` }
        reject(new MillraceError('MR_OPTION_INVALID', `cannot listen: ${messageOf(error)}`, details))
      }
    }
    const succeed = (): void => {
      server.off('error', fail)
      const address = server.address()
      invariant(address !== null && typeof address === 'object', 'a listening server has an address')
      resolve(address.port)
    }
    server.once('error', fail)
    server.once('listening', succeed)
    server.listen({ host, port })
  })
}

/** How often connections that have become idle are looked for while the server closes. */
const IDLE_CHECK_MS = 10

function closeServer(
  server: ServerType,
  streams: FlowStreams,
  platform: Pick<Platform, 'clock'>,
  closeMs: number,
): Promise<void> {
  streams.close()
  return new Promise((resolve) => {
    const idle = every(platform.clock, IDLE_CHECK_MS, () => {
      if ('closeIdleConnections' in server) server.closeIdleConnections()
    })
    const deadline = platform.clock.after(closeMs, () => {
      if ('closeAllConnections' in server) server.closeAllConnections()
    })
    server.close(() => {
      idle.cancel()
      deadline.cancel()
      resolve()
    })
  })
}
