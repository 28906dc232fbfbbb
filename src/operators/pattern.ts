/**
 * Patterns over time: events of one key that follow each other, or that something does not follow, within a time.
 *
 * A pattern is a row of steps. The first names the events that begin a match; each further one either takes the next
 * event of its stream, or demands that there is none.
 * - Every event of the first step begins a match of its own; it takes the first event that fits each later step.
 * - An event follows another when it is later, by at most the step's time.
 * - What must not happen must not happen between the event before it and the one after it, or, at the end, within
 *   the step's time. Then the match is certain when that time has passed, and has that time as its timestamp.
 *
 * 1. `process` keeps events until stream time less grace has reached them, so that events are matched in the order of
 *    their times, at equal times as they came. One that comes later than the grace is late.
 * 2. `settle` matches them: it ends, moves on and begins the matches of the key.
 */
import { MillraceError } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import { json, type Serde } from '../core/serde.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { KeyDeadlines } from './key-deadlines.ts'
import type { Operator, OperatorContext, OperatorSpec, Receiver } from './operator.ts'

/** Input `n` of the operator is the stream of step `n`. */
export interface PatternStep {
  readonly name: string
  /** True: an event of this stream must not happen. */
  readonly absent: boolean
  /** How long after the event before it; of an absent step that is not the last, Infinity. */
  readonly withinMs: number
}

export interface PatternOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly steps: readonly PatternStep[]
  readonly graceMs: number
  /** Matches that one key may have begun at a time, and events that it may have waiting. */
  readonly matchesMax: number
}

/** The events of a match so far, by the number of their step. */
interface Match {
  readonly values: readonly (readonly [step: number, value: unknown])[]
  readonly lastMs: number
}

interface KeyState {
  /** In the order in which they began. */
  matches: Match[]
  /** Events that are not settled yet, in the order of their times. */
  waiting: (readonly [atMs: number, step: number, value: unknown])[]
}

export function patternOperator(options: PatternOptions): OperatorSpec {
  const storeSpec = keyValueStore<unknown, KeyState>(options.store, options.keySerde, json<KeyState>())
  return {
    kind: 'pattern',
    stores: [storeSpec],
    outputDelayMs: options.graceMs,
    timely: true,
    keyed: true,
    create: (name, context, output) => new Matcher(name, options, context, output, context.store(storeSpec)),
  }
}

type Store = ReturnType<ReturnType<typeof keyValueStore<unknown, KeyState>>['create']>

class Matcher implements Operator {
  readonly inputs: readonly Receiver[]
  private readonly name: string
  private readonly options: PatternOptions
  private readonly context: OperatorContext
  private readonly output: Receiver
  private readonly store: Store
  private keyDeadlines: KeyDeadlines<unknown> | undefined

  constructor(
    name: string,
    options: PatternOptions,
    context: OperatorContext,
    output: Receiver,
    store: Store,
  ) {
    invariant(options.steps[0]?.absent === false, 'a pattern begins with an event')
    this.name = name
    this.options = options
    this.context = context
    this.output = output
    this.store = store
    this.inputs = options.steps.map((_, step) => ({
      process: (key, value, timestampMs) => this.take(step, key, value, timestampMs),
    }))
  }

  nextDeadlineMs(): number {
    return this.deadlines().firstMs
  }

  advance(streamTimeMs: number): void {
    for (const key of this.deadlines().due(streamTimeMs)) {
      const state = this.store.get(key)
      if (state === undefined) continue
      // Stream time is no time to keep it under: at the end of bounded input it is Infinity.
      const newestMs = Math.max(
        ...state.matches.map(({ lastMs }) => lastMs),
        ...state.waiting.map(([atMs]) => atMs),
      )
      this.settle(key, state, streamTimeMs)
      this.keep(key, state, newestMs)
    }
  }

  private take(step: number, key: unknown, value: unknown, timestampMs: number): void {
    if (key === null || key === undefined) return
    const { graceMs, matchesMax } = this.options
    const streamTimeMs = this.context.streamTimeMs()
    if (timestampMs + graceMs < streamTimeMs) {
      const windowEndMs = timestampMs + graceMs
      this.context.late({ operator: this.name, key, value, timestampMs, windowEndMs })
      return
    }
    const state = this.store.get(key) ?? { matches: [], waiting: [] }
    if (state.matches.length + state.waiting.length >= matchesMax) {
      throw new MillraceError(
        'MR_LIMIT',
        `"${this.name}" has ${matchesMax} open matches of one key already`,
        {
          hint: 'Shorten the time within which its steps follow each other, or raise `limit`.',
        },
      )
    }
    const { waiting } = state
    let at = waiting.length
    while (at > 0 && waiting[at - 1]![0] > timestampMs) at--
    waiting.splice(at, 0, [timestampMs, step, value])
    this.settle(key, state, streamTimeMs)
    this.keep(key, state, timestampMs)
  }

  /** Matches what no event that is still to come can go before. */
  private settle(key: unknown, state: KeyState, streamTimeMs: number): void {
    const settledMs = streamTimeMs - this.options.graceMs
    const { waiting } = state
    let settled = 0
    for (; settled < waiting.length && waiting[settled]![0] <= settledMs; settled++) {
      const [atMs, step, value] = waiting[settled]!
      this.expire(key, state, atMs)
      state.matches = state.matches.flatMap((match) => this.after(key, match, atMs, step, value))
      if (step === 0) state.matches.push({ values: [[0, value]], lastMs: atMs })
    }
    state.waiting = waiting.slice(settled)
    this.expire(key, state, settledMs)
  }

  /** What becomes of a match by an event: nothing, or it ends, or it has one event more. */
  private after(key: unknown, match: Match, atMs: number, step: number, value: unknown): Match[] {
    const [from, to] = this.awaited(match)
    if (step < from || step > to || atMs <= match.lastMs) return [match]
    const { steps } = this.options
    if (steps[step]!.absent) return []
    const longer: Match = { values: [...match.values, [step, value]], lastMs: atMs }
    if (step < steps.length - 1) return [longer]
    this.give(key, longer, atMs)
    return []
  }

  /** The steps that may come next: those that must be absent, and then the one that is taken, if there is one. */
  private awaited(match: Match): readonly [from: number, to: number] {
    const { steps } = this.options
    const from = match.values.at(-1)![0] + 1
    let to = from
    while (to < steps.length - 1 && steps[to]!.absent) to++
    return [from, to]
  }

  /** The last time at which the next event of a match may come. */
  private endMs(match: Match): number {
    return match.lastMs + this.options.steps[this.awaited(match)[1]]!.withinMs
  }

  /** Ends the matches whose time was over before `timeMs`; where nothing was to come, they are certain. */
  private expire(key: unknown, state: KeyState, timeMs: number): void {
    const over = state.matches.filter((match) => this.endMs(match) < timeMs)
    if (over.length === 0) return
    state.matches = state.matches.filter((match) => this.endMs(match) >= timeMs)
    over.sort((a, b) => this.endMs(a) - this.endMs(b))
    for (const match of over) {
      if (this.options.steps[this.awaited(match)[1]]!.absent) this.give(key, match, this.endMs(match))
    }
  }

  private give(key: unknown, match: Match, timestampMs: number): void {
    const { steps } = this.options
    const result = Object.fromEntries(match.values.map(([step, value]) => [steps[step]!.name, value]))
    this.output.process(key, result, timestampMs)
  }

  private keep(key: unknown, state: KeyState, timestampMs: number): void {
    const empty = state.matches.length === 0 && state.waiting.length === 0
    this.store.put(key, empty ? undefined : state, timestampMs)
    if (!empty) this.deadlines().schedule(key, this.dueMs(state))
  }

  private dueMs(state: KeyState): number {
    const { graceMs } = this.options
    const firstMs = state.waiting[0]?.[0] ?? Number.POSITIVE_INFINITY
    // A match is over strictly after its end.
    return Math.min(firstMs, ...state.matches.map((match) => this.endMs(match) + 1)) + graceMs
  }

  /** Made on first use, after the store was restored. */
  private deadlines(): KeyDeadlines<unknown> {
    if (this.keyDeadlines === undefined) {
      this.keyDeadlines = new KeyDeadlines()
      for (const [key, state] of this.store.all()) this.keyDeadlines.schedule(key, this.dueMs(state))
    }
    return this.keyDeadlines
  }
}
