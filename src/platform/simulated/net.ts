/**
 * A network of named hosts in memory. Connections and bytes take seeded time; hosts can be partitioned,
 * slowed down and cut off (`links`), and crash.
 *
 * `localhost`, `127.0.0.1`, `::1` and `0.0.0.0` mean the host that asks; other hosts are reached by name.
 * A port belongs to one host, whatever address it was opened on.
 */
import { MillraceError } from '../../core/errors.ts'
import type { Clock, Timer } from '../clock.ts'
import type { ConnectOptions, ListenOptions, Net, NetServer, Socket } from '../net.ts'
import { SimulatedLinks } from './net-links.ts'
import { Pipe, type PipeWorld } from './net-pipe.ts'
import { SimulatedSocket } from './net-socket.ts'
import { type SimulatedRandom, type SimulatedRange, simulatedRandom } from './random.ts'

const FIRST_FREE_PORT = 40_000
const own = new Set(['localhost', '127.0.0.1', '::1', '0.0.0.0', '::'])

export interface SimulatedNetOptions {
  readonly clock: Clock
  readonly random?: SimulatedRandom
  /** How long bytes are on their way, in milliseconds; 0.1 to 1 by default. */
  readonly delayMs?: SimulatedRange
  /** Is given a line for each arrival. */
  readonly trace?: (line: string) => void
}

/** Plain bytes that were thought to be under TLS would be a test of something else. */
function noTls({ host, port }: ListenOptions | ConnectOptions): MillraceError {
  const where = `${host}:${port}`
  return new MillraceError('MR_OPTION_INVALID', 'the simulated network has no TLS', { where })
}

interface Listener {
  readonly host: string
  readonly accept: (socket: Socket) => void
}

export class SimulatedNetwork {
  readonly links: SimulatedLinks
  private readonly world: PipeWorld
  private readonly listeners = new Map<string, Listener>()
  private readonly sockets = new Set<SimulatedSocket>()
  /** How often each host has crashed. */
  private readonly runs = new Map<string, number>()
  private nextPort = FIRST_FREE_PORT

  constructor(options: SimulatedNetOptions) {
    const random = options.random ?? simulatedRandom('net')
    this.links = new SimulatedLinks(options.clock, random, options.delayMs ?? [0.1, 1])
    this.world = { clock: options.clock, random, links: this.links, trace: options.trace }
  }

  /** The network as one host sees it. */
  of(host: string): Net {
    return {
      listen: (options, accept) => this.listen(host, options, accept),
      connect: (options) => this.connect(host, options),
      httpGet: async (url) => {
        throw new MillraceError('MR_HTTP_FAILED', `"${url}" is not on the simulated network`, { where: url })
      },
    }
  }

  /** Breaks off all connections between two hosts: both sides get a reset. */
  cut(a: string, b: string): void {
    for (const socket of [...this.sockets]) {
      const [from, to] = socket.hosts
      if ((from === a && to === b) || (from === b && to === a)) socket.reset()
    }
  }

  /**
   * Ends all that a host listens to and has open. After `process` the other sides learn of it; after `power`
   * they hear nothing until the host is up again and they send something.
   */
  crash(host: string, kind: 'process' | 'power'): void {
    if (kind === 'power') this.links.setDown(host)
    for (const [place, listener] of this.listeners) {
      if (listener.host === host) this.listeners.delete(place)
    }
    for (const socket of [...this.sockets]) {
      if (socket.hosts[0] !== host) continue
      socket.abandon(kind === 'power' ? 'silently' : 'hang up')
      this.sockets.delete(socket)
    }
    this.runs.set(host, this.runOf(host) + 1)
  }

  private async listen(
    host: string,
    options: ListenOptions,
    accept: (socket: Socket) => void,
  ): Promise<NetServer> {
    if (options.tls !== undefined) throw noTls(options)
    const port = options.port === 0 ? this.freePort(host) : options.port
    const place = `${host}:${port}`
    if (this.listeners.has(place)) {
      throw new MillraceError('MR_PORT_IN_USE', `port ${port} is taken by another process`, { where: place })
    }
    const listener = { host, accept }
    this.listeners.set(place, listener)
    return {
      host: options.host,
      port,
      close: async () => {
        if (this.listeners.get(place) === listener) this.listeners.delete(place)
      },
    }
  }

  private connect(from: string, options: ConnectOptions): Promise<Socket> {
    if (options.tls !== undefined) return Promise.reject(noTls(options))
    const to = own.has(options.host) ? from : options.host
    const { clock, links } = this.world
    return new Promise((resolve, reject) => {
      let settled = false
      const refuse = (why: string): void => {
        if (settled) return
        settled = true
        timeout?.cancel()
        reject(unreachable(options, why))
      }
      let timeout: Timer | undefined
      options.signal?.addEventListener('abort', () => refuse('the caller gave up'), { once: true })
      if (options.signal?.aborted) {
        refuse('the caller gave up')
        return
      }
      timeout = clock.after(options.timeoutMs, () => refuse('connect timed out'))
      const run = this.runOf(from)
      const arrive = (): void => {
        // Who asked is gone meanwhile: nobody would take the socket.
        if (settled || this.runOf(from) !== run) return
        const closed = [[from, to] as const, [to, from] as const].find((way) => !links.isOpen(...way))
        if (closed !== undefined) {
          links.whenOpen(...closed, arrive)
          return
        }
        const listener = this.listeners.get(`${to}:${options.port}`)
        const backMs = links.drawDelayMs(to, from)
        timeout?.cancel()
        if (listener === undefined) {
          clock.after(backMs, () => refuse('connection refused'))
          return
        }
        settled = true
        const client = this.join(listener, {
          from,
          to,
          port: options.port,
          answerAtMs: clock.monotonicMs() + backMs,
        })
        clock.after(backMs, () => {
          resolve(client)
          clock.after(0, () => client.expectStarted())
        })
      }
      clock.after(links.drawDelayMs(from, to), arrive)
    })
  }

  private join(
    listener: Listener,
    way: { readonly from: string; readonly to: string; readonly port: number; readonly answerAtMs: number },
  ): SimulatedSocket {
    const { world } = this
    const { from, to } = way
    const there = new Pipe(world, { from, to, notBeforeMs: world.clock.monotonicMs() })
    const back = new Pipe(world, { from: to, to: from, notBeforeMs: way.answerAtMs })
    const end = (remote: string, inbound: Pipe, outbound: Pipe): SimulatedSocket => {
      const socket: SimulatedSocket = new SimulatedSocket(world, {
        remote,
        inbound,
        outbound,
        onClosed: () => this.sockets.delete(socket),
      })
      this.sockets.add(socket)
      return socket
    }
    const client = end(`${to}:${way.port}`, back, there)
    const server = end(`${from}:${this.freePort(from)}`, there, back)
    listener.accept(server)
    world.clock.after(0, () => server.expectStarted())
    return client
  }

  private runOf(host: string): number {
    return this.runs.get(host) ?? 0
  }

  private freePort(host: string): number {
    while (this.listeners.has(`${host}:${this.nextPort}`)) this.nextPort++
    return this.nextPort++
  }
}

function unreachable(options: ConnectOptions, why: string): MillraceError {
  const where = `${options.host}:${options.port}`
  return new MillraceError('MR_BROKER_UNREACHABLE', `nothing answers at ${where}`, {
    where,
    cause: new Error(why),
  })
}
