/**
 * One client's socket: bytes in, answers out.
 *
 * 1. Bytes are cut into frames; each is decoded and run at once, in the order of arrival.
 * 2. Each request has a place in the answer queue; answers go out in order, however they come.
 * 3. Reading stops, each for its reason, while too many requests wait, while the peer does not take its answers,
 *    while the memory for arriving requests is used up, while a login is checked, and while the client has to
 *    wait for its quota. TCP slows the client down.
 * 4. What cannot be read, or asks for an API or version that is not served, ends the connection, as in Kafka;
 *    only ApiVersions answers an unknown version (KIP-511).
 *
 * 5. Where clients log in (`security/sasl/sasl-login.ts`), nothing else is served before they have.
 *
 * It must never let one client hold memory without a limit, nor run two handlers at a time.
 */
import { ByteReader } from '../../core/byte-reader.ts'
import { messageOf } from '../../core/errors.ts'
import type { Timer } from '../../platform/clock.ts'
import type { Socket } from '../../platform/net.ts'
import { apiVersions } from '../../protocol/apis/api-versions.ts'
import { saslAuthenticate } from '../../protocol/apis/sasl-authenticate.ts'
import { decodeRequest } from '../../protocol/codec/request.ts'
import { type DecodedRequestHeader, decodeRequestHeader } from '../../protocol/codec/request-header.ts'
import { encodeResponseChunks } from '../../protocol/codec/response.ts'
import type { AnyApi } from '../../protocol/schema/message.ts'
import { unsupportedApiVersions } from '../handlers/18-api-versions.ts'
import { type Answer, hangUp, noAnswer } from '../handlers/handler.ts'
import { type ConnectionInfo, internalPrincipal, RequestContext } from '../request-context.ts'
import type { SaslLogin } from '../security/sasl/sasl-login.ts'
import { type AnswerPlace, AnswerQueue } from './answer-queue.ts'
import { Charge, withThrottleTime } from './charge.ts'
import { FrameAssembler } from './frame-assembler.ts'
import type { ListenerShared } from './listener-shared.ts'

/** Why a socket is not read at the moment: bits. */
const WAITING_FOR_ANSWERS = 1
const PEER_IS_SLOW = 2
const NO_MEMORY = 4
const LOGGING_IN = 8
const OVER_QUOTA = 16
const LENGTH_BYTES = 4

export class ClientConnection {
  readonly info: ConnectionInfo
  private readonly socket: Socket
  private readonly shared: ListenerShared
  private readonly assembler: FrameAssembler
  private readonly answers = new AnswerQueue()
  private paused = 0
  private closed = false
  /** True while `process` runs: an answer that is ready at once is sent at the end of the burst. */
  private processing = false
  private lastActiveMs: number
  private frameSinceMs: number | undefined
  private stalledSinceMs: number | undefined
  private readonly openedMs: number
  private quotaWait: Timer | undefined

  constructor(socket: Socket, info: ConnectionInfo, shared: ListenerShared) {
    this.socket = socket
    this.info = info
    this.shared = shared
    const { clock, settings } = shared
    const inside = info.login === undefined
    this.assembler = new FrameAssembler(
      settings[inside ? 'socket.request.max.bytes' : 'sasl.server.max.receive.size'],
    )
    this.openedMs = clock.monotonicMs()
    this.lastActiveMs = this.openedMs
    socket.start({
      data: (bytes) => this.receive(bytes),
      drain: () => this.drained(),
      close: () => this.end(),
    })
  }

  /** Requests that wait for their answer. */
  get inFlight(): number {
    return this.answers.length
  }

  /** Closes what is silent, sends half a request, or does not read its answers. */
  checkTimes(nowMs: number): void {
    const { settings } = this.shared
    const over = (sinceMs: number | undefined, limitMs: number): boolean =>
      sinceMs !== undefined && nowMs - sinceMs > limitMs
    const outside = this.info.login?.isDone === false
    if (outside && over(this.openedMs, settings['connection.authentication.timeout.ms'])) {
      this.cut('it did not log in in time')
    } else if (over(this.stalledSinceMs, settings['connection.write.stall.timeout.ms'])) {
      this.cut('it does not read its answers')
    } else if (this.paused === 0 && over(this.frameSinceMs, settings['request.receive.timeout.ms'])) {
      this.cut('a request did not arrive whole in time')
    } else if (
      this.inFlight === 0 &&
      this.quotaWait === undefined &&
      over(this.lastActiveMs, settings['connections.max.idle.ms'])
    ) {
      this.cut('it was idle')
    }
  }

  /** Sends what is ready, then closes. */
  finish(): void {
    this.flush()
    this.end()
    this.socket.end()
  }

  destroy(): void {
    this.end()
    this.socket.destroy()
  }

  /** Memory for arriving requests is there again. */
  budgetFreed(): void {
    this.resume(NO_MEMORY)
  }

  private receive(bytes: Buffer): void {
    if (this.closed) return
    this.lastActiveMs = this.shared.clock.monotonicMs()
    this.assembler.push(bytes)
    this.process()
  }

  private process(): void {
    const { assembler, shared } = this
    this.processing = true
    try {
      while (this.paused === 0 && !this.closed) {
        const frame = assembler.next()
        if (frame === undefined) break
        this.frameSinceMs = undefined
        this.handle(frame)
        if (this.inFlight >= shared.settings['max.in.flight.requests.per.connection']) {
          this.flush()
          if (this.inFlight > 0) this.pause(WAITING_FOR_ANSWERS)
        }
      }
    } catch (error) {
      this.cut(messageOf(error))
    } finally {
      this.processing = false
    }
    if (this.closed) return
    assembler.keep()
    if (assembler.isMidFrame) this.frameSinceMs ??= this.lastActiveMs
    shared.requestBudget.hold(this, assembler.heldBytes)
    if (assembler.heldBytes > 0 && !shared.requestBudget.admit(this)) this.pause(NO_MEMORY)
    this.flush()
  }

  private handle(frame: Buffer): void {
    const { dispatcher, readMemory, security } = this.shared
    const { login } = this.info
    if (login?.expectsToken === true) {
      this.takeToken(login, frame)
      return
    }
    const reader = new ByteReader(frame)
    const header = decodeRequestHeader(reader)
    const { api, version } = header
    const refusal = login?.refusal(api.key)
    if (refusal !== undefined) {
      this.cut(refusal)
      return
    }
    const place = this.answers.open()
    const handler = dispatcher.handlerOf(api.key)
    if (handler === undefined || version < handler.versions[0] || version > handler.versions[1]) {
      if (api === apiVersions)
        this.settle(place, { ...header, version: 0 }, unsupportedApiVersions(dispatcher.apis))
      else this.cut(`${api.name} v${version} is not served`)
      return
    }
    const request = decodeRequest(api, version, reader)
    const context = new RequestContext(this.info, version, header.clientId, security.authorizer, readMemory)
    const metered = security.quotas.inForce && context.principal !== internalPrincipal
    const charge = metered ? this.charge(context, frame.length) : undefined
    charge?.limit(api, request)
    const answer = dispatcher.run(handler, context, request)
    charge?.ran()
    if (answer instanceof Promise) {
      if (api === saslAuthenticate && login !== undefined) this.pause(LOGGING_IN)
      void answer.then((later) => {
        this.settle(place, header, this.charged(charge, api, later))
        if (!this.processing) this.flush()
        if (api === saslAuthenticate && login !== undefined) this.goOn(login)
      })
    } else {
      this.settle(place, header, this.charged(charge, api, answer))
      // A mechanism that is not offered: told, then the connection ends.
      if (login?.hasFailed === true) this.goOn(login)
    }
  }

  /** A token without a header, after a handshake of version 0. */
  private takeToken(login: SaslLogin, frame: Buffer): void {
    const place = this.answers.open()
    this.pause(LOGGING_IN)
    void login.token(Buffer.from(frame)).then(
      (bytes) => {
        if (this.closed) return
        if (bytes === undefined) {
          this.answers.settle(place)
        } else {
          const length = Buffer.alloc(LENGTH_BYTES)
          length.writeInt32BE(bytes.length)
          this.answers.settle(place, [length, bytes])
        }
        this.flush()
        this.goOn(login)
      },
      (error: unknown) => this.cut(messageOf(error)),
    )
  }

  /** After a step of a login: ends the connection, or reads on. */
  private goOn(login: SaslLogin): void {
    if (this.closed) return
    if (login.hasFailed) {
      this.finish()
      return
    }
    if (login.isDone) this.assembler.frameBytesMax = this.shared.settings['socket.request.max.bytes']
    this.resume(LOGGING_IN)
  }

  private charge(context: RequestContext, requestBytes: number): Charge {
    const client = { user: context.principal.name, clientId: context.clientId ?? '' }
    return new Charge(this.shared.security.quotas, { client, clock: this.shared.clock, requestBytes })
  }

  /** The answer with how long the client has to wait, for which it is not read from. */
  private charged(charge: Charge | undefined, api: AnyApi, answer: Answer<AnyApi>): Answer<AnyApi> {
    if (charge === undefined || this.closed) return answer
    const waitMs = charge.waitMs(api, answer)
    if (waitMs === 0) return answer
    this.pause(OVER_QUOTA)
    this.quotaWait?.cancel()
    this.quotaWait = this.shared.clock.after(waitMs, () => {
      this.quotaWait = undefined
      this.lastActiveMs = this.shared.clock.monotonicMs()
      this.resume(OVER_QUOTA)
    })
    return withThrottleTime(api, answer, waitMs)
  }

  private settle(
    place: AnswerPlace,
    { api, version, correlationId }: DecodedRequestHeader,
    answer: Answer<AnyApi>,
  ): void {
    if (this.closed) return
    if (answer === hangUp) {
      this.cut('its request failed')
      return
    }
    if (answer === noAnswer) {
      this.answers.settle(place)
      return
    }
    try {
      this.answers.settle(place, encodeResponseChunks(api, version, correlationId, answer))
    } catch (error) {
      this.shared.logger.error(
        { api: api.name, version, error: messageOf(error) },
        'an answer cannot be sent',
      )
      this.cut('its answer cannot be sent')
    }
  }

  private flush(): void {
    if (this.closed) return
    const room = this.write(this.answers.take())
    if (!room) this.stall()
    this.shared.responseBudget.hold(this, this.answers.readyBytes + (room ? 0 : this.socket.queuedBytes()))
    if (this.inFlight < this.shared.settings['max.in.flight.requests.per.connection']) {
      this.resume(WAITING_FOR_ANSWERS)
    }
  }

  private write(pieces: readonly Buffer[]): boolean {
    const { readMemory } = this.shared
    if (pieces.length === 0) return true
    if (!readMemory.isIn(pieces)) return this.socket.writeAll(pieces)
    return this.socket.writeAll(pieces, () => readMemory.giveBack(pieces))
  }

  private stall(): void {
    this.stalledSinceMs ??= this.shared.clock.monotonicMs()
    this.pause(PEER_IS_SLOW)
  }

  private drained(): void {
    if (this.closed) return
    this.stalledSinceMs = undefined
    this.lastActiveMs = this.shared.clock.monotonicMs()
    this.shared.responseBudget.hold(this, this.answers.readyBytes)
    this.resume(PEER_IS_SLOW)
  }

  private pause(reason: number): void {
    if (this.paused === 0) this.socket.pause()
    this.paused |= reason
  }

  private resume(reason: number): void {
    if ((this.paused & reason) === 0 || this.closed) return
    this.paused &= ~reason
    if (this.paused !== 0) return
    this.socket.resume()
    // Frames may wait in memory. The loop that is running goes on by itself.
    if (!this.processing) this.process()
  }

  private cut(reason: string): void {
    if (this.closed) return
    this.shared.logger.info(
      { client: this.socket.remote, listener: this.info.listener },
      `cut off: ${reason}`,
    )
    this.destroy()
  }

  private end(): void {
    if (this.closed) return
    this.closed = true
    this.quotaWait?.cancel()
    this.shared.requestBudget.release(this)
    this.shared.responseBudget.release(this)
    this.shared.closed(this)
  }
}
