/**
 * All listening sockets of a broker and the connections that came in through them.
 *
 * Limits: connections in total and per address (more are closed at once), and those of each connection. One
 * timer looks after all connections; its interval follows from the shortest of their time-outs.
 */
import type { Timer } from '../../platform/clock.ts'
import { every } from '../../platform/clock.ts'
import type { Net, NetServer, Socket } from '../../platform/net.ts'
import { anonymous, type Endpoint } from '../request-context.ts'
import { ClientConnection } from './client-connection.ts'
import type { ListenerShared } from './listener-shared.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** What clients are told to connect to; the address of the listener if not given. */
  readonly advertisedHost?: string
  readonly advertisedPort?: number
  /** A name for logs; PLAINTEXT if not given. */
  readonly name?: string
}

const CHECK_INTERVAL_MS_MAX = 5000
const CHECKS_PER_TIMEOUT = 4

export class Listeners {
  private readonly net: Net
  private readonly shared: ListenerShared
  private readonly servers: NetServer[] = []
  private readonly connections = new Set<ClientConnection>()
  private readonly countByHost = new Map<string, number>()
  private nextConnectionId: () => number
  private check: Timer | undefined
  private closed = false
  /** Where each listener is reached, in the order they were opened. */
  readonly endpoints: Endpoint[] = []
  accepted = 0
  refused = 0

  constructor(net: Net, shared: Omit<ListenerShared, 'closed'>, nextConnectionId: () => number) {
    this.net = net
    this.shared = { ...shared, closed: (connection) => this.forget(connection) }
    this.nextConnectionId = nextConnectionId
  }

  get connectionCount(): number {
    return this.connections.size
  }

  /** @throws MR_PORT_IN_USE */
  async listen(options: ListenOptions): Promise<Endpoint> {
    const endpoint = { host: options.advertisedHost ?? options.host, port: options.advertisedPort ?? 0 }
    const name = options.name ?? 'PLAINTEXT'
    const { host, port } = options
    const server = await this.net.listen({ host, port }, (socket) => this.accept(socket, name, endpoint))
    if (options.advertisedPort === undefined) endpoint.port = server.port
    if (options.advertisedHost === undefined) endpoint.host = reachable(options.host)
    this.servers.push(server)
    this.endpoints.push(endpoint)
    this.startChecks()
    return { host: server.host, port: server.port }
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
    for (const connection of [...this.connections]) connection.finish()
  }

  private accept(socket: Socket, name: string, advertised: Endpoint): void {
    const { settings, logger } = this.shared
    const clientHost = socket.remote.slice(0, socket.remote.lastIndexOf(':'))
    const fromHost = this.countByHost.get(clientHost) ?? 0
    if (
      this.closed ||
      this.connections.size >= settings['max.connections'] ||
      fromHost >= settings['max.connections.per.ip']
    ) {
      this.refused++
      logger.warn({ client: socket.remote, open: this.connections.size }, 'too many connections: refused one')
      socket.start({ data: () => {}, drain: () => {}, close: () => {} })
      socket.destroy()
      return
    }
    this.accepted++
    this.countByHost.set(clientHost, fromHost + 1)
    const id = this.nextConnectionId()
    const info = { id, principal: anonymous, clientHost, advertised, listener: name, software: undefined }
    this.connections.add(new ClientConnection(socket, info, this.shared))
  }

  private forget(connection: ClientConnection): void {
    if (!this.connections.delete(connection)) return
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
    )
    const intervalMs = Math.min(CHECK_INTERVAL_MS_MAX, Math.ceil(shortestMs / CHECKS_PER_TIMEOUT))
    this.check = every(clock, intervalMs, () => {
      const nowMs = clock.monotonicMs()
      for (const connection of [...this.connections]) connection.checkTimes(nowMs)
    })
  }
}

/** An address that stands for all of them is nothing a client could connect to. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' || host === '' ? 'localhost' : host
}
