/** Virtual time for what a pipeline under test asks: a clock that moves only when the driver does. */
import type { Clock, Timer } from '../platform/clock.ts'
import { nodeClock } from '../platform/node/clock.ts'

interface Due {
  readonly atMs: number
  run: (() => void) | undefined
}

export class DriverClock implements Clock {
  private timeMs: number
  private readonly startMs: number
  private timers: Due[] = []

  constructor(startMs: number) {
    this.timeMs = startMs
    this.startMs = startMs
  }

  nowMs(): number {
    return this.timeMs
  }

  monotonicMs(): number {
    return this.timeMs - this.startMs
  }

  after(delayMs: number, run: () => void): Timer {
    const due: Due = { atMs: this.timeMs + Math.max(0, delayMs), run }
    this.timers.push(due)
    return {
      cancel() {
        due.run = undefined
      },
    }
  }

  /** Lets promises go on; no virtual time passes. */
  nextTurn(): Promise<void> {
    return nodeClock.nextTurn()
  }

  /** When the next timer is due; Infinity for none. */
  get firstMs(): number {
    return Math.min(
      Number.POSITIVE_INFINITY,
      ...this.timers.filter(({ run }) => run !== undefined).map(({ atMs }) => atMs),
    )
  }

  /** Goes to a time and calls what is due by then, earliest first; true when anything was. */
  moveTo(timeMs: number): boolean {
    this.timeMs = timeMs
    const due = this.timers.filter(({ atMs }) => atMs <= timeMs).toSorted((a, b) => a.atMs - b.atMs)
    this.timers = this.timers.filter(({ atMs }) => atMs > timeMs)
    for (const timer of due) timer.run?.()
    return due.length > 0
  }
}
