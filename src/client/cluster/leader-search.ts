/**
 * Reads metadata anew for whoever has found that a leader is missing or another one, and lets it look again a little
 * later. One search at a time, and searches in a row with growing pauses, so that a cluster that has no leader for a
 * partition is not asked all the time.
 */
import type { Timer } from '../../platform/clock.ts'
import type { Cluster } from '../cluster.ts'
import { Backoff } from '../retry.ts'

const PAUSE_FIRST_MS = 20
const PAUSE_MAX_MS = 200
/** A search so long after the last one is the first of a row. */
const ROW_ENDS_MS = 1000

export class LeaderSearch {
  private readonly cluster: Cluster
  private readonly onSearched: () => void
  private readonly backoff: Backoff
  private lastMs = Number.NEGATIVE_INFINITY
  private searching = false
  private timer: Timer | undefined
  private closed = false

  /** @param onSearched the pause after a search is over, whether or not it found anything */
  constructor(cluster: Cluster, onSearched: () => void) {
    this.cluster = cluster
    this.onSearched = onSearched
    this.backoff = new Backoff(cluster.platform.random, PAUSE_FIRST_MS, PAUSE_MAX_MS)
  }

  /** Starts a search, unless one is under way. */
  look(topics: Iterable<string>): void {
    if (this.searching || this.closed) return
    this.searching = true
    if (this.cluster.platform.clock.monotonicMs() - this.lastMs > ROW_ENDS_MS) this.backoff.reset()
    const pause = (): void => this.pause()
    this.cluster.refresh([...topics]).then(pause, pause)
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
  }

  private pause(): void {
    if (this.closed) return
    const { clock } = this.cluster.platform
    this.timer = clock.after(this.backoff.nextMs(), () => {
      this.searching = false
      this.lastMs = clock.monotonicMs()
      this.onSearched()
    })
  }
}
