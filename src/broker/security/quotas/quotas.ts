/**
 * What clients use, against their quotas: how long each has to wait after a request (KIP-13, KIP-219).
 *
 * Per quota one leaking bucket that holds what may be used in the burst window (`quota.window.num` - 1 windows, as
 * Kafka's rate is measured over). What overflows has to be waited for: overflow / quota seconds, Kafka's formula
 * (rate - quota) / quota × window. It is kept as the time up to which the use is paid for.
 *
 * `request_percentage` is the share of the one event loop that a client's requests take, decoding and handling; time
 * spent waiting for a disk or for records does not count.
 */
import type { Clock } from '../../../platform/clock.ts'
import type { QuotaKind, QuotaTable } from './quota-table.ts'

export interface QuotaClient {
  readonly user: string
  readonly clientId: string
}

/** Kafka lets a request wait no longer than one window for the time that it took. */
const REQUEST_WAIT_WINDOWS_MAX = 1
/** More than this many, and those that owe nothing are forgotten. */
const BUCKETS_MAX = 10_000
/** Looking through them takes time: not at every request of a client that makes up names. */
const FORGET_INTERVAL_MS = 1000

export class Quotas {
  readonly table: QuotaTable
  private readonly clock: Clock
  private readonly windowMs: number
  private readonly burstMs: number
  /** By who shares it: up to when its use is paid for. */
  private readonly paidUntilMs = new Map<string, number>()
  private forgotMs = Number.NEGATIVE_INFINITY

  constructor(table: QuotaTable, clock: Clock, window: { readonly count: number; readonly ms: number }) {
    this.table = table
    this.clock = clock
    this.windowMs = window.ms
    this.burstMs = (window.count - 1) * window.ms
  }

  /** False while nobody has a quota: then nothing has to be measured. */
  get inForce(): boolean {
    return !this.table.isEmpty
  }

  /** The bytes of records that one answer may have, so that it can be paid for within the burst window. */
  fetchBytesMax({ clientId, user }: QuotaClient): number {
    const found = this.table.find('consumer_byte_rate', user, clientId)
    return found === undefined ? Number.POSITIVE_INFINITY : Math.floor((found.limit * this.burstMs) / 1000)
  }

  /** Counts bytes; how long the client has to wait. */
  bytes(kind: 'producer_byte_rate' | 'consumer_byte_rate', client: QuotaClient, count: number): number {
    return this.use(kind, client, count)
  }

  /** Counts time on the event loop; how long the client has to wait. */
  time(client: QuotaClient, ms: number): number {
    // A percentage p of the loop is 10 p milliseconds a second.
    const waitMs = this.use('request_percentage', client, ms / 10)
    return Math.min(waitMs, REQUEST_WAIT_WINDOWS_MAX * this.windowMs)
  }

  private use(kind: QuotaKind, { clientId, user }: QuotaClient, amount: number): number {
    const found = this.table.find(kind, user, clientId)
    if (found === undefined) return 0
    const nowMs = this.clock.monotonicMs()
    const paidMs = Math.max(
      this.paidUntilMs.get(found.sharedBy) ?? Number.NEGATIVE_INFINITY,
      nowMs - this.burstMs,
    )
    const untilMs = paidMs + (amount / found.limit) * 1000
    if (this.paidUntilMs.size >= BUCKETS_MAX && nowMs - this.forgotMs >= FORGET_INTERVAL_MS)
      this.forget(nowMs)
    this.paidUntilMs.set(found.sharedBy, untilMs)
    return Math.max(0, Math.ceil(untilMs - nowMs))
  }

  private forget(nowMs: number): void {
    this.forgotMs = nowMs
    for (const [who, untilMs] of this.paidUntilMs) {
      if (untilMs <= nowMs - this.burstMs) this.paidUntilMs.delete(who)
    }
  }
}
