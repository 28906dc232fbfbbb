/**
 * Stream sockets, plain or under TLS.
 *
 * TLS is a parameter of `listen` and `connect`: a socket is handed over after its handshake, and reads and writes
 * plain bytes. The simulated network has no TLS and refuses the parameter.
 */

export interface SocketEvents {
  /** Bytes came. The view is valid only during the call: copy to keep. */
  data(bytes: Buffer): void
  /** After `write` answered false: what was queued is gone. */
  drain(): void
  /** The last event. `error` is undefined after an orderly end. */
  close(error: Error | undefined): void
}

export interface Socket {
  /** `address:port` of the other side. */
  readonly remote: string
  /** The subject of the certificate that the other side proved to have, as RFC 2253 writes it; TLS only. */
  readonly peerName?: string | undefined
  /** Must be called once, in the turn in which the socket was handed over. */
  start(events: SocketEvents): void
  /** Queues bytes, which must not be changed afterwards. False asks to wait for `drain`. */
  write(bytes: Uint8Array): boolean
  /**
   * Queues pieces one after the other, as `write`, and hands them over together. `taken` is called, in a later turn or
   * at once, when the operating system has the bytes and they may change again; never when the connection ends before.
   */
  writeAll(pieces: readonly Uint8Array[], taken?: () => void): boolean
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

/** PEM texts, or PKCS #12 bytes. */
export interface TlsIdentity {
  /** The certificate with those between it and the authority, PEM. */
  readonly cert?: string | Buffer
  /** The private key, PEM. */
  readonly key?: string | Buffer
  /** Certificate and key in one PKCS #12 store. */
  readonly pfx?: Buffer
  readonly passphrase?: string
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

export interface TlsServerOptions extends TlsIdentity {
  /** The authorities whose certificates clients may show, PEM. */
  readonly ca?: string | Buffer
  /** Whether clients have to show a certificate, may do so, or are not asked. */
  readonly clientAuth: 'none' | 'requested' | 'required'
  /** TLS 1.2 if not given. */
  readonly versionMin?: TlsVersion
  readonly versionMax?: TlsVersion
  /** OpenSSL's list of ciphers; Node's if not given. */
  readonly ciphers?: string
  /** How long a handshake may take. */
  readonly handshakeTimeoutMs: number
  /** Connections that may be in their handshake at a time; more are closed at once. */
  readonly handshakesMax: number
  /** Called with the reason when a handshake fails. */
  readonly onRefused?: (remote: string, reason: string) => void
}

export interface TlsClientOptions extends TlsIdentity {
  /** The authorities whose servers are believed, PEM; those of the system if not given. */
  readonly ca?: string | Buffer
  /** The name that the server's certificate must have; the host that is connected to if not given. */
  readonly serverName?: string
  /**
   * False accepts a certificate for another name, as Kafka's empty `ssl.endpoint.identification.algorithm`.
   * The certificate must come from a known authority all the same.
   */
  readonly checkServerName?: boolean
}

export interface ListenOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly tls?: TlsServerOptions
}

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  /** For the connection, with its TLS handshake. */
  readonly timeoutMs: number
  readonly tls?: TlsClientOptions
  /** Gives up at once when it aborts. */
  readonly signal?: AbortSignal
}

export interface HttpGetOptions {
  readonly timeoutMs: number
  /** More bytes are an error. */
  readonly bytesMax: number
}

export interface Net {
  /** @throws MR_PORT_IN_USE, MR_TLS_FAILED for a certificate or key that cannot be used */
  listen(options: ListenOptions, accept: (socket: Socket) => void): Promise<NetServer>
  /** @throws MR_BROKER_UNREACHABLE, MR_TLS_FAILED */
  connect(options: ConnectOptions): Promise<Socket>
  /** What an http or https address gives; redirects are not followed. @throws MR_HTTP_FAILED */
  httpGet(url: string, options: HttpGetOptions): Promise<Buffer>
}
