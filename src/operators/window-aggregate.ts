/**
 * Aggregates the records of a key within windows of fixed size: tumbling, or hopping when they advance by less.
 *
 * Windows are aligned to the epoch; start included, end excluded (Kafka Streams' TimeWindows). A window is closed
 * when stream time reaches its end plus grace; a record for a closed window is late. Results:
 *   close   one per window and key when it closes, timestamp = window end - 1
 *   update  one per record, timestamp = the record's
 * 1. `process` adds to every window that holds the record's time.
 * 2. `advance` emits and drops the windows that stream time has closed, oldest first.
 */
import { json, type Serde } from '../core/serde.ts'
import { windowStore } from '../state/window-store.ts'
import type { AnyAggregator } from './aggregator.ts'
import type { Operator, OperatorContext, OperatorSpec, Receiver } from './operator.ts'

export interface WindowAggregateOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly aggregator: AnyAggregator<unknown>
  readonly sizeMs: number
  /** Equal to the size for tumbling windows. */
  readonly advanceMs: number
  readonly graceMs: number
  readonly emit: 'close' | 'update'
}

export function windowAggregateOperator(options: WindowAggregateOptions): OperatorSpec {
  const storeSpec = windowStore<unknown, unknown>(options.store, options.keySerde, json<unknown>())
  return {
    kind: options.advanceMs === options.sizeMs ? 'tumbling-aggregate' : 'hopping-aggregate',
    stores: [storeSpec],
    outputDelayMs: options.emit === 'close' ? options.graceMs : 0,
    keyed: true,
    create: (name, context, output) =>
      new WindowAggregate(name, options, context.store(storeSpec), context, output),
  }
}

type Store = ReturnType<ReturnType<typeof windowStore<unknown, unknown>>['create']>

class WindowAggregate implements Operator, Receiver {
  readonly inputs: readonly Receiver[] = [this]
  private readonly name: string
  private readonly options: WindowAggregateOptions
  private readonly store: Store
  private readonly context: OperatorContext
  private readonly output: Receiver

  constructor(
    name: string,
    options: WindowAggregateOptions,
    store: Store,
    context: OperatorContext,
    output: Receiver,
  ) {
    this.name = name
    this.options = options
    this.store = store
    this.context = context
    this.output = output
  }

  process(key: unknown, value: unknown, timestampMs: number): void {
    if (key === null || key === undefined) return
    const { sizeMs, advanceMs, graceMs } = this.options
    const closedMs = this.context.streamTimeMs() - graceMs
    const newestStartMs = Math.floor(timestampMs / advanceMs) * advanceMs
    let startMs = newestStartMs
    for (; startMs > timestampMs - sizeMs; startMs -= advanceMs) {
      if (startMs + sizeMs <= closedMs) break
      this.add(startMs, key, value, timestampMs)
    }
    // Windows close oldest first: the record is late only if even its newest window is closed.
    if (startMs === newestStartMs) {
      const windowEndMs = newestStartMs + sizeMs
      this.context.late({ operator: this.name, key, value, timestampMs, windowEndMs })
    }
  }

  nextDeadlineMs(): number {
    return this.store.oldestStartMs + this.options.sizeMs + this.options.graceMs
  }

  advance(streamTimeMs: number): void {
    const { sizeMs, graceMs, emit, aggregator } = this.options
    for (const startMs of this.store.starts()) {
      const endMs = startMs + sizeMs
      if (endMs + graceMs > streamTimeMs) break
      if (emit === 'close') {
        for (const entry of this.store.window(startMs)) {
          const windowed = { key: entry.key, windowStartMs: startMs, windowEndMs: endMs }
          this.output.process(windowed, aggregator.result(entry.state), endMs - 1)
        }
      }
      this.store.removeWindow(startMs)
    }
  }

  private add(startMs: number, key: unknown, value: unknown, timestampMs: number): void {
    const { aggregator, sizeMs, emit } = this.options
    const entry = this.store.find(startMs, key)
    let state: unknown
    if (entry === undefined) {
      state = aggregator.add(aggregator.init(), value, key)
      this.store.add(startMs, key, state)
    } else {
      state = aggregator.add(entry.state, value, key)
      entry.state = state
      this.store.touch(entry)
    }
    if (emit === 'update') {
      const windowed = { key, windowStartMs: startMs, windowEndMs: startMs + sizeMs }
      this.output.process(windowed, aggregator.result(state), timestampMs)
    }
  }
}
