/**
 * Aggregates the records of a key within sessions: runs of records with no pause longer than the gap.
 *
 * Start and end are timestamps of records, both included; records exactly one gap apart are in one session
 * (Kafka Streams' SessionWindows). A record may join two sessions into one. A session is closed when stream time
 * has passed its end by more than gap plus grace. Results:
 *   close   one per session when it closes
 *   update  one per record; before it a tombstone for each session that the record made longer or joined
 * All have the session's end as their timestamp.
 *
 * Closing finds its sessions with a heap of deadlines that has one entry per session, pushed when the session is
 * opened. When an entry comes up whose session has grown since, it goes back with the later deadline; one whose
 * session was merged into another is dropped.
 */
import { json, type Serde } from '../core/serde.ts'
import { type Session, type SessionSlot, sessionStore } from '../state/session-store.ts'
import { queried } from '../state/store.ts'
import { aggregateView, type FoundState } from './aggregate-view.ts'
import type { AnyAggregator } from './aggregator.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import type { BeforeFlag, Operator, OperatorContext, OperatorSpec, Receiver } from './operator.ts'
import { replacedResult } from './replaced-result.ts'
import type { Windowed } from './windowed.ts'

export interface SessionAggregateOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly aggregator: AnyAggregator<unknown>
  readonly gapMs: number
  readonly graceMs: number
  readonly emit: 'close' | 'update'
}

export function sessionAggregateOperator(options: SessionAggregateOptions): OperatorSpec {
  const { aggregator, keySerde } = options
  const storeSpec = queried(sessionStore<unknown, unknown>(options.store, keySerde, json<unknown>()), {
    keySerde,
    show: (state) => aggregator.result(state),
  })
  const before: BeforeFlag = { wanted: false }
  return {
    kind: 'session-aggregate',
    stores: [storeSpec],
    outputDelayMs: options.emit === 'close' ? options.gapMs + options.graceMs + 1 : 0,
    before,
    ...(options.emit === 'update' ? { view: aggregateView(storeSpec, aggregator, foundIn) } : {}),
    keyed: true,
    create: (name, context, output) =>
      new SessionAggregate(name, { ...options, before }, context.store(storeSpec), context, output),
  }
}

type Store = ReturnType<ReturnType<typeof sessionStore<unknown, unknown>>['create']>

function foundIn(
  store: Store,
  { key, windowStartMs, windowEndMs }: Windowed<unknown>,
): FoundState | undefined {
  const sessions = store.overlapping(key, windowStartMs, windowEndMs)
  const found = sessions.find(({ startMs, endMs }) => startMs === windowStartMs && endMs === windowEndMs)
  return found === undefined ? undefined : [found.state, found.endMs]
}

interface Told extends SessionAggregateOptions {
  readonly before: BeforeFlag
}

class SessionAggregate implements Operator, Receiver {
  readonly inputs: readonly Receiver[] = [this]
  private readonly name: string
  private readonly options: Told
  private readonly store: Store
  private readonly context: OperatorContext
  private readonly output: Receiver
  private heap: DeadlineHeap<SessionSlot<unknown, unknown>> | undefined

  constructor(name: string, options: Told, store: Store, context: OperatorContext, output: Receiver) {
    this.name = name
    this.options = options
    this.store = store
    this.context = context
    this.output = output
  }

  process(key: unknown, value: unknown, timestampMs: number): void {
    if (key === null || key === undefined) return
    const { aggregator, emit, gapMs, graceMs } = this.options
    let startMs = timestampMs
    let endMs = timestampMs
    const touching = this.store.overlapping(key, timestampMs - gapMs, timestampMs + gapMs)
    for (const session of touching) {
      startMs = Math.min(startMs, session.startMs)
      endMs = Math.max(endMs, session.endMs)
    }
    if (endMs + gapMs + graceMs < this.context.streamTimeMs()) {
      this.context.late({ operator: this.name, key, value, timestampMs, windowEndMs: endMs })
      return
    }
    const deadlines = this.deadlines()
    const grown = startMs !== endMs
    let state: unknown
    /** The result under the key that stays. */
    let replaced: unknown = null
    const befores: unknown[] = []
    for (const session of touching) {
      if (emit === 'update') befores.push(replacedResult(this.options.before, aggregator, session.state))
      state = state === undefined ? session.state : aggregator.merge(state, session.state)
    }
    // What may fail comes before anything is changed.
    state = aggregator.add(state ?? aggregator.init(), value, key)
    for (const [at, session] of touching.entries()) {
      this.store.remove(session)
      if (emit !== 'update') continue
      if (grown) this.give(session, null, befores[at])
      else replaced = befores[at]
    }
    if (state === null || state === undefined) {
      if (emit === 'update') this.give({ key, startMs, endMs }, null, replaced)
      return
    }
    const slot = touching[0]?.slot ?? { session: undefined }
    const session = this.store.put(key, startMs, endMs, state, slot)
    if (emit === 'update') this.give(session, aggregator.result(state), replaced)
    if (touching.length === 0) deadlines.push(endMs + gapMs + graceMs, slot)
  }

  nextDeadlineMs(): number {
    // A session closes strictly after its deadline.
    return this.deadlines().firstMs + 1
  }

  advance(streamTimeMs: number): void {
    const deadlines = this.deadlines()
    const { gapMs, graceMs } = this.options
    while (deadlines.firstMs < streamTimeMs) {
      const slot = deadlines.pop()
      const { session } = slot
      if (session === undefined) continue
      const deadlineMs = session.endMs + gapMs + graceMs
      if (deadlineMs >= streamTimeMs) {
        deadlines.push(deadlineMs, slot)
        continue
      }
      this.store.remove(session)
      if (this.options.emit === 'close')
        this.give(session, this.options.aggregator.result(session.state), null)
    }
  }

  private give(
    { key, startMs, endMs }: Pick<Session<unknown, unknown>, 'key' | 'startMs' | 'endMs'>,
    result: unknown,
    before: unknown,
  ): void {
    this.output.process({ key, windowStartMs: startMs, windowEndMs: endMs }, result, endMs, before)
  }

  /** Made on first use, after the store was restored. */
  private deadlines(): DeadlineHeap<SessionSlot<unknown, unknown>> {
    if (this.heap === undefined) {
      this.heap = new DeadlineHeap()
      for (const session of this.store.all()) {
        this.heap.push(session.endMs + this.options.gapMs + this.options.graceMs, session.slot)
      }
    }
    return this.heap
  }
}
