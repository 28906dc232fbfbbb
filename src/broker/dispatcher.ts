/**
 * Runs the handler of a request and counts it. Both ways in, sockets and in-process connections, end here.
 *
 * A handler answers errors that the protocol knows inside its answer. What it throws is a defect or a refused
 * request: it is logged and ends the connection (`hangUp`).
 */
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Clock } from '../platform/clock.ts'
import type { AnyApi } from '../protocol/schema/message.ts'
import type { BrokerParts } from './broker-parts.ts'
import type { Answer, Handler } from './handlers/handler.ts'
import { hangUp } from './handlers/handler.ts'
import { LatencyHistogram } from './metrics/latency-histogram.ts'
import type { RequestContext } from './request-context.ts'

export interface ApiMetrics {
  readonly name: string
  requests: number
  /** Requests that ended the connection. */
  failures: number
  /** How many requests came in each version. */
  readonly byVersion: number[]
  /** From the request to its answer, waiting included. */
  readonly latency: LatencyHistogram
}

export class Dispatcher {
  private readonly parts: BrokerParts
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly handlers: ReadonlyMap<number, Handler>
  private readonly metrics = new Map<number, ApiMetrics>()

  constructor(parts: BrokerParts, handlers: readonly Handler[]) {
    this.handlers = new Map(handlers.map((handler) => [handler.api.key, handler]))
    this.parts = parts
    this.clock = parts.platform.clock
    this.logger = parts.logger
  }

  get apis(): BrokerParts['apis'] {
    return this.parts.apis
  }

  /** The handler for an API key, or undefined when the broker does not serve it. */
  handlerOf(apiKey: number): Handler | undefined {
    return this.handlers.get(apiKey)
  }

  get apiMetrics(): readonly Readonly<ApiMetrics>[] {
    return [...this.metrics.values()]
  }

  /** `request` is what the protocol's reader or completer made for this handler's API and version. */
  run(handler: Handler, context: RequestContext, request: unknown): Answer<AnyApi> | Promise<Answer<AnyApi>> {
    const metrics = this.metricsOf(handler)
    metrics.requests++
    metrics.byVersion[context.version]!++
    const startMs = this.clock.monotonicMs()
    const done = (answer: Answer<AnyApi>): Answer<AnyApi> => {
      const nowMs = this.clock.monotonicMs()
      metrics.latency.record(nowMs - startMs, nowMs)
      this.parts.security.audit.answered(handler, context, request, answer)
      return answer
    }
    const failed = (error: unknown): typeof hangUp => {
      metrics.failures++
      this.report(handler, context, error)
      return hangUp
    }
    let answer: Answer<AnyApi> | Promise<Answer<AnyApi>>
    try {
      answer = handler.handle(this.parts, context, request as never)
    } catch (error) {
      answer = failed(error)
    }
    return answer instanceof Promise ? answer.catch(failed).then(done) : done(answer)
  }

  private report(handler: Handler, context: RequestContext, error: unknown): void {
    this.logger.error(
      {
        api: handler.api.name,
        version: context.version,
        client: context.clientId,
        host: context.connection.clientHost,
        error: error instanceof Error ? error.stack : messageOf(error),
      },
      'a request failed',
    )
  }

  private metricsOf({ api, versions }: Handler): ApiMetrics {
    let metrics = this.metrics.get(api.key)
    if (metrics === undefined) {
      const byVersion = Array.from({ length: versions[1] + 1 }, () => 0)
      metrics = { name: api.name, requests: 0, failures: 0, byVersion, latency: new LatencyHistogram() }
      this.metrics.set(api.key, metrics)
    }
    return metrics
  }
}
