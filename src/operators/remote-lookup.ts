/**
 * Looks records up in a table outside: with a cache, one request for a key at a time, several keys per request, and
 * no more requests than allowed. One per task.
 *
 * 1. A key that is in the cache and not too old is answered at once; that there is none is remembered, too.
 * 2. Records that want a key for which a request is under way share it. One that gives up waiting leaves it, so that
 *    its next attempt makes a new one; a request that nobody waits for is aborted.
 * 3. Keys wait for a request until there are as many as fit in one or the first has waited long enough, and until fewer
 *    than `rate.requests` were made within the last `rate.perMs`, which holds for any such time.
 */
import { MillraceError } from '../core/errors.ts'
import { mapKeyOf } from '../state/store.ts'
import { type Asker, type AsyncCall, nothing } from './async-call.ts'
import { Fifo } from './fifo.ts'
import type { Joiner } from './stream-table-join.ts'

export interface RemoteRequest {
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

export interface RemoteLookupOptions {
  /** Values in the order of the keys, null or undefined for those that have none. */
  readonly getAll: (keys: readonly unknown[], request: RemoteRequest) => PromiseLike<readonly unknown[]>
  /** Keys in one request, and how long the first waits for others. */
  readonly batch: { readonly keysMax: number; readonly waitMs: number }
  /** Undefined: nothing is remembered. */
  readonly cache: { readonly entriesMax: number; readonly ttlMs: number } | undefined
  /** Undefined: any number of requests. */
  readonly rate: { readonly requests: number; readonly perMs: number } | undefined
  /** Undefined: records are looked up by their key. */
  readonly keyOf: ((value: unknown, key: unknown) => unknown) | undefined
  readonly left: boolean
  readonly joiner: Joiner
}

/** A key that is asked for, and all that want it. */
interface Wanted {
  readonly key: unknown
  readonly mapKey: string | number
  readonly sinceMs: number
  readonly found: Promise<unknown>
  readonly settle: (value: unknown) => void
  readonly fail: (error: unknown) => void
  waiting: number
  /** Called when nobody waits any more. */
  abandoned: () => void
}

export class RemoteLookup implements Asker {
  private readonly options: RemoteLookupOptions
  private readonly cache = new Map<string | number, { readonly value: unknown; readonly untilMs: number }>()
  private readonly wanted = new Map<string | number, Wanted>()
  private readonly queue = new Fifo<Wanted>()
  /** When the last requests were made, as many as the rate allows. */
  private readonly requestsMs = new Fifo<number>()
  private nowMs = 0

  constructor(options: RemoteLookupOptions) {
    this.options = options
  }

  ask(value: unknown, key: unknown, call: AsyncCall): unknown {
    const { keyOf } = this.options
    const lookedUp = keyOf === undefined ? key : keyOf(value, key)
    if (lookedUp === null || lookedUp === undefined) return this.join(value, null, key)
    const mapKey = mapKeyOf(lookedUp)
    const cached = this.cached(mapKey)
    if (cached !== undefined) return this.join(value, cached.value, key)
    const wanted = this.wanted.get(mapKey) ?? this.want(lookedUp, mapKey)
    this.waitFor(wanted, call)
    return wanted.found.then((found) => this.join(value, found, key))
  }

  /** Makes the requests that are due. */
  round(wallClockMs: number): void {
    this.nowMs = wallClockMs
    const { keysMax } = this.options.batch
    while (this.queue.first !== undefined && this.dueMs <= wallClockMs) {
      const batch: Wanted[] = []
      while (batch.length < keysMax) {
        const one = this.queue.shift()
        if (one === undefined) break
        if (one.waiting > 0) batch.push(one)
      }
      if (batch.length > 0) this.request(batch)
    }
  }

  nextRoundMs(): number {
    return this.queue.first === undefined ? Number.POSITIVE_INFINITY : this.dueMs
  }

  /** When the next request may be made, given that keys wait for it. */
  private get dueMs(): number {
    const { batch, rate } = this.options
    const first = this.queue.first as Wanted
    const fullMs =
      this.queue.length >= batch.keysMax ? Number.NEGATIVE_INFINITY : first.sinceMs + batch.waitMs
    if (rate === undefined || this.requestsMs.length < rate.requests) return fullMs
    return Math.max(fullMs, (this.requestsMs.first as number) + rate.perMs)
  }

  private request(batch: readonly Wanted[]): void {
    const { rate, getAll } = this.options
    if (rate !== undefined) {
      if (this.requestsMs.length === rate.requests) this.requestsMs.shift()
      this.requestsMs.push(this.nowMs)
    }
    const controller = new AbortController()
    let left = batch.length
    for (const one of batch)
      one.abandoned = () => {
        if (--left === 0) controller.abort()
      }
    const failed = (error: unknown): void => {
      for (const one of batch) {
        this.forget(one)
        one.fail(error)
      }
    }
    const answered = (values: readonly unknown[]): void => {
      if (!Array.isArray(values) || values.length !== batch.length) {
        failed(new MillraceError('MR_RECORD_INVALID', wrongCount(batch.length, values)))
        return
      }
      for (const [at, one] of batch.entries()) {
        this.forget(one)
        this.remember(one.mapKey, values[at] ?? null)
        one.settle(values[at] ?? null)
      }
    }
    try {
      const keys = batch.map(({ key }) => key)
      getAll(keys, { signal: controller.signal }).then(answered, failed)
    } catch (error) {
      failed(error)
    }
  }

  private want(key: unknown, mapKey: string | number): Wanted {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    // Who waits for it takes the error; when nobody does any more, nobody needs to know.
    promise.catch(() => {})
    const wanted: Wanted = {
      key,
      mapKey,
      sinceMs: this.nowMs,
      found: promise,
      settle: resolve,
      fail: reject,
      waiting: 0,
      abandoned: () => {},
    }
    this.wanted.set(mapKey, wanted)
    this.queue.push(wanted)
    return wanted
  }

  private waitFor(wanted: Wanted, call: AsyncCall): void {
    wanted.waiting++
    const leave = (): void => {
      // Its next attempt must not wait for what has just taken too long.
      this.forget(wanted)
      if (--wanted.waiting === 0) wanted.abandoned()
    }
    call.signal.addEventListener('abort', leave, { once: true })
  }

  private forget(wanted: Wanted): void {
    if (this.wanted.get(wanted.mapKey) === wanted) this.wanted.delete(wanted.mapKey)
  }

  private join(value: unknown, found: unknown, key: unknown): unknown {
    const { left, joiner } = this.options
    return found === null && !left ? nothing : joiner(value, found, key)
  }

  private cached(mapKey: string | number): { readonly value: unknown } | undefined {
    const entry = this.cache.get(mapKey)
    if (entry === undefined) return undefined
    this.cache.delete(mapKey)
    if (entry.untilMs <= this.nowMs) return undefined
    // The one used last is the last to go.
    this.cache.set(mapKey, entry)
    return entry
  }

  private remember(mapKey: string | number, value: unknown): void {
    const { cache } = this.options
    if (cache === undefined) return
    this.cache.delete(mapKey)
    this.cache.set(mapKey, { value, untilMs: this.nowMs + cache.ttlMs })
    for (const oldest of this.cache.keys()) {
      if (this.cache.size <= cache.entriesMax) return
      this.cache.delete(oldest)
    }
  }
}

function wrongCount(keys: number, values: unknown): string {
  const got = Array.isArray(values) ? `${values.length} values` : typeof values
  return `a remote table was asked for ${keys} keys and gave ${got}`
}
