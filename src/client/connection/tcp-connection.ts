/**
 * A connection to a broker over a stream socket.
 *
 * 1. Requests are written at once, one after the other (pipelining); a queue keeps what each waits for.
 * 2. A broker answers in order, so the next frame belongs to the head of the queue; its correlation id confirms it.
 * 3. Every request has a deadline. When one passes, nothing behind it can be answered in time either: the request
 *    fails with MR_TIMEOUT, the connection is closed, and the others fail with MR_CONNECTION_LOST.
 * 4. Before it is handed out, a connection agrees on versions and lets the user log in (`handshake.ts`).
 * 5. When the login is about to end (KIP-368), the user logs in again as soon as no request is open. If that does not
 *    come about by itself, new requests are held back for it well before the end, and sent afterwards in their order:
 *    a broker ends a connection over which anything else comes too late.
 *
 * Source: Kafka protocol guide; KIP-35, KIP-511. Never: send a request twice, or answer one out of order.
 */
import { ByteReader } from '../../core/byte-reader.ts'
import { isMillraceError, MillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Socket } from '../../platform/net.ts'
import { type BrokerVersions, decodeApiVersionsResponse } from '../../protocol/api-versions.ts'
import { apiVersions } from '../../protocol/apis/api-versions.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { saslAuthenticate } from '../../protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../../protocol/apis/sasl-handshake.ts'
import { encodeRequestChunks } from '../../protocol/codec/request.ts'
import { decodeResponse, decodeResponseHeader } from '../../protocol/codec/response.ts'
import type { SendOptions } from '../../protocol/connection.ts'
import type { AnyApi, RequestInput, ResponseOf } from '../../protocol/schema/message.ts'
import { Alarm } from '../alarm.ts'
import { closedError } from '../errors.ts'
import { FrameReader } from './frame-reader.ts'
import type { Authenticate } from './handshake.ts'
import type { NegotiatedConnection } from './negotiated.ts'

/** Kafka's fetch.max.bytes with room for one batch that is larger. */
const RESPONSE_BYTES_MAX = 128 * 1024 * 1024
/** Requests that may wait for their answers on one connection. */
const REQUESTS_OPEN_MAX = 1024
/** A login is repeated after so much of its time, at the earliest and at the latest; as Java's client does it. */
const LOGIN_AGAIN_FROM = 0.85
const LOGIN_AGAIN_UNTIL = 0.95
/** Bytes that may wait for the operating system. */
const QUEUED_BYTES_MAX = 256 * 1024 * 1024

export interface TcpConnectionOptions {
  readonly socket: Socket
  readonly clock: Clock
  readonly clientId: string
  /** `host:port`. */
  readonly broker: string
  readonly requestTimeoutMs: number
  /** From 0 to 1: how early in its time a login is repeated, so that connections do not do it at once. */
  readonly chance?: number
}

interface OpenRequest {
  readonly api: AnyApi
  readonly version: number
  readonly correlationId: number
  readonly sentMs: number
  readonly deadlineMs: number
  readonly resolve: (response: never) => void
  readonly reject: (error: MillraceError) => void
}

interface HeldRequest {
  send(): void
  reject(error: MillraceError): void
}

const emptyProduceResponse: ResponseOf<typeof produce> = {
  responses: [],
  throttleTimeMs: 0,
  nodeEndpoints: [],
}

export class TcpConnection implements NegotiatedConnection {
  readonly broker: string
  readonly remote = true
  closed = false
  /** Called once when the connection has ended. */
  onClosed: (() => void) | undefined
  private readonly options: TcpConnectionOptions
  private readonly frames: FrameReader
  private readonly open: OpenRequest[] = []
  private agreed: BrokerVersions | undefined
  private nextCorrelationId = 1
  private readonly deadline: Alarm
  private readonly loginEnds: Alarm
  private authenticate: Authenticate | undefined
  /** Requests that wait for another login; undefined while none is due. */
  private heldBack: HeldRequest[] | undefined
  private loggingIn = false
  private loginDue = false
  /** From then on nothing new is sent before another login. */
  private holdBackMs = Number.POSITIVE_INFINITY

  /** Takes a socket in the turn in which it was handed over. */
  constructor(options: TcpConnectionOptions) {
    this.options = options
    this.broker = options.broker
    this.deadline = new Alarm(options.clock, () => this.checkDeadlines())
    this.loginEnds = new Alarm(options.clock, () => this.loginIsDue())
    this.frames = new FrameReader(RESPONSE_BYTES_MAX, (frame) => this.receive(frame))
    options.socket.start({
      data: (bytes) => this.take(bytes),
      drain: () => {},
      close: (error) => this.end(lost(this.broker, error)),
    })
  }

  get versions(): BrokerVersions {
    invariant(this.agreed !== undefined, 'versions are agreed on before a connection is used')
    return this.agreed
  }

  /** What the handshake found out. */
  set versions(versions: BrokerVersions) {
    this.agreed = versions
  }

  /** Logs in, and again whenever the login is about to end. @throws what `authenticate` throws */
  async logIn(authenticate: Authenticate): Promise<void> {
    this.authenticate = authenticate
    const lifetimeMs = (await authenticate(this))?.sessionLifetimeMs ?? 0
    if (lifetimeMs <= 0 || this.closed) return
    const { chance = 0.5, clock } = this.options
    const part = LOGIN_AGAIN_FROM + (LOGIN_AGAIN_UNTIL - LOGIN_AGAIN_FROM) * chance
    this.loginEnds.cancel()
    this.loginDue = false
    const leftMs = lifetimeMs * (1 - part)
    const endMs = clock.monotonicMs() + lifetimeMs
    this.holdBackMs = endMs - leftMs / 2
    this.loginEnds.at(endMs - leftMs)
  }

  send<A extends AnyApi>(
    api: A,
    request: RequestInput<A>,
    options: SendOptions = {},
  ): Promise<ResponseOf<A>> {
    const { heldBack } = this
    if (heldBack !== undefined && !this.closed && !isLogin(api)) {
      if (heldBack.length >= REQUESTS_OPEN_MAX) return Promise.reject(this.tooMuch(api))
      return new Promise((resolve, reject) => {
        heldBack.push({ send: () => resolve(this.send(api, request, options)), reject })
      })
    }
    return new Promise<ResponseOf<A>>((resolve, reject) => {
      if (this.closed) throw closedError(`the connection to ${this.broker}`)
      this.checkLimits(api)
      const version = options.version ?? this.versions.choose(api)
      const correlationId = this.nextCorrelationId
      this.nextCorrelationId = (this.nextCorrelationId + 1) & 0x7fff_ffff
      const { clientId, socket } = this.options
      socket.writeAll(encodeRequestChunks(api, version, { correlationId, clientId }, request))
      if (isUnanswered(api, request)) {
        resolve(emptyProduceResponse as unknown as ResponseOf<A>)
        return
      }
      const sentMs = this.options.clock.monotonicMs()
      const deadlineMs = sentMs + (options.timeoutMs ?? this.options.requestTimeoutMs)
      this.open.push({ api, version, correlationId, sentMs, deadlineMs, resolve, reject })
      this.deadline.at(deadlineMs)
    })
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.options.socket.destroy()
    this.end(closedError(`the connection to ${this.broker}`))
  }

  /** Comes twice: some time before the session ends, and nearer to its end if there was no quiet moment until then. */
  private loginIsDue(): void {
    if (this.loginDue) this.heldBack ??= []
    else this.loginEnds.at(this.holdBackMs)
    this.loginDue = true
    this.logInAgain()
  }

  /** Logs in if no request is open; those that come meanwhile wait. */
  private logInAgain(): void {
    if (this.closed || this.loggingIn || this.open.length > 0) return
    this.heldBack ??= []
    this.loggingIn = true
    this.logIn(this.authenticate!).then(
      () => {
        this.loggingIn = false
        this.loginDue = false
        const waiting = this.heldBack ?? []
        this.heldBack = undefined
        for (const { send } of waiting) send()
      },
      (error: unknown) => this.fail(error instanceof MillraceError ? error : lost(this.broker, error)),
    )
  }

  private checkLimits(api: AnyApi): void {
    if (this.open.length < REQUESTS_OPEN_MAX && this.options.socket.queuedBytes() < QUEUED_BYTES_MAX) return
    throw this.tooMuch(api)
  }

  private tooMuch(api: AnyApi): MillraceError {
    return new MillraceError('MR_LIMIT', `too much waits on the connection to ${this.broker}`, {
      context: {
        api: api.name,
        openRequests: this.open.length,
        queuedBytes: this.options.socket.queuedBytes(),
      },
      where: this.broker,
      hint: 'Await answers before more is asked for; or the broker or the network is too slow.',
      retriable: true,
    })
  }

  private take(bytes: Buffer): void {
    if (this.closed) return
    try {
      this.frames.push(bytes)
    } catch (error) {
      this.fail(error instanceof MillraceError ? error : lost(this.broker, error))
    }
  }

  private receive(frame: Buffer): void {
    if (this.closed) return
    const request = this.open[0]
    if (request === undefined) throw unexpected(this.broker, 'an answer came that nothing waits for')
    const reader = new ByteReader(frame)
    const { api, version } = request
    const correlationId = decodeResponseHeader(api, version, reader)
    if (correlationId !== request.correlationId) {
      throw unexpected(this.broker, `an answer has number ${correlationId}, not ${request.correlationId}`)
    }
    const response =
      api.key === apiVersions.key
        ? decodeApiVersionsResponse(version, reader)
        : decodeResponse(api, version, reader)
    this.open.shift()
    request.resolve(response as never)
    if (this.loginDue) this.logInAgain()
  }

  private checkDeadlines(): void {
    const nowMs = this.options.clock.monotonicMs()
    const late = this.open.find((request) => request.deadlineMs <= nowMs)
    if (late !== undefined) {
      late.reject(timedOut(this.broker, late, nowMs))
      this.fail(lost(this.broker, new Error(`${late.api.name} was not answered in time`)))
      return
    }
    if (this.open.length > 0) this.deadline.at(Math.min(...this.open.map((request) => request.deadlineMs)))
  }

  /** Gives the connection up: what comes over it cannot be trusted any more. */
  private fail(error: MillraceError): void {
    if (this.closed) return
    this.options.socket.destroy()
    this.end(error)
  }

  private end(error: MillraceError): void {
    if (this.closed) return
    this.closed = true
    this.deadline.cancel()
    this.loginEnds.cancel()
    for (const request of this.open.splice(0)) request.reject(error)
    for (const { reject } of this.heldBack?.splice(0) ?? []) reject(error)
    this.onClosed?.()
  }
}

function isUnanswered(api: AnyApi, request: unknown): boolean {
  return api.key === produce.key && (request as RequestInput<typeof produce>).acks === 0
}

const isLogin = ({ key }: AnyApi): boolean => key === saslHandshake.key || key === saslAuthenticate.key

function lost(broker: string, cause: unknown): MillraceError {
  // That TLS was refused is no accident of the network.
  if (isMillraceError(cause, 'MR_TLS_FAILED')) return cause
  return new MillraceError('MR_CONNECTION_LOST', `the connection to ${broker} ended before the answer came`, {
    where: broker,
    hint: 'Look whether the broker runs and what its log says; what was asked for may have been done all the same. A listener that asks for a login (sasl) ends connections without one.',
    ...(cause === undefined ? {} : { cause }),
  })
}

function unexpected(broker: string, what: string): MillraceError {
  return new MillraceError('MR_PROTOCOL_REQUEST_INVALID', what, {
    where: broker,
    hint: "Check that the port is a broker's and that nothing between changes what is sent.",
  })
}

function timedOut(broker: string, request: OpenRequest, nowMs: number): MillraceError {
  const waitedMs = Math.round(nowMs - request.sentMs)
  return new MillraceError(
    'MR_TIMEOUT',
    `${broker} did not answer ${request.api.name} v${request.version} within ${waitedMs} ms`,
    {
      where: broker,
      hint: 'Look at the load of the broker and at the network, or allow more time.',
      context: { api: request.api.name, version: request.version, waitedMs },
    },
  )
}
