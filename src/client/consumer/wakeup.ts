/** Lets a poll wait until something happens, or its time is over. */
import type { Clock, Timer } from '../../platform/clock.ts'

export class Wakeup {
  private readonly clock: Clock
  private pending = false
  private waiter: { readonly resolve: () => void; readonly timer: Timer } | undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Something happened; remembered if nobody waits. */
  notify(): void {
    const { waiter } = this
    if (waiter === undefined) {
      this.pending = true
      return
    }
    this.waiter = undefined
    waiter.timer.cancel()
    waiter.resolve()
  }

  /** Resolves with the next `notify`, or after `timeoutMs`. One at a time. */
  wait(timeoutMs: number): Promise<void> {
    if (this.pending) {
      this.pending = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      const timer = this.clock.after(timeoutMs, () => {
        this.waiter = undefined
        resolve()
      })
      this.waiter = { resolve, timer }
    })
  }
}
