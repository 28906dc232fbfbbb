/** Stream sockets. */

export interface SocketEvents {
  /** Bytes came. The view is valid only during the call unless the socket says otherwise: copy to keep. */
  data(bytes: Buffer): void
  /** After `write` answered false: what was queued is gone. */
  drain(): void
  /** The last event. `error` is undefined after an orderly end. */
  close(error: Error | undefined): void
}

export interface Socket {
  /** `address:port` of the other side. */
  readonly remote: string
  /** Must be called once, in the turn in which the socket was handed over. */
  start(events: SocketEvents): void
  /** Queues bytes, which must not be changed afterwards. False asks to wait for `drain`. */
  write(bytes: Uint8Array): boolean
  /** Bytes queued and not yet taken by the operating system. */
  queuedBytes(): number
  /** Stops `data` events; the other side is slowed down by TCP. */
  pause(): void
  resume(): void
  /** Sends what is queued, then closes. */
  end(): void
  /** Closes at once. */
  destroy(): void
}

export interface NetServer {
  readonly host: string
  readonly port: number
  /** Stops accepting; open sockets stay open. */
  close(): Promise<void>
}

export interface ListenOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
}

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
}

export interface Net {
  /** @throws MR_PORT_IN_USE */
  listen(options: ListenOptions, accept: (socket: Socket) => void): Promise<NetServer>
  /** @throws MR_BROKER_UNREACHABLE */
  connect(options: ConnectOptions): Promise<Socket>
}
