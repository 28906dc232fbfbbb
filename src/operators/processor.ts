/**
 * The low level: a processor of the user with state of its own, timers per key, and named outputs.
 *
 * 1. Each task makes one processor and hands it every record, in order.
 * 2. A timer belongs to a key and has a name. Timers by stream time fire when stream time reaches them, before the
 *    record that moved it; timers by the wall clock between records, when the task is told the time. Those that are
 *    due fire by their time, then by their key and name, also after a restart; one that a timer sets for a time that
 *    has come fires in the same round. At the end of bounded input all timers by stream time fire.
 * 3. What a processor forwards goes through the port of the output that it names.
 * 4. At the end of bounded input `endOfStream` follows the last timers by stream time; `close` comes when the task is
 *    given up, for whatever reason.
 *
 * What is kept: each store under `<operator>-<store>`, timers under `<operator>-timers`.
 */
import { MillraceError } from '../core/errors.ts'
import type { Headers } from '../core/record.ts'
import { json } from '../core/serde.ts'
import { type KeyValueStore, keyValueStore } from '../state/key-value-store.ts'
import { mapKeyOf, type StoreSpec } from '../state/store.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import {
  metadataOf,
  type Operator,
  type OperatorContext,
  type OperatorSpec,
  type Receiver,
  type RecordMetadata,
  unlessRefused,
} from './operator.ts'
import { PortOutput } from './port.ts'

export type TimerClock = 'stream' | 'wall'

export interface Timer {
  readonly key: unknown
  readonly name: string
  readonly clock: TimerClock
  readonly dueMs: number
}

/** What a task calls. */
export interface AnyProcessor {
  process(value: unknown, key: unknown, timestampMs: number): void
  onTimer?(timer: Timer): void
  endOfStream?(): void
  close?(): void
}

/** What a processor may use; the typed face of it is in the DSL. */
export interface ProcessorTools {
  readonly stores: ReadonlyMap<string, KeyValueStore<unknown, unknown>>
  readonly record: RecordMetadata
  /** The key, and the time that results have by default, of the record or timer at hand. */
  readonly currentKey: unknown
  readonly currentMs: number
  streamTimeMs(): number
  wallClockMs(): number
  /** `headers`: in place of those of the record at hand. */
  forward(port: number, key: unknown, value: unknown, timestampMs: number, headers?: Headers): void
  requestCommit(): void
  setTimer(timer: Timer): void
  cancelTimer(timer: Omit<Timer, 'dueMs'>): void
}

export interface ProcessorOptions {
  readonly stores: ReadonlyMap<string, StoreSpec<KeyValueStore<unknown, unknown>>>
  /** The name of the store that timers are kept in; undefined when the processor has none. */
  readonly timerStore: string | undefined
  readonly outputDelayMs: number
  readonly create: (tools: ProcessorTools) => AnyProcessor
}

export function processorOperator(options: ProcessorOptions): OperatorSpec {
  const timers =
    options.timerStore === undefined
      ? undefined
      : keyValueStore<TimerId, number>(options.timerStore, json<TimerId>(), json<number>())
  const stores: StoreSpec[] = [...options.stores.values(), ...(timers === undefined ? [] : [timers])]
  return {
    kind: 'process',
    stores,
    outputDelayMs: options.outputDelayMs,
    keyed: stores.length > 0,
    create: (_name, context, output) => new ProcessorOperator(options, timers, context, output),
  }
}

type TimerId = readonly [clock: TimerClock, key: unknown, name: string]
type TimerStore = KeyValueStore<TimerId, number>

class ProcessorOperator implements Operator, Receiver, ProcessorTools {
  readonly inputs: readonly Receiver[] = [this]
  readonly stores: ReadonlyMap<string, KeyValueStore<unknown, unknown>>
  readonly record: RecordMetadata
  currentKey: unknown = undefined
  currentMs = 0
  private readonly context: OperatorContext
  private readonly ports: PortOutput
  private readonly timers: TimerStore | undefined
  private readonly processor: AnyProcessor
  private ended = false
  private heaps: Record<TimerClock, DeadlineHeap<TimerId>> | undefined

  constructor(
    options: ProcessorOptions,
    timers: StoreSpec<TimerStore> | undefined,
    context: OperatorContext,
    output: Receiver,
  ) {
    this.context = context
    this.record = metadataOf(context)
    this.ports = new PortOutput(output)
    this.stores = new Map([...options.stores].map(([name, spec]) => [name, context.store(spec)]))
    this.timers = timers === undefined ? undefined : context.store(timers)
    this.processor = options.create(this)
  }

  process(key: unknown, value: unknown, timestampMs: number): void {
    this.currentKey = key
    this.currentMs = timestampMs
    this.processor.process(value, key, timestampMs)
  }

  nextDeadlineMs(): number {
    return this.due('stream').firstMs
  }

  advance(streamTimeMs: number): void {
    this.fire('stream', streamTimeMs)
    if (streamTimeMs === Number.POSITIVE_INFINITY) this.end()
  }

  nextTickMs(): number {
    return this.due('wall').firstMs
  }

  tick(wallClockMs: number): void {
    this.fire('wall', wallClockMs)
  }

  streamTimeMs(): number {
    return this.context.streamTimeMs()
  }

  wallClockMs(): number {
    if (this.context.wallClockMs === undefined) throw missing('processors get no wall clock')
    return this.context.wallClockMs()
  }

  forward(port: number, key: unknown, value: unknown, timestampMs: number, headers?: Headers): void {
    if (headers === undefined) {
      this.ports.process(port, key, value, timestampMs)
      return
    }
    const { context } = this
    if (context.withHeaders === undefined) throw missing('results get no headers')
    context.withHeaders(headers, () => this.ports.process(port, key, value, timestampMs))
  }

  requestCommit(): void {
    if (this.context.requestCommit === undefined) throw missing('nothing is committed')
    this.context.requestCommit()
  }

  close(): void {
    this.processor.close?.()
  }

  setTimer({ clock, key, name, dueMs }: Timer): void {
    const timers = this.timerStore()
    // A timer that would never fire is refused at once.
    if (clock === 'wall') this.wallClockMs()
    if (!Number.isSafeInteger(dueMs)) {
      throw new MillraceError('MR_RECORD_INVALID', `a timer is set for ${dueMs}, not for whole milliseconds`)
    }
    const heap = this.due(clock)
    const id: TimerId = [clock, key, name]
    if (timers.get(id) === dueMs) return
    timers.put(id, dueMs, this.currentMs)
    heap.push(dueMs, id)
  }

  cancelTimer({ clock, key, name }: Omit<Timer, 'dueMs'>): void {
    this.timerStore().put([clock, key, name], undefined, this.currentMs)
  }

  /** Once, however often the task comes to its end. */
  private end(): void {
    if (this.ended) return
    this.ended = true
    this.currentKey = null
    this.currentMs = Math.max(0, this.currentMs)
    this.act('end of stream', () => this.processor.endOfStream?.())
  }

  private fire(clock: TimerClock, timeMs: number): void {
    const heap = this.due(clock)
    while (heap.size > 0 && heap.firstMs <= timeMs) {
      const dueMs = heap.firstMs
      const together = new Map<string | number, TimerId>()
      while (heap.size > 0 && heap.firstMs === dueMs) {
        const id = heap.pop()
        together.set(mapKeyOf(id), id)
      }
      // By key and name: a restart must not change the order.
      const names = [...together.keys()].sort()
      for (const name of names) this.fireOne(together.get(name) as TimerId, dueMs, timeMs)
    }
  }

  private fireOne(id: TimerId, dueMs: number, timeMs: number): void {
    const timers = this.timerStore()
    // It was cancelled or set anew since.
    if (timers.get(id) !== dueMs) return
    timers.put(id, undefined, dueMs)
    const [clock, key, name] = id
    this.currentKey = key
    this.currentMs = clock === 'stream' ? dueMs : Math.min(timeMs, Math.max(0, this.context.streamTimeMs()))
    this.act({ timer: name, clock, dueMs }, () => this.processor.onTimer?.({ key, name, clock, dueMs }))
  }

  /** What a timer has done before it failed stays done, as with a record. */
  private act(what: unknown, call: () => void): void {
    const { currentKey: key, currentMs: timestampMs } = this
    unlessRefused(this.context, call, () => ({ key, value: what, timestampMs }))
  }

  private timerStore(): TimerStore {
    if (this.timers !== undefined) return this.timers
    throw new MillraceError('MR_PLAN_INVALID', 'a processor sets timers that it was not given', {
      hint: 'Say timers: true beside its stores.',
    })
  }

  /** Made on first use, after the store was restored. */
  private due(clock: TimerClock): DeadlineHeap<TimerId> {
    if (this.heaps === undefined) {
      this.heaps = { stream: new DeadlineHeap(), wall: new DeadlineHeap() }
      for (const [id, dueMs] of this.timers?.all() ?? []) this.heaps[id[0]].push(dueMs, id)
    }
    return this.heaps[clock]
  }
}

function missing(what: string): MillraceError {
  return new MillraceError('MR_PLAN_INVALID', `where this pipeline runs, ${what}`)
}
