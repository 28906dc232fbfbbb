/** Where an agent's transactions get their records from: the source as it comes, or a replay of it. */
import type { ReplaySnapshot } from './agent-counters.ts'
import type { AgentPosition } from './position-log.ts'

/**
 * `more`: ask again at once. `wait`: there will be more after so many ms. `idle`: there is nothing new at the moment;
 * look again after so many ms. `ended`: there never will be.
 */
export type FeedOutcome =
  | { readonly kind: 'more' }
  | { readonly kind: 'wait' | 'idle'; readonly waitMs: number }
  | { readonly kind: 'ended' }

export interface Feed {
  /** The position behind all that was added is not committed. */
  readonly moved: boolean
  /** What was added since the last commit is complete up to `position`, so that it may be committed. */
  readonly complete: boolean
  readonly retries: number
  /** Adds some records to the transaction; waits for the source at most `waitMaxMs`. */
  fill(waitMaxMs: number): Promise<FeedOutcome>
  position(): Omit<AgentPosition, 'commit'>
  /** The position was committed. */
  committed(): void
  replay(): ReplaySnapshot | null
  close(): Promise<void>
}
