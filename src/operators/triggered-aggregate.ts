/**
 * Aggregates within windows and gives results before they close, when they end, and after: triggers and panes, as in
 * Akidau et al. 2015, "The Dataflow Model" §2.3, and Samza's early and late triggers.
 *
 * A pane is what came to a key in a window since its last result.
 *   early   while stream time is before the window's end: when the pane has `records`, or when stream time has moved
 *           on by `everyMs` since the pane's first record came
 *   end     when stream time reaches the end, if the pane is not empty and late results are asked for
 *   late    after the end, within grace: when the pane has `records`
 *   close   at end plus grace: what the pane still holds
 * Accumulating panes give the whole window so far; discarding ones only what is new.
 *
 * Timestamps: an early result has the time that caused it, or, if a record did, the largest timestamp of the window so
 * far; all others have the window's end - 1.
 *
 * What the store keeps: [state, largest timestamp, records of the pane, when it is due early or null, 1 once stream
 * time has reached the window's end].
 */
import { json, type Serde } from '../core/serde.ts'
import { queried } from '../state/store.ts'
import { type WindowEntry, type WindowStore, windowStore } from '../state/window-store.ts'
import type { AnyAggregator } from './aggregator.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import { type OpenWindow, OpenWindows } from './open-windows.ts'
import type { Operator, OperatorContext, OperatorSpec, Receiver } from './operator.ts'
import { type AssignedWindows, type WindowAssigner, windowEnd } from './window-assigner.ts'

export interface Triggers {
  readonly early?: { readonly everyMs?: number; readonly records?: number }
  readonly late?: { readonly records: number }
  readonly panes: 'accumulating' | 'discarding'
}

export interface TriggeredAggregateOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly aggregator: AnyAggregator<unknown>
  readonly windows: WindowAssigner
  readonly graceMs: number
  readonly triggers: Triggers
}

export function triggeredAggregateOperator(options: TriggeredAggregateOptions): OperatorSpec {
  const { aggregator, keySerde, windows } = options
  const storeSpec = queried(windowStore<unknown, Pane>(options.store, keySerde, json<Pane>()), {
    keySerde,
    show(pane) {
      const [state] = pane as Pane
      return state === null || state === undefined ? undefined : aggregator.result(state)
    },
    windowEndMs: (startMs) => windowEnd(windows, startMs),
  })
  return {
    kind: `${options.windows.kind}-aggregate`,
    stores: [storeSpec],
    outputDelayMs: options.graceMs + 1,
    keyed: true,
    create: (name, context, output) =>
      new TriggeredAggregate(name, options, context.store(storeSpec), context, output),
  }
}

type Pane = [state: unknown, timestampMs: number, records: number, earlyMs: number | null, ended: 0 | 1]
type Entry = WindowEntry<unknown, Pane>

class TriggeredAggregate implements Operator, Receiver {
  readonly inputs: readonly Receiver[] = [this]
  private readonly name: string
  private readonly options: TriggeredAggregateOptions
  private readonly store: WindowStore<unknown, Pane>
  private readonly context: OperatorContext
  private readonly output: Receiver
  private readonly closing: OpenWindows
  private readonly ending: OpenWindows
  private readonly assigned: AssignedWindows = { starts: [], ends: [] }
  private heap: DeadlineHeap<Entry> | undefined

  constructor(
    name: string,
    options: TriggeredAggregateOptions,
    store: WindowStore<unknown, Pane>,
    context: OperatorContext,
    output: Receiver,
  ) {
    this.name = name
    this.options = options
    this.store = store
    this.context = context
    this.output = output
    const { windows, graceMs } = options
    this.closing = new OpenWindows(
      windows,
      () => store.starts(),
      ({ endMs }) => endMs + graceMs,
    )
    this.ending = new OpenWindows(
      windows,
      () =>
        options.triggers.late === undefined ? [] : store.starts().filter((start) => this.notEnded(start)),
      ({ endMs }) => endMs,
    )
  }

  process(key: unknown, value: unknown, timestampMs: number): void {
    if (key === null || key === undefined) return
    const { starts, ends } = this.assigned
    const count = this.options.windows.assign(timestampMs, this.assigned)
    const closedMs = this.context.streamTimeMs() - this.options.graceMs
    let taken = false
    for (let at = count - 1; at >= 0; at--) {
      if (ends[at]! <= closedMs) continue
      taken = true
      this.add({ startMs: starts[at]!, endMs: ends[at]! }, key, value, timestampMs)
    }
    if (taken || count === 0) return
    this.context.late({ operator: this.name, key, value, timestampMs, windowEndMs: ends[0]! })
  }

  nextDeadlineMs(): number {
    return Math.min(this.early().firstMs, this.ending.firstMs, this.closing.firstMs)
  }

  /** Acts on what is due in the order in which it was; at equal times early, then ended, then closed windows. */
  advance(streamTimeMs: number): void {
    for (;;) {
      const nextMs = this.nextDeadlineMs()
      if (nextMs > streamTimeMs || nextMs === Number.POSITIVE_INFINITY) return
      this.fireEarly(nextMs)
      for (const window of this.ending.take(nextMs)) this.end(window)
      for (const window of this.closing.take(nextMs)) {
        this.fireAll(window)
        this.store.removeWindow(window.startMs)
      }
    }
  }

  private add(window: OpenWindow, key: unknown, value: unknown, timestampMs: number): void {
    const { aggregator, triggers } = this.options
    const streamTimeMs = this.context.streamTimeMs()
    const ended = streamTimeMs >= window.endMs
    let entry = this.store.find(window.startMs, key)
    if (entry === undefined) {
      const pane: Pane = [aggregator.init(), timestampMs, 0, null, ended ? 1 : 0]
      this.store.add(window.startMs, key, pane)
      entry = this.store.find(window.startMs, key) as Entry
      this.closing.add(window.startMs, window.endMs)
      if (triggers.late !== undefined && !ended) this.ending.add(window.startMs, window.endMs)
    } else this.store.touch(entry)
    const pane = entry.state
    pane[0] = aggregator.add(pane[0] ?? aggregator.init(), value, key)
    pane[1] = Math.max(pane[1], timestampMs)
    pane[2]++
    const limit = ended ? triggers.late?.records : triggers.early?.records
    if (limit !== undefined && pane[2] >= limit) {
      this.fire(entry, window, ended ? window.endMs - 1 : pane[1])
      return
    }
    const everyMs = triggers.early?.everyMs
    if (everyMs === undefined || ended || pane[3] !== null) return
    const dueMs = Math.max(streamTimeMs, timestampMs) + everyMs
    if (dueMs >= window.endMs) return
    pane[3] = dueMs
    this.early().push(dueMs, entry)
  }

  private notEnded(startMs: number): boolean {
    for (const entry of this.store.window(startMs)) if (entry.state[4] === 0) return true
    return false
  }

  private end(window: OpenWindow): void {
    for (const entry of this.store.window(window.startMs)) {
      if (entry.state[4] === 1) continue
      entry.state[4] = 1
      this.store.touch(entry)
      if (entry.state[2] > 0) this.fire(entry, window, window.endMs - 1)
    }
  }

  private fireEarly(timeMs: number): void {
    const heap = this.early()
    while (heap.firstMs <= timeMs) {
      const dueMs = heap.firstMs
      const entry = heap.pop()
      // A pane that fired meanwhile has another time, or none.
      if (entry.removed || entry.state[3] !== dueMs) continue
      const endMs = windowEnd(this.options.windows, entry.startMs)
      this.store.touch(entry)
      this.fire(entry, { startMs: entry.startMs, endMs }, dueMs)
    }
  }

  private fireAll(window: OpenWindow): void {
    for (const entry of this.store.window(window.startMs)) {
      if (entry.state[2] === 0) continue
      this.store.touch(entry)
      this.fire(entry, window, window.endMs - 1)
    }
  }

  /** Gives the pane's result and begins the next one. The entry is marked as changed by the caller. */
  private fire(entry: Entry, window: OpenWindow, timestampMs: number): void {
    const { aggregator, triggers } = this.options
    const pane = entry.state
    const forgotten = pane[0] === null || pane[0] === undefined
    const result = forgotten ? null : aggregator.result(pane[0])
    if (triggers.panes === 'discarding') pane[0] = aggregator.init()
    pane[2] = 0
    pane[3] = null
    const windowed = { key: entry.key, windowStartMs: window.startMs, windowEndMs: window.endMs }
    this.output.process(windowed, result, timestampMs)
  }

  private early(): DeadlineHeap<Entry> {
    if (this.heap === undefined) {
      this.heap = new DeadlineHeap()
      for (const startMs of this.store.starts()) {
        for (const entry of this.store.window(startMs))
          if (entry.state[3] !== null) this.heap.push(entry.state[3], entry)
      }
    }
    return this.heap
  }
}
