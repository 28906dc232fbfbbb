/**
 * The login of one connection (KIP-43, KIP-152), and its repetition (KIP-368).
 *
 *   fresh ── SaslHandshake v1 ──► exchanging ── right ──► done ── SaslHandshake ──► exchanging (again)
 *     │                             │   ▲                                              │
 *     └─ SaslHandshake v0 ─► tokens ┘   └─ SaslAuthenticate, until the mechanism ends ─┘
 *                                   └─ wrong ──► failed: answered late, then the connection ends
 *
 * 1. Before `done` only ApiVersions, SaslHandshake and SaslAuthenticate are taken; anything else ends the connection.
 * 2. After a handshake of version 0 the client sends bare tokens, each a frame without a header.
 * 3. A repeated login must be by the same mechanism for the same user, and not more than once a second.
 * 4. When the session has expired everything but a new login ends the connection.
 *
 * It must never say which part of a wrong login was wrong, nor answer it at once.
 */
import { type Clock, sleep } from '../../../platform/clock.ts'
import { apiVersions } from '../../../protocol/apis/api-versions.ts'
import { saslAuthenticate } from '../../../protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../../../protocol/apis/sasl-handshake.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import type { ResponseInput } from '../../../protocol/schema/message.ts'
import { failed, type SaslExchange, type SaslStep } from './exchange.ts'

/** Two logins of one connection are at least so far apart. */
const LOGIN_AGAIN_MS_MIN = 1000

export interface SaslLoginOptions {
  readonly clock: Clock
  /** By name, in the order in which they are offered. */
  readonly mechanisms: ReadonlyMap<string, () => SaslExchange>
  /** How long an answer to a wrong login waits. */
  readonly failureDelayMs: number
  /** How long a login holds; 0 for as long as the credentials do. */
  readonly sessionMsMax: number
  /** Somebody has logged in: called each time. */
  readonly loggedIn: (user: string) => void
  readonly refused: (mechanism: string, text: string) => void
}

type State = 'fresh' | 'exchanging' | 'tokens' | 'done' | 'failed'

export class SaslLogin {
  private readonly options: SaslLoginOptions
  private state: State = 'fresh'
  private mechanism = ''
  private exchange: SaslExchange | undefined
  /** Who logged in, once somebody has. */
  private user: string | undefined
  private lastLoginMs = Number.NEGATIVE_INFINITY
  private expiresMs = Number.POSITIVE_INFINITY

  constructor(options: SaslLoginOptions) {
    this.options = options
  }

  /** Is somebody logged in, or about to log in again? */
  get isDone(): boolean {
    return this.user !== undefined
  }

  get hasFailed(): boolean {
    return this.state === 'failed'
  }

  /** The next frame is a bare token. */
  get expectsToken(): boolean {
    return this.state === 'tokens'
  }

  /** Why a request may not be served now; undefined when it may. */
  refusal(apiKey: number): string | undefined {
    if (apiKey === saslHandshake.key || apiKey === saslAuthenticate.key) return undefined
    if (this.user === undefined) {
      return apiKey === apiVersions.key ? undefined : 'it asked for something before it logged in'
    }
    return this.options.clock.monotonicMs() < this.expiresMs ? undefined : 'its session has expired'
  }

  handshake(mechanism: string, version: number): ResponseInput<typeof saslHandshake> {
    const { clock, mechanisms } = this.options
    const nowMs = clock.monotonicMs()
    const tooSoon = this.state === 'done' && nowMs - this.lastLoginMs < LOGIN_AGAIN_MS_MIN
    if (tooSoon || (this.state !== 'fresh' && this.state !== 'done')) {
      return { errorCode: ErrorCodes.ILLEGAL_SASL_STATE, mechanisms: [] }
    }
    const make = mechanisms.get(mechanism)
    const names = [...mechanisms.keys()]
    if (make === undefined) {
      this.fail(mechanism, 'the mechanism is not offered')
      return { errorCode: ErrorCodes.UNSUPPORTED_SASL_MECHANISM, mechanisms: names }
    }
    const other = this.isDone && mechanism !== this.mechanism
    this.exchange = other ? otherMechanism : make()
    this.mechanism = mechanism
    this.lastLoginMs = nowMs
    this.state = version === 0 ? 'tokens' : 'exchanging'
    return { errorCode: ErrorCodes.NONE, mechanisms: names }
  }

  async authenticate(bytes: Buffer): Promise<ResponseInput<typeof saslAuthenticate>> {
    if (this.state !== 'exchanging') {
      const errorMessage = 'SaslAuthenticate request received after successful authentication'
      return { errorCode: ErrorCodes.ILLEGAL_SASL_STATE, errorMessage, authBytes: nothing }
    }
    const { clock, failureDelayMs } = this.options
    const step = await this.step(bytes)
    if (step.kind === 'failed') {
      await sleep(clock, failureDelayMs)
      return { errorCode: ErrorCodes.SASL_AUTHENTICATION_FAILED, errorMessage: step.text, authBytes: nothing }
    }
    return {
      errorCode: ErrorCodes.NONE,
      errorMessage: null,
      authBytes: step.bytes,
      sessionLifetimeMs: step.kind === 'done' ? BigInt(this.sessionMs(step.expiresMs)) : 0n,
    }
  }

  /** A bare token: what to answer, or undefined when the connection has to end. */
  async token(bytes: Buffer): Promise<Buffer | undefined> {
    const step = await this.step(bytes)
    if (step.kind !== 'failed') return step.bytes
    await sleep(this.options.clock, this.options.failureDelayMs)
    return undefined
  }

  private async step(bytes: Buffer): Promise<SaslStep> {
    const given = await this.exchange!.step(bytes)
    const before = this.user
    const changed = given.kind === 'done' && before !== undefined && given.user !== before
    const step = changed ? otherUser : given
    if (step.kind === 'failed') this.fail(this.mechanism, step.text)
    if (step.kind !== 'done') return step
    const sessionMs = this.sessionMs(step.expiresMs)
    this.state = 'done'
    this.exchange = undefined
    this.user = step.user
    const ends = this.options.sessionMsMax > 0 || step.expiresMs !== undefined
    this.expiresMs = ends ? this.options.clock.monotonicMs() + sessionMs : Number.POSITIVE_INFINITY
    this.options.loggedIn(step.user)
    return step
  }

  /** How long the login holds; 0 for ever. */
  private sessionMs(credentialsExpireMs: number | undefined): number {
    const { clock, sessionMsMax } = this.options
    const leftMs = (credentialsExpireMs ?? Number.POSITIVE_INFINITY) - clock.nowMs()
    const ms = Math.min(leftMs, sessionMsMax > 0 ? sessionMsMax : Number.POSITIVE_INFINITY)
    return ms === Number.POSITIVE_INFINITY ? 0 : Math.max(0, Math.floor(ms))
  }

  private fail(mechanism: string, text: string): void {
    this.state = 'failed'
    this.options.refused(mechanism, text)
  }
}

const nothing: Buffer = Buffer.alloc(0)
const otherUser = failed('Cannot change principals during re-authentication')
const otherMechanism: SaslExchange = {
  step: () => failed('Cannot change the SASL mechanism during re-authentication'),
}
