/** One timer for the earliest of many times. */
import type { Clock, Timer } from '../platform/clock.ts'

export class Alarm {
  private readonly clock: Clock
  private readonly ring: () => void
  private set: { readonly atMs: number; readonly timer: Timer } | undefined

  constructor(clock: Clock, ring: () => void) {
    this.clock = clock
    this.ring = ring
  }

  /** Rings at `atMs` (monotonic), or earlier if it is set so already. It rings once; whoever hears it sets it anew. */
  at(atMs: number): void {
    if (this.set !== undefined && this.set.atMs <= atMs) return
    this.cancel()
    const timer = this.clock.after(Math.max(0, atMs - this.clock.monotonicMs()), () => {
      this.set = undefined
      // A timer of whole milliseconds may come a fraction too early: whoever hears it would find that nothing is due.
      if (this.clock.monotonicMs() < atMs) this.at(atMs)
      else this.ring()
    })
    this.set = { atMs, timer }
  }

  cancel(): void {
    this.set?.timer.cancel()
    this.set = undefined
  }
}
