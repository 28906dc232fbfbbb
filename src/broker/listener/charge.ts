/**
 * What one request costs its client, while anybody has a quota: bytes of Produce requests and Fetch answers, and time
 * on the event loop for all.
 *
 * Unlike Kafka, which empties a Fetch answer that is over the quota and has the client fetch again, the records are
 * given and paid for by waiting longer: the same rate, one round less.
 */
import type { Clock } from '../../platform/clock.ts'
import { fetch } from '../../protocol/apis/fetch.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { saslAuthenticate } from '../../protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../../protocol/apis/sasl-handshake.ts'
import type { AnyApi, RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import { type Answer, hangUp, noAnswer } from '../handlers/handler.ts'
import type { QuotaClient, Quotas } from '../security/quotas/quotas.ts'

export interface ChargeOptions {
  readonly client: QuotaClient
  readonly clock: Clock
  readonly requestBytes: number
}

export class Charge {
  private readonly quotas: Quotas
  private readonly options: ChargeOptions
  private readonly startMs: number
  private tookMs = 0

  constructor(quotas: Quotas, options: ChargeOptions) {
    this.quotas = quotas
    this.options = options
    this.startMs = options.clock.monotonicMs()
  }

  /** Keeps a fetch to what can be paid for within the burst window. */
  limit(api: AnyApi, request: unknown): void {
    if (api.key !== fetch.key) return
    const asked = request as { -readonly [N in 'maxBytes']: RequestOf<typeof fetch>[N] }
    asked.maxBytes = Math.min(asked.maxBytes, this.quotas.fetchBytesMax(this.options.client))
  }

  /** The handler has returned; what it still waits for costs nothing. */
  ran(): void {
    this.tookMs = this.options.clock.monotonicMs() - this.startMs
  }

  /** How long the client has to wait after this answer. */
  waitMs(api: AnyApi, answer: Answer<AnyApi>): number {
    const { quotas } = this
    const { client, requestBytes } = this.options
    if (api.key === saslAuthenticate.key || api.key === saslHandshake.key) return 0
    const forTimeMs = quotas.time(client, this.tookMs)
    if (api.key === produce.key) {
      return Math.max(forTimeMs, quotas.bytes('producer_byte_rate', client, requestBytes))
    }
    if (api.key !== fetch.key || answer === noAnswer || answer === hangUp) return forTimeMs
    const count = recordBytesOf(answer as ResponseInput<typeof fetch>)
    return Math.max(forTimeMs, quotas.bytes('consumer_byte_rate', client, count))
  }
}

function recordBytesOf({ responses }: ResponseInput<typeof fetch>): number {
  let count = 0
  for (const { partitions } of responses ?? []) {
    for (const { records } of partitions ?? []) count += records?.length ?? 0
  }
  return count
}

/** The answer that tells how long to wait, where the API has a place for that. */
export function withThrottleTime(api: AnyApi, answer: Answer<AnyApi>, waitMs: number): Answer<AnyApi> {
  if (answer === noAnswer || answer === hangUp) return answer
  const told = Object.hasOwn(api.response.fields, 'throttleTimeMs')
  return told ? ({ ...(answer as object), throttleTimeMs: waitMs } as Answer<AnyApi>) : answer
}
