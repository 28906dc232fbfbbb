/**
 * Assembles events of several kinds into one record per key: what a meeting, an order or a session was, from all the
 * streams that tell parts of it.
 *
 * The events of a key, in the order of their times (at equal times in the order of the kinds, then as they came), are
 * cut into assemblies: after each event of the kind `last`, and where nothing happens for longer than the time-out.
 * 1. `process` keeps an event; one that comes more than the grace behind stream time is late.
 * 2. `advance` gives out the assemblies that nothing can be added to any more: stream time has passed the last event
 *    plus grace, and plus the time-out where no event of the kind `last` has ended it. So what comes afterwards and
 *    is on time always belongs to a later assembly.
 * Pairs: within an assembly, events of a start kind and a stop kind become intervals, for each id by itself. A start
 * after a start leaves the first without a stop; a stop after a stop has no start.
 */
import { MillraceError } from '../core/errors.ts'
import { json, type Serde } from '../core/serde.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { KeyDeadlines } from './key-deadlines.ts'
import {
  type Operator,
  type OperatorContext,
  type OperatorSpec,
  type Receiver,
  unlessRefused,
} from './operator.ts'

export interface PairOptions {
  /** The kinds by number. */
  readonly start: number
  readonly stop: number
  /** Which starts and stops belong together; all of the key's when it is missing. */
  readonly by: ((value: unknown) => string) | undefined
}

export interface AssembleOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly kinds: readonly string[]
  readonly pairs: Readonly<Record<string, PairOptions>>
  /** Kinds that every assembly should have, by number. */
  readonly needs: readonly number[]
  /** The kind that ends an assembly, by number; -1 for none. */
  readonly last: number
  readonly timeoutMs: number
  readonly graceMs: number
  /** Events that one key may have at a time. */
  readonly eventsMax: number
}

/** An event of an assembly. */
export interface AssembledEvent<V = unknown> {
  readonly atMs: number
  readonly value: V
}

/** What happened between a start and a stop; null for what is missing of it. */
export interface Interval<A = unknown, B = unknown> {
  readonly id: string | null
  readonly startMs: number | null
  readonly stopMs: number | null
  readonly start: A | null
  readonly stop: B | null
}

/** One assembly. */
export interface Assembly {
  readonly events: Readonly<Record<string, readonly AssembledEvent[]>>
  readonly intervals: Readonly<Record<string, readonly Interval[]>>
  /** The kinds that it needs and has no event of. */
  readonly missing: readonly string[]
  /** What ended it. */
  readonly ended: 'last' | 'timeout'
  /** The times of its first and last event. */
  readonly startMs: number
  readonly endMs: number
}

/** An event as it is kept. */
type Kept = readonly [atMs: number, kind: number, value: unknown]

interface Piece {
  readonly events: readonly Kept[]
  readonly ended: Assembly['ended']
  readonly endMs: number
  /** It is closed once stream time has passed this. */
  readonly deadlineMs: number
}

export function assembleOperator(options: AssembleOptions): OperatorSpec {
  const storeSpec = keyValueStore<unknown, Kept[]>(options.store, options.keySerde, json<Kept[]>())
  return {
    kind: 'assemble',
    stores: [storeSpec],
    outputDelayMs: options.timeoutMs + options.graceMs,
    timely: true,
    keyed: true,
    create: (name, context, output) =>
      new Assembler(name, options, context, output, context.store(storeSpec)),
  }
}

type Store = ReturnType<ReturnType<typeof keyValueStore<unknown, Kept[]>>['create']>

class Assembler implements Operator {
  readonly inputs: readonly Receiver[]
  private readonly name: string
  private readonly options: AssembleOptions
  private readonly context: OperatorContext
  private readonly output: Receiver
  private readonly store: Store
  private keyDeadlines: KeyDeadlines<unknown> | undefined

  constructor(
    name: string,
    options: AssembleOptions,
    context: OperatorContext,
    output: Receiver,
    store: Store,
  ) {
    this.name = name
    this.options = options
    this.context = context
    this.output = output
    this.store = store
    this.inputs = options.kinds.map((_, kind) => ({
      process: (key, value, timestampMs) => this.take(kind, key, value, timestampMs),
    }))
  }

  nextDeadlineMs(): number {
    return this.deadlines().firstMs
  }

  advance(streamTimeMs: number): void {
    for (const key of this.deadlines().due(streamTimeMs)) {
      const kept = this.store.get(key) ?? []
      let closed = 0
      for (const piece of pieces(kept, this.options)) {
        if (piece.deadlineMs >= streamTimeMs) {
          this.deadlines().schedule(key, piece.deadlineMs + 1)
          break
        }
        closed += piece.events.length
        const assembly = unlessRefused(
          this.context,
          () => assemblyOf(piece, this.options),
          () => ({ key, value: eventsOf(piece, this.options), timestampMs: piece.endMs }),
        )
        if (assembly !== undefined) this.output.process(key, assembly.made, piece.endMs)
      }
      if (closed === 0) continue
      const rest = closed === kept.length ? undefined : kept.slice(closed)
      this.store.put(key, rest, kept.at(-1)![0])
    }
  }

  private take(kind: number, key: unknown, value: unknown, timestampMs: number): void {
    if (key === null || key === undefined) return
    const { graceMs, eventsMax, last, timeoutMs } = this.options
    if (timestampMs + graceMs < this.context.streamTimeMs()) {
      const windowEndMs = timestampMs + graceMs
      this.context.late({ operator: this.name, key, value, timestampMs, windowEndMs })
      return
    }
    const kept = this.store.get(key) ?? []
    if (kept.length >= eventsMax) {
      throw new MillraceError('MR_LIMIT', `"${this.name}" keeps ${eventsMax} events of one key already`, {
        hint: 'Shorten its time-out, name the kind of event that is the last, or raise `limit`.',
      })
    }
    let at = kept.length
    while (at > 0 && isAfter(kept[at - 1]!, timestampMs, kind)) at--
    kept.splice(at, 0, [timestampMs, kind, value])
    const deadlines = this.deadlines()
    this.store.put(key, kept, timestampMs)
    deadlines.schedule(key, timestampMs + graceMs + (kind === last ? 0 : timeoutMs) + 1)
  }

  /** Made on first use, after the store was restored. */
  private deadlines(): KeyDeadlines<unknown> {
    if (this.keyDeadlines === undefined) {
      this.keyDeadlines = new KeyDeadlines()
      for (const [key, kept] of this.store.all()) {
        const [first] = pieces(kept, this.options)
        if (first !== undefined) this.keyDeadlines.schedule(key, first.deadlineMs + 1)
      }
    }
    return this.keyDeadlines
  }
}

function isAfter([atMs, kind]: Kept, timestampMs: number, ownKind: number): boolean {
  return atMs > timestampMs || (atMs === timestampMs && kind > ownKind)
}

/** Cuts a key's events, which are in order, into assemblies. */
function* pieces(kept: readonly Kept[], options: AssembleOptions): Generator<Piece> {
  const { last, timeoutMs, graceMs } = options
  let from = 0
  for (let at = 0; at < kept.length; at++) {
    const [atMs, kind] = kept[at]!
    const ended = kind === last
    const next = kept[at + 1]
    if (!ended && next !== undefined && next[0] - atMs <= timeoutMs) continue
    const deadlineMs = atMs + graceMs + (ended ? 0 : timeoutMs)
    const events = kept.slice(from, at + 1)
    yield { events, ended: ended ? 'last' : 'timeout', endMs: atMs, deadlineMs }
    from = at + 1
  }
}

function eventsOf({ events }: Piece, { kinds }: AssembleOptions): Assembly['events'] {
  const byKind: AssembledEvent[][] = kinds.map(() => [])
  for (const [atMs, kind, value] of events) byKind[kind]!.push({ atMs, value })
  return Object.fromEntries(kinds.map((kind, at) => [kind, byKind[at]!]))
}

function assemblyOf(piece: Piece, options: AssembleOptions): Assembly {
  const { kinds, needs, pairs } = options
  const { events, ended, endMs } = piece
  const byKind = eventsOf(piece, options)
  const intervals: Record<string, readonly Interval[]> = {}
  for (const [name, pair] of Object.entries(pairs)) intervals[name] = intervalsOf(events, pair)
  return {
    events: byKind,
    intervals,
    missing: needs.map((kind) => kinds[kind]!).filter((kind) => byKind[kind]!.length === 0),
    ended,
    startMs: events[0]![0],
    endMs,
  }
}

/** In the order in which they begin, or end where nothing is known of their beginning. */
function intervalsOf(events: readonly Kept[], { start, stop, by }: PairOptions): Interval[] {
  const intervals: { -readonly [P in keyof Interval]: Interval[P] }[] = []
  const open = new Map<string | null, (typeof intervals)[number]>()
  for (const [atMs, kind, value] of events) {
    if (kind !== start && kind !== stop) continue
    const id = by === undefined ? null : by(value)
    if (kind === start) {
      const interval = { id, startMs: atMs, stopMs: null, start: value, stop: null }
      intervals.push(interval)
      open.set(id, interval)
      continue
    }
    const begun = open.get(id)
    open.delete(id)
    if (begun === undefined) intervals.push({ id, startMs: null, stopMs: atMs, start: null, stop: value })
    else {
      begun.stopMs = atMs
      begun.stop = value
    }
  }
  return intervals
}
