/** Sockets through `node:net` and `node:tls`. */
import net from 'node:net'
import tls from 'node:tls'
import { MillraceError, messageOf } from '../../core/errors.ts'
import type { ConnectOptions, ListenOptions, Net, NetServer, Socket, SocketEvents } from '../net.ts'
import { httpGet } from './net-http.ts'
import { peerNameOf, tlsConnect, tlsServer } from './net-tls.ts'
import { handshakeCutOff, isTlsFailure, tlsFailure } from './net-tls-error.ts'

/** One read of a connection takes at most so much. */
const RECEIVE_BYTES = 64 * 1024

/** A socket with what takes its bytes. */
interface Plain {
  readonly socket: net.Socket
  take: (bytes: Buffer) => void
}

/**
 * A connection that reads into one piece of memory for all of its time: Node makes a new one for each read
 * otherwise, which costs a reader of large answers more than what it does with them. TLS cannot do so.
 */
function plainConnect(address: { readonly host: string; readonly port: number }): Plain {
  const memory = Buffer.allocUnsafeSlow(RECEIVE_BYTES)
  const callback = (count: number): boolean => {
    plain.take(memory.subarray(0, count))
    return true
  }
  const plain: Plain = {
    socket: net.connect({ ...address, onread: { buffer: memory, callback } }),
    take: () => {},
  }
  // Nothing may be read before somebody takes it.
  plain.socket.pause()
  return plain
}

class NodeSocket implements Socket {
  readonly remote: string
  readonly peerName: string | undefined
  private readonly socket: net.Socket
  private readonly plain: Plain | undefined

  /** @param plain if the socket is that of a `plainConnect` */
  constructor(socket: net.Socket, plain?: Plain) {
    this.socket = socket
    this.plain = plain
    this.remote = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`
    this.peerName = socket instanceof tls.TLSSocket ? peerNameOf(socket) : undefined
    socket.setNoDelay(true)
  }

  start(events: SocketEvents): void {
    let failure: Error | undefined
    if (this.plain === undefined) this.socket.on('data', (bytes: Buffer) => events.data(bytes))
    else {
      this.plain.take = (bytes) => events.data(bytes)
      this.resume()
    }
    this.socket.on('drain', () => events.drain())
    this.socket.on('error', (error) => {
      failure = isTlsFailure(error) ? tlsFailure(this.remote, error) : error
    })
    this.socket.on('close', () => events.close(failure))
  }

  write(bytes: Uint8Array): boolean {
    return this.socket.write(bytes)
  }

  writeAll(pieces: readonly Uint8Array[], taken?: () => void): boolean {
    const { socket } = this
    const written =
      taken &&
      ((error?: Error | null): void => {
        if (!error) taken()
      })
    const last = pieces.length - 1
    if (last < 0) return true
    if (last === 0) return socket.write(pieces[0]!, written)
    // One call of the operating system for all of them.
    socket.cork()
    for (let at = 0; at < last; at++) socket.write(pieces[at]!)
    const room = socket.write(pieces[last]!, written)
    socket.uncork()
    return room
  }

  queuedBytes(): number {
    return this.socket.writableLength
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    // Of a plain connection `resume` would read in the next turn, even if it is paused again before.
    if (this.plain === undefined) this.socket.resume()
    else this.socket.read(0)
  }

  end(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }
}

async function listen(options: ListenOptions, accept: (socket: Socket) => void): Promise<NetServer> {
  const take = (socket: net.Socket): void => accept(new NodeSocket(socket))
  const server = options.tls === undefined ? net.createServer(take) : tlsServer(options.tls, take)
  return new Promise((resolve, reject) => {
    server.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') {
        reject(
          new MillraceError('MR_PORT_IN_USE', `port ${options.port} is taken by another process`, {
            cause,
            where: `${options.host}:${options.port}`,
            hint: 'Stop the other process, or choose another port; port 0 takes any free one.',
          }),
        )
      } else reject(new MillraceError('MR_OPTION_INVALID', `cannot listen: ${messageOf(cause)}`, { cause }))
    })
    server.listen({ host: options.host, port: options.port, backlog: 4096 }, () => {
      const address = server.address() as net.AddressInfo
      resolve({
        host: address.address,
        port: address.port,
        // The callback of `close` waits for the last connection to end; accepting stops, and the port is
        // free, as soon as the handle has had its turn.
        close: () =>
          new Promise((closed) => {
            server.close()
            setImmediate(closed)
          }),
      })
    })
  })
}

async function connect(options: ConnectOptions): Promise<Socket> {
  const { host, port } = options
  const where = `${host}:${port}`
  const unreachable = (cause: unknown): MillraceError =>
    new MillraceError('MR_BROKER_UNREACHABLE', `nothing answers at ${where}`, {
      cause,
      where,
      hint: 'Start a broker with `millrace dev`, or name yours with --brokers.',
    })
  const secure = options.tls !== undefined
  const plain = options.tls === undefined ? plainConnect({ host, port }) : undefined
  const socket = plain?.socket ?? tlsConnect({ host, port }, options.tls!)
  return new Promise((resolve, reject) => {
    let connected = false
    const abort = (): void => fail(new Error('the caller gave up'))
    const fail = (cause: unknown): void => {
      clearTimeout(timeout)
      options.signal?.removeEventListener('abort', abort)
      socket.destroy()
      if (isTlsFailure(cause)) reject(tlsFailure(where, cause))
      else reject(secure && connected ? handshakeCutOff(where, cause) : unreachable(cause))
    }
    const timeout = setTimeout(() => fail(new Error('connect timed out')), options.timeoutMs)
    socket.on('error', fail)
    if (options.signal?.aborted) abort()
    else options.signal?.addEventListener('abort', abort, { once: true })
    if (secure) socket.once('connect', () => (connected = true))
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timeout)
      options.signal?.removeEventListener('abort', abort)
      socket.removeAllListeners('error')
      resolve(new NodeSocket(socket, plain))
    })
  })
}

/** The machine's network. */
export const nodeNet: Net = { listen, connect, httpGet }
