/**
 * Waiting for new records without a promise or timer per append.
 *
 * A fetch that has too few bytes leaves a listener at its partitions. Appends count down; when enough came, or
 * the time is over, the listener goes and the fetch runs again, once, after the append that woke it is done.
 */
import type { Clock } from '../../platform/clock.ts'
import type { Partition } from '../topics/partition.ts'

export class LongPolls {
  private readonly clock: Clock
  private readonly open = new Set<() => void>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Fetches that wait. */
  get size(): number {
    return this.open.size
  }

  /** Resolves when `missingBytes` were appended to the partitions, or after `maxWaitMs`. */
  wait(partitions: readonly Partition[], missingBytes: number, maxWaitMs: number): Promise<void> {
    return new Promise((resolve) => {
      let missing = missingBytes
      let done = false
      const removers: (() => void)[] = []
      const finish = (): void => {
        if (done) return
        done = true
        timer.cancel()
        this.open.delete(finish)
        for (const remove of removers) remove()
        resolve()
      }
      const timer = this.clock.after(maxWaitMs, finish)
      const appended = (bytes: number): void => {
        missing -= bytes
        if (missing <= 0) finish()
      }
      for (const partition of partitions) removers.push(partition.onAppend(appended))
      this.open.add(finish)
    })
  }

  /** Ends all waiting: the broker is about to close. */
  finishAll(): void {
    for (const finish of [...this.open]) finish()
  }
}
