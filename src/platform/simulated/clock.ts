/**
 * A clock that stands still until it is told to go on.
 *
 * 1. Timers and turns are events in one queue, ordered by time, then by order of creation.
 * 2. A step takes the first event, sets the time to its own, runs it, and then lets every promise that it
 *    settled run to its end. So no two events overlap, and the run is a function of the program and its seed.
 * 3. Time jumps from event to event: an hour of waiting costs nothing.
 *
 * It must never be mixed with waiting for the real machine: work that ends in Node's thread pool (file
 * promises, asynchronous zlib) is not waited for, and would end at another step in every run.
 */
import { MillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import type { Clock, Timer } from '../clock.ts'
import { EventQueue } from './event-queue.ts'

/** 2026-01-01T00:00:00Z: where simulated time starts unless told otherwise. */
export const SIMULATION_START_MS = 1_767_225_600_000

export interface SimulatedClockOptions {
  /** Wall-clock time at the start, in milliseconds since the epoch. */
  readonly startMs?: number
  /** Virtual time that `nextTurn` takes. 0 by default; above 0 lets a loop that only takes turns see timers. */
  readonly turnMs?: number
}

export interface RunLimits {
  /** How far virtual time may go on; an hour by default. */
  readonly limitMs?: number
  /** How many events may run; ten million by default. */
  readonly limitEvents?: number
  /** What is waited for, for the error's text. */
  readonly what?: string
}

const HOUR_MS = 3_600_000
const EVENTS_MAX = 10_000_000

/** Lets all promises that can go on do so. Only the event loop itself knows when the last one has. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export class SimulatedClock implements Clock {
  private readonly queue = new EventQueue()
  private readonly turnMs: number
  private startMs: number
  private elapsedMs = 0
  private running = false

  constructor(options: SimulatedClockOptions = {}) {
    this.startMs = options.startMs ?? SIMULATION_START_MS
    this.turnMs = options.turnMs ?? 0
  }

  nowMs(): number {
    return Math.floor(this.startMs + this.elapsedMs)
  }

  monotonicMs(): number {
    return this.elapsedMs
  }

  after(delayMs: number, run: () => void): Timer {
    const event = this.queue.add(this.elapsedMs + Math.max(0, delayMs), run)
    return {
      cancel() {
        event.run = undefined
      },
    }
  }

  nextTurn(): Promise<void> {
    return new Promise((resolve) => this.after(this.turnMs, resolve))
  }

  /** Sets the wall clock forward or back, as an administrator or NTP does; timers do not feel it. */
  jumpWallClock(byMs: number): void {
    this.startMs += byMs
  }

  /** Runs everything that is due within the next `ms`, and leaves the time there. */
  async advance(ms: number, limits: Pick<RunLimits, 'limitEvents'> = {}): Promise<void> {
    const endMs = this.elapsedMs + ms
    await this.exclusively(async () => {
      let events = 0
      for (;;) {
        await settlePromises()
        const next = this.queue.first()
        if (next === undefined || next.atMs > endMs) break
        this.countEvent(++events, limits.limitEvents)
        this.step()
      }
      this.elapsedMs = Math.max(this.elapsedMs, endMs)
    })
  }

  /**
   * Runs events until a condition holds (asked after each) or a promise settles; gives the promise's value.
   *
   * @throws MR_TIMEOUT when virtual time passes the limit, or when nothing is left that could happen;
   *   MR_LIMIT after `limitEvents`; and whatever an event or the promise throws
   */
  async runUntil<T>(goal: Promise<T> | (() => boolean), limits: RunLimits = {}): Promise<T> {
    const endMs = this.elapsedMs + (limits.limitMs ?? HOUR_MS)
    const outcome: { value?: T; error?: unknown; state: 'open' | 'done' | 'failed' } = { state: 'open' }
    if (typeof goal !== 'function') {
      goal.then(
        (value) => Object.assign(outcome, { state: 'done', value }),
        (error) => Object.assign(outcome, { state: 'failed', error }),
      )
    }
    await this.exclusively(async () => {
      let events = 0
      for (;;) {
        await settlePromises()
        if (typeof goal === 'function' ? goal() : outcome.state !== 'open') break
        const next = this.queue.first()
        if (next === undefined || next.atMs > endMs) throw this.stuck(next === undefined, limits)
        this.countEvent(++events, limits.limitEvents)
        this.step()
      }
    })
    if (outcome.state === 'failed') throw outcome.error
    return outcome.value as T
  }

  /** Runs until nothing is left to happen. With a timer that always sets the next one, use `advance`. */
  async drain(limits: RunLimits = {}): Promise<void> {
    await this.runUntil(() => this.queue.first() === undefined, { what: 'an end of all events', ...limits })
  }

  private step(): void {
    const event = this.queue.take()!
    invariant(event.atMs >= this.elapsedMs, 'simulated time does not go back')
    this.elapsedMs = event.atMs
    const run = event.run!
    event.run = undefined
    run()
  }

  private async exclusively(run: () => Promise<void>): Promise<void> {
    invariant(
      !this.running,
      'a simulated clock is driven from one place: await the first run before the next',
    )
    this.running = true
    try {
      await run()
    } finally {
      this.running = false
    }
  }

  private countEvent(events: number, limit = EVENTS_MAX): void {
    if (events <= limit) return
    throw new MillraceError('MR_LIMIT', `${limit} events ran without an end at ${this.elapsedMs} ms`, {
      hint: 'Something asks for another turn or timer for ever; raise limitEvents if it does not.',
    })
  }

  private stuck(nothingLeft: boolean, limits: RunLimits): MillraceError {
    const what = limits.what ?? 'what was waited for'
    const why = nothingLeft ? 'nothing is left to happen' : `the limit is ${limits.limitMs ?? HOUR_MS} ms`
    return new MillraceError('MR_TIMEOUT', `${what} did not happen: ${why}`, {
      where: `simulated time ${this.elapsedMs} ms`,
    })
  }
}
