/**
 * Syncs of a log: one at a time, and each serves all who wait when it begins.
 *
 * ```
 * flushed(9) ─┐            ┌─ flushed(12), flushed(14) wait for the next one
 *             sync ≤ 9 ────┘sync ≤ 14 ──────
 * ```
 * A sync that fails says nothing about what reached the disk, and neither does a later one that succeeds (the
 * kernel forgets which pages were lost). So after a failure nothing of the log is trusted again until it is opened
 * anew: all who wait fail, and so does everyone after them.
 */
import type { MillraceError } from '../core/errors.ts'
import { logError } from './log-error.ts'

export interface FlusherOptions {
  /** Syncs the files as they are when it is called. */
  readonly sync: () => Promise<void>
  /** The offset behind the last record written. */
  readonly endOffset: () => number
  /** Called when everything before `offset` is on the disk. */
  readonly onDurable: (offset: number) => void
  readonly onFailure: (error: MillraceError) => void
}

interface Waiter {
  readonly offset: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class Flusher {
  /** Everything before this offset is on the disk. */
  durableOffset: number
  private readonly options: FlusherOptions
  private waiters: Waiter[] = []
  private running: Promise<void> | undefined
  private failure: MillraceError | undefined

  constructor(durableOffset: number, options: FlusherOptions) {
    this.durableOffset = durableOffset
    this.options = options
  }

  /** Resolves when everything before `offset` is on the disk. */
  wait(offset: number): Promise<void> {
    if (offset <= this.durableOffset) return Promise.resolve()
    if (this.failure !== undefined) return Promise.reject(this.failure)
    return new Promise((resolve, reject) => {
      this.waiters.push({ offset, resolve, reject })
      this.start()
    })
  }

  /** Starts a sync for which nobody waits, if none is running. */
  start(): void {
    if (this.running !== undefined || this.failure !== undefined) return
    const offset = this.options.endOffset()
    this.running = this.options.sync().then(
      () => {
        this.running = undefined
        this.reached(offset)
        if (this.waiters.length > 0) this.start()
      },
      (cause: unknown) => {
        this.running = undefined
        this.fail(syncError(cause))
      },
    )
  }

  /** Everything before `offset` is on the disk: after a sync of any kind. */
  reached(offset: number): void {
    if (offset <= this.durableOffset || this.failure !== undefined) return
    this.durableOffset = offset
    this.options.onDurable(offset)
    if (this.waiters.length === 0) return
    const served = this.waiters.filter((waiter) => waiter.offset <= offset)
    this.waiters = this.waiters.filter((waiter) => waiter.offset > offset)
    for (const waiter of served) waiter.resolve()
  }

  /** Fails all who wait, now and later. */
  fail(error: MillraceError): void {
    if (this.failure !== undefined) return
    this.failure = error
    this.options.onFailure(error)
    const failed = this.waiters
    this.waiters = []
    for (const waiter of failed) waiter.reject(error)
  }

  /** Resolves when no sync is running. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running
  }
}

/** The error for files whose sync failed. */
export function syncError(cause: unknown): MillraceError {
  return logError('MR_LOG_READ_ONLY', 'KAFKA_STORAGE_ERROR', 'a sync of the log failed', {
    cause,
    hint: 'What the disk holds is not known. Check the disk, then start again: the log is checked then.',
  })
}
