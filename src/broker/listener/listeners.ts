/**
 * All listening sockets of a broker and the connections that came in through them.
 *
 * Limits: connections in total and per address (more are closed at once), and those of each connection. One
 * timer looks after all connections; its interval follows from the shortest of their time-outs.
 */
import type { Timer } from '../../platform/clock.ts'
import { every } from '../../platform/clock.ts'
import type { Disk } from '../../platform/disk.ts'
import type { Net, NetServer, Socket } from '../../platform/net.ts'
import type { ResolvedConfig } from '../config/broker-config.ts'
import type { ListenerMetrics } from '../metrics/broker-metrics.ts'
import type { Endpoint } from '../request-context.ts'
import type { InnerLogin } from '../security/inner-login.ts'
import { ClientConnection } from './client-connection.ts'
import { asksWho, clientHostOf, Entrance, type EntranceCounts } from './entrance.ts'
import { exposed, isLoopback, type ListenOptions } from './listen-options.ts'
import type { ListenerShared } from './listener-shared.ts'

export type { ListenOptions } from './listen-options.ts'

export interface ListenersOptions {
  readonly net: Net
  readonly disk: Disk
  readonly settingsOf: ResolvedConfig['settingsOf']
  readonly nextConnectionId: () => number
}

const CHECK_INTERVAL_MS_MAX = 5000
const CHECKS_PER_TIMEOUT = 4

export class Listeners {
  private readonly options: ListenersOptions
  private readonly shared: ListenerShared
  private readonly servers: NetServer[] = []
  private readonly entrances: Entrance[] = []
  private readonly connections = new Map<ClientConnection, Entrance>()
  private readonly countByHost = new Map<string, number>()
  private check: Timer | undefined
  private closed = false
  /** Where each listener is reached, in the order they were opened. */
  readonly endpoints: Endpoint[] = []
  accepted = 0
  refused = 0

  constructor(shared: Omit<ListenerShared, 'closed'>, options: ListenersOptions) {
    this.options = options
    this.shared = { ...shared, closed: (connection) => this.forget(connection) }
  }

  get connectionCount(): number {
    return this.connections.size
  }

  /**
   * @param inner how the threads of this process log in, for their own listener
   * @throws MR_PORT_IN_USE, MR_LISTEN_EXPOSED, MR_CONFIG_INVALID, MR_TLS_FAILED, MR_FILE_NOT_FOUND
   */
  async listen(options: ListenOptions, inner?: InnerLogin): Promise<Endpoint> {
    const { host, port } = options
    const entrance = this.entrance(options, inner)
    const endpoint = { host: options.advertisedHost ?? host, port: options.advertisedPort ?? 0 }
    const tls = entrance.tls === undefined ? {} : { tls: entrance.tls }
    const { net } = this.options
    const server = await net.listen({ host, port, ...tls }, (socket) =>
      this.accept(socket, entrance, endpoint),
    )
    if (options.advertisedPort === undefined || options.advertisedPort === 0) endpoint.port = server.port
    if (options.advertisedHost === undefined) endpoint.host = reachable(host)
    this.servers.push(server)
    this.entrances.push(entrance)
    // The inner one is nobody's to know.
    if (inner === undefined) this.endpoints.push(endpoint)
    this.startChecks()
    return { host: server.host, port: server.port }
  }

  private entrance(options: ListenOptions, inner: InnerLogin | undefined): Entrance {
    const { clock, logger, security } = this.shared
    const protocol = options.protocol ?? 'PLAINTEXT'
    const name = options.name ?? protocol
    const settings = this.options.settingsOf(name)
    const safe = asksWho(protocol, settings)
    if (!safe && !isLoopback(options.host)) {
      if (options.insecure !== true) throw exposed(options)
      const { code, hint, message, where } = exposed(options)
      logger.warn({ listener: name, code, where, hint }, message)
    }
    if (protocol === 'SASL_PLAINTEXT' && !isLoopback(options.host)) {
      logger.warn(
        { listener: name, hint: 'Use SASL_SSL.' },
        'what clients send to this listener, passwords of PLAIN among it, can be read on its way',
      )
    }
    const entrance = new Entrance({
      name,
      protocol,
      settings,
      security,
      clock,
      logger,
      disk: this.options.disk,
      ...(inner === undefined ? {} : { inner }),
    })
    if (safe && inner === undefined) security.expectUsers()
    return entrance
  }

  get metrics(): readonly ListenerMetrics[] {
    return [...Map.groupBy(this.entrances, ({ name }) => name)].map(([listener, entrances]) => {
      const sum = (of: keyof EntranceCounts): number =>
        entrances.reduce((total, { counts }) => total + counts[of], 0)
      return {
        listener,
        open: sum('open'),
        accepted: sum('accepted'),
        loggedIn: sum('loggedIn'),
        refusedLogins: sum('refusedLogins'),
      }
    })
  }

  /** Memory for requests that are still arriving. */
  get requestMemoryBytes(): number {
    return this.shared.requestBudget.usedBytes
  }

  /** Stops accepting; open connections stay. */
  stopAccepting(): void {
    this.closed = true
    // A server tells that it is closed only when its last connection is gone: `finish` ends those.
    for (const server of this.servers.splice(0)) void server.close()
  }

  /** Sends every connection what is ready for it and closes it. */
  finish(): void {
    this.check?.cancel()
    for (const connection of [...this.connections.keys()]) connection.finish()
  }

  private accept(socket: Socket, entrance: Entrance, advertised: Endpoint): void {
    const { settings, logger } = this.shared
    const clientHost = clientHostOf(socket)
    const fromHost = this.countByHost.get(clientHost) ?? 0
    if (
      this.closed ||
      this.connections.size >= settings['max.connections'] ||
      fromHost >= settings['max.connections.per.ip']
    ) {
      logger.warn({ client: socket.remote, open: this.connections.size }, 'too many connections: refused one')
      this.refuse(socket)
      return
    }
    const info = entrance.admit(socket, this.options.nextConnectionId(), advertised)
    if (info === undefined) {
      this.refuse(socket)
      return
    }
    this.accepted++
    entrance.counts.accepted++
    entrance.counts.open++
    this.countByHost.set(clientHost, fromHost + 1)
    this.connections.set(new ClientConnection(socket, info, this.shared), entrance)
  }

  private refuse(socket: Socket): void {
    this.refused++
    socket.start({ data: () => {}, drain: () => {}, close: () => {} })
    socket.destroy()
  }

  private forget(connection: ClientConnection): void {
    const entrance = this.connections.get(connection)
    if (entrance === undefined) return
    this.connections.delete(connection)
    entrance.counts.open--
    const { clientHost } = connection.info
    const left = (this.countByHost.get(clientHost) ?? 1) - 1
    if (left > 0) this.countByHost.set(clientHost, left)
    else this.countByHost.delete(clientHost)
  }

  private startChecks(): void {
    if (this.check !== undefined) return
    const { clock, settings } = this.shared
    const shortestMs = Math.min(
      settings['connections.max.idle.ms'],
      settings['request.receive.timeout.ms'],
      settings['connection.write.stall.timeout.ms'],
      settings['connection.authentication.timeout.ms'],
    )
    const intervalMs = Math.min(CHECK_INTERVAL_MS_MAX, Math.ceil(shortestMs / CHECKS_PER_TIMEOUT))
    this.check = every(clock, intervalMs, () => {
      const nowMs = clock.monotonicMs()
      for (const connection of [...this.connections.keys()]) connection.checkTimes(nowMs)
    })
  }
}

/** An address that stands for all of them is nothing a client could connect to. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' || host === '' ? 'localhost' : host
}
