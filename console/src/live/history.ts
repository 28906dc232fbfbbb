/**
 * The rate of one node over the last five minutes: a ring with one place per second.
 *
 * Time without snapshots (paused, reconnecting) stays empty and is drawn as a gap, not as a line across. One that came
 * a little late leaves no gap.
 */
export const HISTORY_SECONDS = 300

/** Seconds without a snapshot that are taken for lateness, not for a gap. */
const BRIDGED_SECONDS_MAX = 2

export class RateHistory {
  private readonly rates = new Float32Array(HISTORY_SECONDS).fill(Number.NaN)
  private latest = Number.NEGATIVE_INFINITY

  /** Keeps the rate of a moment; one that is older than five minutes before the latest is dropped. */
  add(timeMs: number, rate: number): void {
    const second = Math.floor(timeMs / 1000)
    if (second <= this.latest - HISTORY_SECONDS) return
    if (second > this.latest) {
      const skipped = Math.min(second - this.latest - 1, HISTORY_SECONDS)
      const between = skipped <= BRIDGED_SECONDS_MAX ? rate : Number.NaN
      for (let back = 1; back <= skipped; back++) this.rates[(second - back) % HISTORY_SECONDS] = between
      this.latest = second
    }
    this.rates[second % HISTORY_SECONDS] = rate
  }

  /** From the oldest to the latest, NaN where nothing is known. */
  series(): number[] {
    if (this.latest === Number.NEGATIVE_INFINITY) return []
    const first = this.latest - HISTORY_SECONDS + 1
    return Array.from({ length: HISTORY_SECONDS }, (_, index) => {
      const second = first + index
      return second < 0 ? Number.NaN : this.rates[second % HISTORY_SECONDS]!
    })
  }
}
