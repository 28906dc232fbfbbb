/**
 * Asks something outside for each record and gives out the answers, a bounded number of calls at a time.
 *
 * 1. A record is asked for when its turn has come (`waiting-line.ts`) and a call is free. What is answered at once, in
 *    its order, is passed on at once; all else waits in a store until it is given out.
 * 2. Nothing waits for calls under way when the task commits: the store's changelog has their records, and after a
 *    restart they are asked for again. So each record is asked for at least once, and its answer counts once.
 * 3. A call that fails or takes longer than `timeoutMs` is tried again after a pause that doubles. When all attempts
 *    are used up, the record is put aside by the rule of its source or of this operator; with `park` its key waits,
 *    and it is tried on and on, until it succeeds or somebody decides about it.
 * 4. What is below sees no later stream time than that at which the first record came that still waits, parked keys
 *    left out: no record becomes late because it was asked about. With the order kept, the results, their order and
 *    the stream time below are those of an operator that answers at once.
 *
 * ```
 *            its turn            a call is free      answered         in its order
 *  queued ─────────────► ready ──────────────► asked ──────► answered ───────────► gone
 *                          ▲                     │ failed, timed out                 ▲
 *                          │ pause over          ▼                    given up       │
 *                          └───────────────── pausing ───────────────────────────────┘
 * ```
 * Sources: Flink's async I/O (ordered and unordered wait, records under way in the checkpoint), Samza's
 * `task.max.concurrency` and `task.callback.timeout.ms`.
 */

import { MillraceError, messageOf } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import { plainJson } from '../core/plain-json.ts'
import type { Serde } from '../core/serde.ts'
import type { StoreSpec } from '../state/store.ts'
import { type Waiting, type WaitingStore, waitingStore } from '../state/waiting-store.ts'
import {
  type Answer,
  type Asker,
  askNow,
  isPromise,
  nothing,
  OneCall,
  pauseMs,
  type RetryRule,
} from './async-call.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import { Fifo } from './fifo.ts'
import type {
  AnswerContext,
  FailurePolicy,
  Operator,
  OperatorContext,
  OperatorSpec,
  ParkedDecision,
  ParkedKey,
  Receiver,
  WaitingOperator,
} from './operator.ts'
import { type AnswerOrder, type Waiter, WaitingLine } from './waiting-line.ts'

export interface MapAsyncOptions {
  readonly kind: string
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  readonly order: AnswerOrder
  /** Calls under way at a time, in each task. */
  readonly concurrency: number
  /** Records that wait before the task takes no more; a record that one of a user's becomes may be one too many. */
  readonly waitingMax: number
  /** Infinity for none. */
  readonly timeoutMs: number
  readonly retry: RetryRule
  /** Undefined: the rule of the record's source. */
  readonly onFailure: FailurePolicy | 'park' | undefined
  readonly park: {
    /** The pause between two attempts at a parked record; Infinity: only when somebody says so. */
    readonly retryMs: number
    /** Records in parked keys before the task takes no more. */
    readonly recordsMax: number
  }
  /** Makes what one task asks. */
  readonly open: () => Asker
}

export function mapAsyncOperator(options: MapAsyncOptions): OperatorSpec {
  const storeSpec = waitingStore(options.store, options.keySerde, options.valueSerde)
  const kinds = {
    kept: options.kind,
    'per-key': `${options.kind}-per-key`,
    none: `${options.kind}-unordered`,
  }
  return {
    kind: kinds[options.order],
    stores: [storeSpec],
    outputDelayMs: 0,
    // In another order a result may have a later time than one that comes after it.
    ...(options.order === 'kept' ? { timely: true as const } : {}),
    keyed: options.order === 'per-key',
    ...(options.onFailure === 'park' ? { parks: true as const } : {}),
    create: (name, context, output) => new MapAsync(name, options, storeSpec, context, output),
  }
}

interface Settled {
  readonly waiter: Waiter
  readonly token: number
  readonly answer: Answer
}

class MapAsync implements Operator, Receiver, WaitingOperator {
  readonly inputs: readonly Receiver[] = [this]
  readonly answering: WaitingOperator = this
  private readonly name: string
  private readonly options: MapAsyncOptions
  private readonly context: OperatorContext
  private readonly host: AnswerContext
  private readonly output: Receiver
  private readonly store: WaitingStore
  private readonly asker: Asker
  private readonly line: WaitingLine
  private readonly ready = new Fifo<Waiter>()
  private readonly settled = new Fifo<Settled>()
  /** Calls under way and when their time is over, in the order in which they were begun. */
  private readonly calls = new Map<Waiter, number>()
  private readonly pauses = new DeadlineHeap<{ readonly waiter: Waiter; readonly token: number }>()
  private readonly parkedHeads = new Set<Waiter>()
  /** Unknown before the first poll: until then nothing is asked. */
  private wallClockMs = Number.NaN
  private lastTimeMs = Number.NEGATIVE_INFINITY
  private loaded = false
  private closed = false

  constructor(
    name: string,
    options: MapAsyncOptions,
    storeSpec: StoreSpec<WaitingStore>,
    context: OperatorContext,
    output: Receiver,
  ) {
    invariant(
      context.answers !== undefined,
      'an operator that waits for answers runs in a task that can wait',
    )
    this.name = name
    this.options = options
    this.context = context
    this.host = context.answers
    this.output = output
    this.store = context.store(storeSpec)
    this.asker = options.open()
    this.line = new WaitingLine(options.order)
  }

  process(key: unknown, value: unknown, timestampMs: number): void {
    this.load()
    const timeMs = this.context.streamTimeMs()
    // At the end of bounded input what is below must wait all the same.
    if (timeMs < Number.POSITIVE_INFINITY) this.lastTimeMs = Math.max(this.lastTimeMs, timeMs)
    const origin = this.host.source()
    const waiting = { key, value, timestampMs, streamTimeMs: this.lastTimeMs, origin }
    const direct = this.line.clearFor(key) && this.mayAsk && this.ready.length === 0
    if (!direct) {
      const waiter = this.line.add(this.store.add(waiting))
      if (waiter.state === 'ready') this.ready.push(waiter)
      this.askReady()
      return
    }
    const call = new OneCall(waiting, 1)
    const answer = askNow(this.asker, waiting, call)
    if (!isPromise(answer) && 'value' in answer) this.pass(waiting, answer.value)
    else this.asked(this.line.add(this.store.add(waiting)), call, answer)
  }

  heldMs(): number {
    this.load()
    return this.line.heldMs
  }

  restoredMs(): number {
    this.load()
    return this.lastTimeMs
  }

  get full(): boolean {
    return this.line.live >= this.options.waitingMax || this.line.idle >= this.options.park.recordsMax
  }

  get busy(): boolean {
    this.load()
    return this.line.live > 0
  }

  get asking(): boolean {
    return this.calls.size > 0
  }

  nextPollMs(): number {
    const [endMs = Number.POSITIVE_INFINITY] = this.calls.values()
    return Math.min(endMs, this.pauses.firstMs, this.asker.nextRoundMs?.() ?? Number.POSITIVE_INFINITY)
  }

  poll(wallClockMs: number): boolean {
    this.load()
    this.wallClockMs = wallClockMs
    let moved = this.settleAll()
    this.endCalls()
    this.endPauses()
    do {
      this.askReady()
      this.asker.round?.(wallClockMs)
      moved = this.settleAll() || moved
    } while (this.ready.length > 0 && this.mayAsk)
    return moved
  }

  get parkedCount(): number {
    this.load()
    return this.parkedHeads.size
  }

  parked(most: number): readonly ParkedKey[] {
    this.load()
    return [...this.parkedHeads].slice(0, most).map((waiter) => {
      const { key, attempts, error, timestampMs, origin } = waiter.entry
      return {
        operator: this.name,
        key,
        records: this.line.behind(waiter),
        attempts,
        error: error ?? { name: '', message: '' },
        timestampMs,
        place: origin && { topic: origin.topic, partition: origin.partition, offset: origin.offset },
      }
    })
  }

  decide(key: unknown, decision: ParkedDecision): number {
    this.load()
    const shown = shownKey(key)
    const heads = [...this.parkedHeads].filter(({ entry }) => shownKey(entry.key) === shown)
    for (const waiter of heads) {
      if (decision === 'retry') {
        if (waiter.state === 'pausing') this.makeReady(waiter)
      } else {
        if (waiter.state === 'asked') this.endCall(waiter)
        this.giveUp(waiter, restoredError(waiter), decision)
      }
    }
    return heads.length
  }

  close(): void {
    this.closed = true
    for (const waiter of this.calls.keys()) waiter.call?.abort()
    this.calls.clear()
  }

  private get mayAsk(): boolean {
    return this.calls.size < this.options.concurrency && !Number.isNaN(this.wallClockMs)
  }

  private askReady(): void {
    while (this.mayAsk) {
      const waiter = this.ready.shift()
      if (waiter === undefined) return
      if (waiter.state !== 'ready') continue
      const call = new OneCall(waiter.entry, waiter.entry.attempts + 1)
      this.asked(waiter, call, askNow(this.asker, waiter.entry, call))
    }
  }

  /** A call was begun. What came of it is looked at later, so that nothing is given out while a record is processed. */
  private asked(waiter: Waiter, call: OneCall, answer: Answer | PromiseLike<unknown>): void {
    const token = ++waiter.token
    waiter.state = 'asked'
    waiter.call = call
    waiter.entry.attempts++
    this.calls.set(waiter, this.wallClockMs + this.options.timeoutMs)
    const settle = (settled: Answer): void => {
      if (!this.closed) this.settled.push({ waiter, token, answer: settled })
    }
    if (!isPromise(answer)) settle(answer)
    else
      answer.then(
        (value) => settle({ value }),
        (error: unknown) => settle({ error }),
      )
  }

  private settleAll(): boolean {
    let any = false
    for (let next = this.settled.shift(); next !== undefined; next = this.settled.shift()) {
      const { waiter, token, answer } = next
      if (waiter.token !== token) continue
      any = true
      this.calls.delete(waiter)
      waiter.token++
      waiter.call = undefined
      if ('value' in answer) this.succeeded(waiter, answer)
      else this.failed(waiter, answer.error)
    }
    return any
  }

  private succeeded(waiter: Waiter, answer: { readonly value: unknown }): void {
    if (this.options.order === 'kept') this.answered(waiter, answer)
    else this.giveOut(waiter, answer.value)
  }

  private failed(waiter: Waiter, error: unknown): void {
    const { entry } = waiter
    const { retry, onFailure, order } = this.options
    entry.error = { name: nameOf(error), message: messageOf(error) }
    this.store.touch(entry)
    if (entry.parked) this.pause(waiter, this.options.park.retryMs)
    else if (entry.attempts < retry.attemptsMax && retry.when(error))
      this.pause(waiter, pauseMs(retry, entry.attempts))
    else if (onFailure === 'park') {
      entry.parked = true
      this.line.park(waiter)
      this.parkedHeads.add(waiter)
      this.pause(waiter, this.options.park.retryMs)
      this.host.timeMoved()
    } else if (order === 'kept') this.answered(waiter, { error })
    else this.giveUp(waiter, error, onFailure)
  }

  /** With the order kept: gives out all that is answered, up to the first that is not. */
  private answered(waiter: Waiter, answer: Answer): void {
    waiter.state = 'answered'
    waiter.answer = answer
    for (let first = this.line.firstAnswered; first !== undefined; first = this.line.firstAnswered) {
      const given = first.answer as Answer
      if ('value' in given) this.giveOut(first, given.value)
      else this.giveUp(first, given.error, this.options.onFailure as FailurePolicy | undefined)
    }
  }

  private giveOut(waiter: Waiter, value: unknown): void {
    const { entry } = waiter
    this.host.resume(entry, () => this.pass(entry, value))
    this.finish(waiter)
  }

  private pass({ key, timestampMs }: Waiting, value: unknown): void {
    if (value !== nothing) this.output.process(key, value, timestampMs)
  }

  private giveUp(waiter: Waiter, error: unknown, policy: FailurePolicy | undefined): void {
    const { entry } = waiter
    this.host.refuse(entry, { operator: this.name, error, attempts: entry.attempts }, policy)
    this.finish(waiter)
  }

  private finish(waiter: Waiter): void {
    const heldMs = this.line.heldMs
    this.store.remove(waiter.entry)
    this.parkedHeads.delete(waiter)
    const next = this.line.remove(waiter)
    if (next !== undefined) this.makeReady(next)
    if (this.line.heldMs !== heldMs) this.host.timeMoved()
  }

  private makeReady(waiter: Waiter): void {
    waiter.state = 'ready'
    waiter.token++
    this.ready.push(waiter)
  }

  private pause(waiter: Waiter, forMs: number): void {
    waiter.state = 'pausing'
    const token = ++waiter.token
    if (forMs !== Number.POSITIVE_INFINITY) this.pauses.push(this.wallClockMs + forMs, { waiter, token })
  }

  private endPauses(): void {
    while (this.pauses.firstMs <= this.wallClockMs) {
      const { waiter, token } = this.pauses.pop()
      if (waiter.token === token) this.makeReady(waiter)
    }
  }

  /** Ends the calls that take too long. */
  private endCalls(): void {
    for (const [waiter, dueMs] of this.calls) {
      if (dueMs > this.wallClockMs) return
      this.endCall(waiter)
      this.failed(waiter, new MillraceError('MR_TIMEOUT', `no answer within ${this.options.timeoutMs} ms`))
    }
  }

  private endCall(waiter: Waiter): void {
    this.calls.delete(waiter)
    waiter.token++
    waiter.call?.abort()
    waiter.call = undefined
  }

  /** On first use, after the store was restored. A parked record is tried at once: the program may have been mended. */
  private load(): void {
    if (this.loaded) return
    this.loaded = true
    for (const entry of this.store.all()) {
      this.lastTimeMs = Math.max(this.lastTimeMs, entry.streamTimeMs)
      const waiter = this.line.add(entry)
      if (entry.parked) this.parkedHeads.add(waiter)
      if (waiter.state === 'ready') this.ready.push(waiter)
    }
  }
}

/** A key as JSON shows it: one that came from another thread or over HTTP is the same. */
function shownKey(key: unknown): string {
  return plainJson(key ?? null) as string
}

/** The error of a parked record, as far as it is known after a restart. */
function restoredError({ entry }: Waiter): Error {
  const { name, message } = entry.error ?? { name: 'Error', message: 'it was given up' }
  return Object.assign(new Error(message), { name })
}

function nameOf(error: unknown): string {
  if (error instanceof MillraceError) return error.code
  return error instanceof Error ? error.name : typeof error
}
