/**
 * A connection without a wire: requests go to the handlers as they are, record bytes are handed over.
 *
 * The same handlers run as for sockets, with the same defaults, versions and checks (`completeRequest`). A request
 * takes effect inside `send`, in the order of the calls; each answer comes when it is ready, so that a long poll
 * holds up nobody.
 */
import { MillraceError } from '../core/errors.ts'
import { type Clock, within } from '../platform/clock.ts'
import { completeRequest } from '../protocol/codec/request.ts'
import { completeResponse } from '../protocol/codec/response.ts'
import type { Connection, SendOptions } from '../protocol/connection.ts'
import type { AnyApi, RequestInput, ResponseOf } from '../protocol/schema/message.ts'
import type { Dispatcher } from './dispatcher.ts'
import { type Answer, type Handler, hangUp, noAnswer } from './handlers/handler.ts'
import { type Authorizer, type ConnectionInfo, RequestContext } from './request-context.ts'

export interface InProcessOptions {
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly authorizer: Authorizer
  readonly info: ConnectionInfo
  readonly clientId: string | null
  readonly closed: (connection: InProcessConnection) => void
}

export class InProcessConnection implements Connection {
  private readonly options: InProcessOptions
  private ended = false
  /** Rejects requests that wait, when the connection ends. */
  private readonly waiting = new Set<(error: MillraceError) => void>()

  constructor(options: InProcessOptions) {
    this.options = options
  }

  get closed(): boolean {
    return this.ended
  }

  async send<A extends AnyApi>(
    api: A,
    request: RequestInput<A>,
    options: SendOptions = {},
  ): Promise<ResponseOf<A>> {
    if (this.ended) throw new MillraceError('MR_CLOSED', 'the connection to the broker is closed')
    const { authorizer, clientId, dispatcher, info } = this.options
    const { handler, version } = this.choose(api, options.version)
    const body = completeRequest(api, version, request)
    const context = new RequestContext(info, version, clientId, authorizer)
    const answer = dispatcher.run(handler, context, body)
    const settled = answer instanceof Promise ? await this.wait(api, answer, options.timeoutMs) : answer
    if (settled === hangUp) throw await this.hangUp(api)
    const fields = settled === noAnswer ? {} : settled
    return completeResponse(api, version, fields as never)
  }

  async close(): Promise<void> {
    this.end(new MillraceError('MR_CLOSED', 'the connection to the broker was closed'))
  }

  /** The broker closes. */
  lose(): void {
    this.end(new MillraceError('MR_CONNECTION_LOST', 'the broker of this process closed'))
  }

  private choose(api: AnyApi, asked: number | undefined): { handler: Handler; version: number } {
    const handler = this.options.dispatcher.handlerOf(api.key)
    const version = asked ?? Math.min(api.versions[1], handler?.versions[1] ?? -1)
    if (handler === undefined || version < handler.versions[0] || version > handler.versions[1]) {
      throw new MillraceError(
        'MR_PROTOCOL_VERSION_UNSUPPORTED',
        `the broker does not serve ${api.name}${asked === undefined ? '' : ` v${asked}`}`,
        { context: { api: api.name, version } },
      )
    }
    return { handler, version }
  }

  private async wait(
    api: AnyApi,
    answer: Promise<Answer<AnyApi>>,
    timeoutMs: number | undefined,
  ): Promise<Answer<AnyApi>> {
    let reject: (error: MillraceError) => void = () => {}
    const lost = new Promise<never>((_, rejected) => {
      reject = rejected
    })
    this.waiting.add(reject)
    try {
      const first = Promise.race([answer, lost])
      if (timeoutMs === undefined) return await first
      return await within(this.options.clock, timeoutMs, `an answer to ${api.name}`, first)
    } finally {
      this.waiting.delete(reject)
    }
  }

  /** As over a socket: a request that failed inside the broker ends the connection. */
  private async hangUp(api: AnyApi): Promise<MillraceError> {
    const error = new MillraceError('MR_CONNECTION_LOST', `the broker ended the connection on ${api.name}`)
    this.end(error)
    return error
  }

  private end(error: MillraceError): void {
    if (this.ended) return
    this.ended = true
    for (const reject of [...this.waiting]) reject(error)
    this.options.closed(this)
  }
}
