/** Bytes that wait for an acknowledgement, and those who wait until there are fewer. */
import type { MillraceError } from '../../core/errors.ts'
import type { Clock } from '../../platform/clock.ts'

/** After so many bytes the event loop gets a turn, or answers would wait until the budget is used up. */
const BYTES_PER_TURN = 256 * 1024
/** Who waits goes on when no more than this share is used, with room for many records and not for the next few. */
const ROOM_AGAIN_SHARE = 0.5

export class MemoryBudget {
  usedBytes = 0
  private readonly clock: Clock
  private readonly maxBytes: number
  private addedBytes = 0
  private waiting: { readonly resolve: () => void; readonly reject: (error: MillraceError) => void }[] = []

  constructor(clock: Clock, maxBytes: number) {
    this.clock = clock
    this.maxBytes = maxBytes
  }

  get full(): boolean {
    return this.usedBytes >= this.maxBytes
  }

  /** Somebody waits, or would have to: nothing should be held back for longer. */
  get scarce(): boolean {
    return this.full || this.waiting.length > 0
  }

  add(bytes: number): void {
    this.usedBytes += bytes
    this.addedBytes += bytes
  }

  /** Lets those go on who wait, if there is room now. */
  release(bytes: number): void {
    this.usedBytes -= bytes
    if (this.waiting.length === 0 || this.usedBytes > this.maxBytes * ROOM_AGAIN_SHARE) return
    for (const { resolve } of this.waiting.splice(0)) resolve()
  }

  /** Resolves when there is room; rejects when the producer ends before. */
  room(): Promise<void> {
    if (!this.full) {
      if (this.addedBytes < BYTES_PER_TURN) return Promise.resolve()
      this.addedBytes = 0
      return this.clock.nextTurn()
    }
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
  }

  end(error: MillraceError): void {
    for (const { reject } of this.waiting.splice(0)) reject(error)
  }
}
