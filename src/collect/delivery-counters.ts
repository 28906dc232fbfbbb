/** What a delivery has done since it was started, for the live picture. Counters only grow. */
import type { RunnerState } from './runner-state.ts'

export interface DeliverySnapshot {
  readonly name: string
  readonly state: RunnerState
  /** Why it failed. */
  readonly error: { readonly code: string; readonly message: string } | null
  readonly connector: string
  /** When the snapshot was made, on the monotonic clock: the difference of two gives rates. */
  readonly atMs: number
  /** Handed to the sink; after a failure some are handed over again and counted again. */
  readonly records: number
  readonly bytes: number
  /** Written, flushed and committed. */
  readonly committedRecords: number
  readonly deadLetters: number
  readonly skippedRecords: number
  readonly flushes: number
  readonly retries: number
  /** The time of the last record that was handed over, and how far it is behind the clock. */
  readonly eventTimeMs: number | null
  readonly lagMs: number | null
  /** In the topics and not taken, as far as is known. */
  readonly lagRecords: number
}

export class DeliveryCounters {
  records = 0
  bytes = 0
  committedRecords = 0
  deadLetters = 0
  skippedRecords = 0
  flushes = 0
  retries = 0
  eventTimeMs: number | null = null
  /** Since the last commit. */
  pendingRecords = 0
}
