/**
 * How an app of routes is served: its port, and its end.
 *
 * 1. Loopback unless told otherwise; wider only with `insecure`, as there is no log-in.
 * 2. A taken port is followed by the next free one, and the caller is told; `strictPort` fails instead.
 * 3. `close` lets answers under way finish, and cuts what is left after `closeMs`.
 */
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import type { Hono } from 'hono'
import { MillraceError, messageOf } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import type { Logger } from '../core/logger.ts'
import { every } from '../platform/clock.ts'
import type { Platform } from '../platform/platform.ts'
import { loopback } from './routes/guard.ts'

/** How many ports after the wanted one are tried. */
const PORTS_TRIED_MAX = 20

export interface HttpListenerOptions {
  readonly platform: Pick<Platform, 'clock'>
  readonly logger: Logger
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
  readonly strictPort: boolean
  readonly insecure: boolean
  readonly connectionsMax: number
  /** How long `close` waits for answers under way. */
  readonly closeMs: number
  /** Called first when it closes. */
  readonly beforeClose: () => void
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
 * Resolves once connections are accepted.
 *
 * @throws MR_PORT_IN_USE, MR_LISTEN_EXPOSED, MR_OPTION_INVALID
 */
export async function listenHttp(app: Hono, options: HttpListenerOptions): Promise<HttpServer> {
  const { host, logger, port: wanted } = options
  refuseExposure(host, options.insecure, logger)
  const server = createAdaptorServer({
    fetch: app.fetch,
    // The process belongs to the user's pipelines: its Request and Response stay what they are.
    overrideGlobalObjects: false,
    serverOptions: { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 10_000 },
  })
  if ('maxConnections' in server) server.maxConnections = options.connectionsMax
  const port = await listenNear(server, host, wanted, options.strictPort)
  server.on('error', (error) => logger.error({ error: messageOf(error) }, 'the HTTP server has trouble'))

  let closing: Promise<void> | undefined
  return {
    host,
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ...(wanted !== 0 && port !== wanted ? { portTaken: wanted } : {}),
    close() {
      closing ??= closeServer(server, options)
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
  { beforeClose, closeMs, platform }: HttpListenerOptions,
): Promise<void> {
  beforeClose()
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
