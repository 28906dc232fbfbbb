/**
 * Who did what to what belongs to everybody, and who was not allowed to: a line each in the broker's log, with `audit`
 * saying what it is.
 *
 *   {"audit":"topics.create","user":"User:alice","host":"10.0.0.7","listener":"SASL_SSL","client":"cli",
 *    "resource":"topic:orders","outcome":"done","partitions":4}
 *   {"audit":"denied","user":"User:bob",…,"resource":"topic:salaries","operation":"read","api":"Fetch"}
 *
 * 1. Administrative requests (`administrative-acts.ts`) are told with their outcome: done, refused (no right) or failed.
 * 2. A denial is told where it made a request, or a part of it, fail; a list that leaves out what somebody may not see
 *    denies nothing.
 * 3. The same denial is told once a minute, with how often it came since; and there is a limit for all together, so
 *    that nobody can fill a disk with what they are refused.
 */
import type { Logger } from '../../../core/logger.ts'
import type { Clock } from '../../../platform/clock.ts'
import { ErrorCodes, errorKindOf } from '../../../protocol/error-codes.ts'
import type { AnyApi } from '../../../protocol/schema/message.ts'
import type { Answer, Handler } from '../../handlers/handler.ts'
import { hangUp, noAnswer } from '../../handlers/handler.ts'
import { type Denial, internalPrincipal, type RequestContext } from '../../request-context.ts'
import { principalText } from '../acls/standard-authorizer.ts'
import { type Act, administrativeActs } from './administrative-acts.ts'

const SAME_AGAIN_MS = 60_000
const SAME_MAX = 1000
const LINES_PER_SECOND_MAX = 100

const refusals: ReadonlySet<number> = new Set([
  ErrorCodes.TOPIC_AUTHORIZATION_FAILED,
  ErrorCodes.GROUP_AUTHORIZATION_FAILED,
  ErrorCodes.CLUSTER_AUTHORIZATION_FAILED,
  ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
])

interface Told {
  readonly sinceMs: number
  again: number
}

export class AuditLog {
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly told = new Map<string, Told>()
  private secondSinceMs = 0
  private linesInSecond = 0
  private leftOut = 0

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock
    this.logger = logger
  }

  /** A request was answered. */
  answered(handler: Handler, context: RequestContext, request: unknown, answer: Answer<AnyApi>): void {
    const acts = administrativeActs.get(handler.api.key)
    if (acts !== undefined) {
      if (answer === hangUp || answer === noAnswer) return
      for (const act of acts(request as never, answer as never)) this.act(context, act)
      return
    }
    const { denials } = context
    if (denials === undefined || !(answer === hangUp || mentionsRefusal(answer))) return
    for (const denial of toldDenials(denials)) this.denied(handler, context, denial)
  }

  /** Something was done, or tried, that everybody feels. */
  act(context: RequestContext, { audit, details, errorCode, frequent, resource }: Act): void {
    if (frequent === true && context.principal === internalPrincipal) return
    const refused = refusals.has(errorCode)
    const outcome = errorCode === ErrorCodes.NONE ? 'done' : refused ? 'refused' : 'failed'
    const error = errorCode === ErrorCodes.NONE ? {} : { error: errorKindOf(errorCode).name }
    const fields = { audit, ...whoOf(context), resource, outcome, ...error, ...details }
    // What was done is always told; what was not may be tried without end.
    if (outcome === 'done' && frequent !== true) this.logger.info(fields, 'audit')
    else this.limited(`${audit} ${resource} ${outcome}`, context, fields)
  }

  private denied({ api }: Handler, context: RequestContext, { operation, resource }: Denial): void {
    const named = `${resource.type}:${resource.name}`
    const fields = { audit: 'denied', ...whoOf(context), resource: named, operation, api: api.name }
    this.limited(`denied ${named} ${operation}`, context, fields)
  }

  private limited(what: string, context: RequestContext, fields: Readonly<Record<string, unknown>>): void {
    const nowMs = this.clock.monotonicMs()
    const key = `${principalText(context.principal)} ${context.connection.clientHost} ${what}`
    const before = this.told.get(key)
    if (before !== undefined && nowMs - before.sinceMs < SAME_AGAIN_MS) {
      before.again++
      return
    }
    if (nowMs - this.secondSinceMs >= 1000) {
      this.secondSinceMs = nowMs
      this.linesInSecond = 0
    }
    if (this.linesInSecond >= LINES_PER_SECOND_MAX) {
      this.leftOut++
      return
    }
    this.linesInSecond++
    if (this.told.size >= SAME_MAX) this.told.clear()
    this.told.set(key, { sinceMs: nowMs, again: 0 })
    const again = before === undefined || before.again === 0 ? {} : { again: before.again }
    const leftOut = this.leftOut === 0 ? {} : { leftOut: this.leftOut }
    this.leftOut = 0
    this.logger.info({ ...fields, ...again, ...leftOut }, 'audit')
  }
}

function whoOf({ clientId, connection, principal }: RequestContext): Readonly<Record<string, unknown>> {
  const { clientHost, listener } = connection
  return { user: principalText(principal), host: clientHost, listener, client: clientId }
}

/** A right on the whole cluster that was missing matters only where no other right was asked for instead. */
function toldDenials(denials: readonly Denial[]): readonly Denial[] {
  const own = denials.filter(({ resource }) => resource.type !== 'cluster')
  return own.length > 0 ? own : denials
}

/** Whether an answer, or a part of it, is that somebody has no right. */
function mentionsRefusal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return false
  if (Array.isArray(value)) return value.some(mentionsRefusal)
  return Object.entries(value).some(([name, part]) =>
    name === 'errorCode' ? refusals.has(part as number) : mentionsRefusal(part),
  )
}
