/**
 * A time that is moved on often and passed rarely, such as a session timeout that every heartbeat renews.
 *
 * Moving it on costs no timer: the pending one finds, when it fires, that the time has moved, and is set again.
 */
import type { Clock, Timer } from '../platform/clock.ts'

export class Deadline {
  private readonly clock: Clock
  private readonly passed: () => void
  private atMs = Number.POSITIVE_INFINITY
  private timer: Timer | undefined
  private timerAtMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock, passed: () => void) {
    this.clock = clock
    this.passed = passed
  }

  get isSet(): boolean {
    return this.atMs !== Number.POSITIVE_INFINITY
  }

  /** Calls the function once, `delayMs` from now, unless it is set again or cleared before. */
  set(delayMs: number): void {
    this.atMs = this.clock.monotonicMs() + delayMs
    if (this.timer !== undefined && this.timerAtMs <= this.atMs) return
    this.timer?.cancel()
    this.arm(delayMs)
  }

  clear(): void {
    this.atMs = Number.POSITIVE_INFINITY
    this.timer?.cancel()
    this.timer = undefined
    this.timerAtMs = Number.POSITIVE_INFINITY
  }

  private arm(delayMs: number): void {
    this.timerAtMs = this.clock.monotonicMs() + delayMs
    this.timer = this.clock.after(delayMs, () => this.fire())
  }

  private fire(): void {
    this.timer = undefined
    this.timerAtMs = Number.POSITIVE_INFINITY
    const leftMs = this.atMs - this.clock.monotonicMs()
    if (!this.isSet) return
    if (leftMs > 0) {
      this.arm(Math.ceil(leftMs))
      return
    }
    this.atMs = Number.POSITIVE_INFINITY
    this.passed()
  }
}
