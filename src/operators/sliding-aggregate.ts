/**
 * Aggregates within sliding windows: windows that records make, each as long as `differenceMs`, both ends included.
 *
 * Every record at t makes the window that ends with it, [t - d, t], and, once a later record falls into it, the one
 * that begins just behind it, [t + 1, t + 1 + d] (Kafka Streams' SlidingWindows, KIP-450). So two records are in one
 * window exactly if they are at most d apart, and there is one window per different set of records.
 *
 * For a record at t, the key's windows that begin in [t - 2d, t + 1] are walked newest first:
 * 1. Those that hold t take the record. What the newest of them held before belongs to the window behind t as well.
 * 2. The newest one that ends before t, or what the window ending at t held, tells the record before t: the window
 *    behind that record is made, if it holds t and is not there.
 * 3. The window that ends at t is made, with what its predecessor held.
 * 4. The window behind t is made, if there are records in it.
 * Records nearer to the epoch than d share the window [0, d], since no window begins before the epoch.
 *
 * A window whose aggregator answers with null or undefined for its state is there no more.
 *
 * A window takes records until stream time has passed its end by more than grace. `update` gives a result per change,
 * with the largest timestamp in the window; `close` one per window once it takes no more, with the window's end.
 * What the store keeps: [state, largest timestamp, 1 once its result was given].
 */
import { json, type Serde } from '../core/serde.ts'
import { mapKeyOf, queried } from '../state/store.ts'
import { type WindowEntry, type WindowStore, windowStore } from '../state/window-store.ts'
import { aggregateView } from './aggregate-view.ts'
import type { AnyAggregator } from './aggregator.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import type { BeforeFlag, Operator, OperatorContext, OperatorSpec, Receiver } from './operator.ts'
import { replacedResult } from './replaced-result.ts'
import type { Windowed } from './windowed.ts'

export interface SlidingAggregateOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly aggregator: AnyAggregator<unknown>
  readonly differenceMs: number
  readonly graceMs: number
  readonly emit: 'close' | 'update'
}

type Held = [state: unknown, timestampMs: number, given: 0 | 1]
type Entry = WindowEntry<unknown, Held>

export function slidingAggregateOperator(options: SlidingAggregateOptions): OperatorSpec {
  const { aggregator, differenceMs, keySerde } = options
  const storeSpec = queried(windowStore<unknown, Held>(options.store, keySerde, json<Held>()), {
    keySerde,
    show: (held) => aggregator.result((held as Held)[0]),
    windowEndMs: (startMs) => startMs + differenceMs,
  })
  const before: BeforeFlag = { wanted: false }
  return {
    kind: 'sliding-aggregate',
    stores: [storeSpec],
    outputDelayMs: options.emit === 'close' ? options.graceMs + 1 : 0,
    before,
    ...(options.emit === 'update' ? { view: aggregateView(storeSpec, aggregator, foundIn) } : {}),
    keyed: true,
    create: (name, context, output) =>
      new SlidingAggregate(name, { ...options, before }, context.store(storeSpec), context, output),
  }
}

interface Told extends SlidingAggregateOptions {
  readonly before: BeforeFlag
}

function foundIn(
  store: WindowStore<unknown, Held>,
  { key, windowStartMs }: Windowed<unknown>,
): Held | undefined {
  return store.find(windowStartMs, key)?.state
}

class SlidingAggregate implements Operator, Receiver {
  readonly inputs: readonly Receiver[] = [this]
  private readonly name: string
  private readonly options: Told
  private readonly store: WindowStore<unknown, Held>
  private readonly context: OperatorContext
  private readonly output: Receiver
  /** The starts of each key's windows, oldest first. */
  private index: Map<string | number, number[]> | undefined
  /** Starts of windows whose results are due; starts may stand in it that have gone. */
  private readonly closing = new DeadlineHeap<number>()
  private readonly due = new Set<number>()
  /** Some window took the record that is being processed. */
  private taken = false

  constructor(
    name: string,
    options: Told,
    store: WindowStore<unknown, Held>,
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
    if (key === null || key === undefined || value === null || value === undefined) return
    const { differenceMs } = this.options
    // The last window that could hold the record is the one that begins with it.
    if (timestampMs + differenceMs < this.closedMs) {
      this.late(key, value, timestampMs, timestampMs + differenceMs)
      return
    }
    this.taken = false
    if (timestampMs >= 0 && timestampMs < differenceMs) this.processNearEpoch(key, value, timestampMs)
    else this.processRecord(key, value, timestampMs)
    if (!this.taken) this.late(key, value, timestampMs, timestampMs)
  }

  nextDeadlineMs(): number {
    this.keyIndex()
    return this.closing.firstMs
  }

  advance(streamTimeMs: number): void {
    this.keyIndex()
    const { differenceMs, graceMs, emit, aggregator } = this.options
    while (this.closing.size > 0 && this.closing.firstMs <= streamTimeMs) {
      const startMs = this.closing.pop()
      const windowEndMs = startMs + differenceMs
      if (emit === 'close' && this.due.delete(startMs)) {
        for (const entry of this.store.window(startMs)) {
          if (entry.state[2] === 1 || forgotten(entry.state)) continue
          entry.state[2] = 1
          this.store.touch(entry)
          const windowed = { key: entry.key, windowStartMs: startMs, windowEndMs }
          this.output.process(windowed, aggregator.result(entry.state[0]), windowEndMs, null)
        }
        this.closing.push(startMs + 3 * differenceMs + graceMs + 1, startMs)
      } else this.drop(startMs)
    }
  }

  private processRecord(key: unknown, value: unknown, timestampMs: number): void {
    const { differenceMs } = this.options
    const starts = this.startsOf(key)
    let before: Held | undefined
    let behind: Held | undefined
    let previousMs: number | undefined
    let endsHere = false
    let behindThere = false
    let newest = true
    const seen = new Set<number>()
    for (const startMs of starts.toReversed()) {
      if (startMs > timestampMs + 1) continue
      if (startMs < timestampMs - 2 * differenceMs) break
      const entry = this.store.find(startMs, key) as Entry
      if (forgotten(entry.state)) continue
      seen.add(startMs)
      const endMs = startMs + differenceMs
      if (startMs === timestampMs + 1) behindThere = true
      else if (endMs > timestampMs) {
        if (newest && !behindThere && entry.state[1] > timestampMs) behind = copyOf(entry.state)
        newest = false
        this.update(entry, value, timestampMs)
      } else if (endMs === timestampMs) {
        endsHere = true
        const largestMs = entry.state[1]
        this.update(entry, value, timestampMs)
        if (largestMs >= timestampMs) return
        previousMs = largestMs
      } else {
        before = entry.state
        previousMs = entry.state[1]
        break
      }
    }
    if (previousMs !== undefined) {
      const startMs = previousMs + 1
      if (!seen.has(startMs) && startMs + differenceMs >= timestampMs)
        this.make(key, startMs, undefined, value, timestampMs)
    }
    if (!endsHere) {
      const holdsPrevious = previousMs !== undefined && timestampMs - differenceMs <= previousMs
      this.make(key, timestampMs - differenceMs, holdsPrevious ? before : undefined, value, timestampMs)
    }
    if (behind !== undefined) this.makeBehind(key, behind, timestampMs)
  }

  private processNearEpoch(key: unknown, value: unknown, timestampMs: number): void {
    let behind: Held | undefined
    let combined: Entry | undefined
    let previousMs: number | undefined
    let behindThere = false
    const seen = new Set<number>()
    for (const startMs of [...this.startsOf(key)]) {
      if (startMs < 0) continue
      if (startMs > timestampMs + 1) break
      const entry = this.store.find(startMs, key) as Entry
      if (forgotten(entry.state)) continue
      seen.add(startMs)
      if (startMs === 0) {
        combined = entry
        if (entry.state[1] < timestampMs) previousMs = entry.state[1]
      } else if (startMs <= timestampMs) {
        behind = copyOf(entry.state)
        this.update(entry, value, timestampMs)
      } else behindThere = true
    }
    if (behind === undefined && combined !== undefined && combined.state[1] > timestampMs)
      behind = copyOf(combined.state)
    if (!behindThere && behind !== undefined && behind[1] > timestampMs)
      this.makeBehind(key, behind, timestampMs)
    if (previousMs !== undefined && !seen.has(previousMs + 1))
      this.make(key, previousMs + 1, undefined, value, timestampMs)
    if (combined === undefined) this.make(key, 0, undefined, value, timestampMs)
    else this.update(combined, value, timestampMs)
  }

  /** The time up to which windows take no more records. */
  private get closedMs(): number {
    return this.context.streamTimeMs() - this.options.graceMs
  }

  /** Adds the record to a window that is there. */
  private update(entry: Entry, value: unknown, timestampMs: number): void {
    const windowEndMs = entry.startMs + this.options.differenceMs
    if (windowEndMs < this.closedMs) return
    this.taken = true
    const { state } = entry
    const replaced = this.replaced(state)
    state[0] = this.options.aggregator.add(state[0], value, entry.key)
    if (timestampMs > state[1]) state[1] = timestampMs
    this.store.touch(entry)
    this.give(entry.key, entry.startMs, state, replaced)
  }

  /** Makes a window with what `held` holds and the record. */
  private make(
    key: unknown,
    startMs: number,
    held: Held | undefined,
    value: unknown,
    timestampMs: number,
  ): void {
    if (startMs + this.options.differenceMs < this.closedMs) return
    this.taken = true
    const { aggregator } = this.options
    const before = held === undefined ? aggregator.init() : copyOf(held)[0]
    const state: Held = [aggregator.add(before, value, key), timestampMs, 0]
    const there = this.store.find(startMs, key)
    if (there === undefined || forgotten(there.state)) {
      this.insert(key, startMs, state)
      return
    }
    // The window behind the record before t is the one that ends at t: Kafka Streams gives it twice.
    const replaced = this.replaced(there.state)
    there.state = state
    this.store.touch(there)
    this.give(key, startMs, state, replaced)
  }

  /** Makes the window behind a record from what a window that holds the record held before. */
  private makeBehind(key: unknown, held: Held, timestampMs: number): void {
    this.insert(key, timestampMs + 1, [held[0], held[1], 0])
  }

  private insert(key: unknown, startMs: number, state: Held): void {
    const there = this.store.find(startMs, key)
    if (there === undefined) {
      this.store.add(startMs, key, state)
      const starts = this.startsOf(key)
      let at = starts.length
      while (at > 0 && starts[at - 1]! > startMs) at--
      starts.splice(at, 0, startMs)
      this.keyIndex().set(mapKeyOf(key), starts)
    } else {
      there.state = state
      this.store.touch(there)
    }
    this.schedule(startMs)
    this.give(key, startMs, state, null)
  }

  /** The result of a state that is about to change. */
  private replaced(state: Held): unknown {
    return replacedResult(this.options.before, this.options.aggregator, state[0])
  }

  private give(key: unknown, windowStartMs: number, state: Held, before: unknown): void {
    if (this.options.emit !== 'update') return
    const windowed = { key, windowStartMs, windowEndMs: windowStartMs + this.options.differenceMs }
    const result = forgotten(state) ? null : this.options.aggregator.result(state[0])
    this.output.process(windowed, result, state[1], before)
  }

  private late(key: unknown, value: unknown, timestampMs: number, windowEndMs: number): void {
    this.context.late({ operator: this.name, key, value, timestampMs, windowEndMs })
  }

  /** A window is looked at by records up to three differences behind its start, and then dropped. */
  private schedule(startMs: number): void {
    if (this.due.has(startMs)) return
    this.due.add(startMs)
    const { emit, differenceMs, graceMs } = this.options
    this.closing.push(startMs + (emit === 'close' ? 1 : 3) * differenceMs + graceMs + 1, startMs)
  }

  private drop(startMs: number): void {
    this.due.delete(startMs)
    const index = this.keyIndex()
    for (const { key } of this.store.window(startMs)) {
      const mapKey = mapKeyOf(key)
      const starts = index.get(mapKey)
      if (starts === undefined) continue
      if (starts.length === 1) index.delete(mapKey)
      else starts.splice(starts.indexOf(startMs), 1)
    }
    this.store.removeWindow(startMs)
  }

  private startsOf(key: unknown): number[] {
    return this.keyIndex().get(mapKeyOf(key)) ?? []
  }

  /** Made on first use, after the store was restored. */
  private keyIndex(): Map<string | number, number[]> {
    if (this.index === undefined) {
      this.index = new Map()
      for (const startMs of this.store.starts()) {
        for (const { key } of this.store.window(startMs)) {
          const starts = this.index.get(mapKeyOf(key))
          if (starts === undefined) this.index.set(mapKeyOf(key), [startMs])
          else starts.push(startMs)
        }
        this.schedule(startMs)
      }
    }
    return this.index
  }
}

/** The aggregator has forgotten the key in this window: it is as if the window were not there. */
function forgotten([state]: Held): boolean {
  return state === null || state === undefined
}

/** A copy that shares nothing: aggregators may change a state in place, and it survives JSON. */
function copyOf(held: Held): Held {
  const [state, timestampMs, given] = held
  return [typeof state === 'object' ? JSON.parse(JSON.stringify(state)) : state, timestampMs, given]
}
