/**
 * Aggregates the records of a key within windows that its time alone decides: tumbling, hopping, calendar, custom.
 *
 * Start included, end excluded. A window is closed when stream time reaches its end plus grace; a record all of whose
 * windows are closed is late (Kafka Streams' TimeWindows). Results:
 *   close   one per window and key when it closes, timestamp = window end - 1
 *   update  one per record and window, timestamp = the largest of the window's records so far
 * 1. `process` adds to every open window that holds the record's time.
 * 2. `advance` emits and drops the windows that stream time has closed, first due first.
 *
 * An aggregator that answers with null or undefined for its state forgets the key in that window.
 *
 * What the store keeps: the aggregator's state; with `update` a pair of it and the largest timestamp.
 */
import { json, type Serde } from '../core/serde.ts'
import { queried } from '../state/store.ts'
import { type WindowStore, windowStore } from '../state/window-store.ts'
import { aggregateView } from './aggregate-view.ts'
import type { AnyAggregator } from './aggregator.ts'
import { OpenWindows } from './open-windows.ts'
import type { BeforeFlag, Operator, OperatorContext, OperatorSpec, Receiver } from './operator.ts'
import { replacedResult } from './replaced-result.ts'
import { type AssignedWindows, type WindowAssigner, windowEnd } from './window-assigner.ts'
import type { Windowed } from './windowed.ts'

export interface WindowAggregateOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly aggregator: AnyAggregator<unknown>
  readonly windows: WindowAssigner
  readonly graceMs: number
  readonly emit: 'close' | 'update'
}

export function windowAggregateOperator(options: WindowAggregateOptions): OperatorSpec {
  const { aggregator, emit, keySerde, windows } = options
  const storeSpec = queried(windowStore<unknown, unknown>(options.store, keySerde, json<unknown>()), {
    keySerde,
    show(kept) {
      const state = emit === 'update' ? (kept as Updated)[0] : kept
      return state === null || state === undefined ? undefined : aggregator.result(state)
    },
    windowEndMs: (startMs) => windowEnd(windows, startMs),
  })
  const before: BeforeFlag = { wanted: false }
  return {
    kind: `${options.windows.kind}-aggregate`,
    stores: [storeSpec],
    // A window that closes at its end plus grace gives a result of the millisecond before its end.
    outputDelayMs: options.emit === 'close' ? options.graceMs + 1 : 0,
    before,
    ...(emit === 'update' ? { view: aggregateView(storeSpec, aggregator, foundIn) } : {}),
    keyed: true,
    create: (name, context, output) =>
      new WindowAggregate(name, { ...options, before }, context.store(storeSpec), context, output),
  }
}

type Updated = [state: unknown, timestampMs: number]

function foundIn(
  store: WindowStore<unknown, unknown>,
  { key, windowStartMs }: Windowed<unknown>,
): Updated | undefined {
  return store.find(windowStartMs, key)?.state as Updated | undefined
}

interface Told extends WindowAggregateOptions {
  readonly before: BeforeFlag
}

class WindowAggregate implements Operator, Receiver {
  readonly inputs: readonly Receiver[] = [this]
  private readonly name: string
  private readonly options: Told
  private readonly store: WindowStore<unknown, unknown>
  private readonly context: OperatorContext
  private readonly output: Receiver
  private readonly open: OpenWindows
  private readonly assigned: AssignedWindows = { starts: [], ends: [] }

  constructor(
    name: string,
    options: Told,
    store: WindowStore<unknown, unknown>,
    context: OperatorContext,
    output: Receiver,
  ) {
    this.name = name
    this.options = options
    this.store = store
    this.context = context
    this.output = output
    this.open = new OpenWindows(
      options.windows,
      () => store.starts(),
      ({ endMs }) => endMs + options.graceMs,
    )
  }

  process(key: unknown, value: unknown, timestampMs: number): void {
    if (key === null || key === undefined) return
    const { starts, ends } = this.assigned
    const count = this.options.windows.assign(timestampMs, this.assigned)
    const closedMs = this.context.streamTimeMs() - this.options.graceMs
    let taken = false
    // Oldest first, as Kafka Streams updates them.
    for (let at = count - 1; at >= 0; at--) {
      if (ends[at]! <= closedMs) continue
      taken = true
      this.add(starts[at]!, ends[at]!, key, value, timestampMs)
    }
    if (taken || count === 0) return
    this.context.late({ operator: this.name, key, value, timestampMs, windowEndMs: ends[0]! })
  }

  nextDeadlineMs(): number {
    return this.open.firstMs
  }

  advance(streamTimeMs: number): void {
    const { emit, aggregator } = this.options
    for (const { startMs, endMs } of this.open.take(streamTimeMs)) {
      if (emit === 'close') {
        for (const entry of this.store.window(startMs)) {
          if (entry.state === null || entry.state === undefined) continue
          const windowed = { key: entry.key, windowStartMs: startMs, windowEndMs: endMs }
          this.output.process(windowed, aggregator.result(entry.state), endMs - 1, null)
        }
      }
      this.store.removeWindow(startMs)
    }
  }

  private add(startMs: number, endMs: number, key: unknown, value: unknown, timestampMs: number): void {
    const { aggregator } = this.options
    if (this.options.emit === 'update') {
      this.update(startMs, endMs, key, value, timestampMs)
      return
    }
    const entry = this.store.find(startMs, key)
    if (entry === undefined) {
      this.store.add(startMs, key, aggregator.add(aggregator.init(), value, key))
      this.open.add(startMs, endMs)
    } else {
      entry.state = aggregator.add(entry.state ?? aggregator.init(), value, key)
      this.store.touch(entry)
    }
  }

  private update(startMs: number, endMs: number, key: unknown, value: unknown, timestampMs: number): void {
    const { aggregator, before } = this.options
    const entry = this.store.find(startMs, key)
    const replaced = replacedResult(before, aggregator, (entry?.state as Updated | undefined)?.[0])
    let held: Updated
    if (entry === undefined) {
      held = [aggregator.add(aggregator.init(), value, key), timestampMs]
      this.store.add(startMs, key, held)
      this.open.add(startMs, endMs)
    } else {
      held = entry.state as Updated
      const forgotten = held[0] === null || held[0] === undefined
      held[0] = aggregator.add(forgotten ? aggregator.init() : held[0], value, key)
      if (forgotten || timestampMs > held[1]) held[1] = timestampMs
      this.store.touch(entry)
    }
    const result = held[0] === null || held[0] === undefined ? null : aggregator.result(held[0])
    this.output.process({ key, windowStartMs: startMs, windowEndMs: endMs }, result, held[1], replaced)
  }
}
