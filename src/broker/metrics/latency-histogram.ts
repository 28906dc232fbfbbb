/**
 * How long something took, counted in buckets whose limits never change.
 *
 * 1. `record` finds the bucket by halving and adds one to it: no memory is made, nothing is kept per value.
 * 2. Buckets since the start are for Prometheus, which makes rates of them.
 * 3. Percentiles are of the last minutes: two windows take turns, so that they cover between one and two of them.
 */

/** Upper limits of the buckets, in ms; above the last there is one without a limit. */
export const latencyLimitsMs: readonly number[] = [
  0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000,
]
const WINDOW_MS = 60_000
const BUCKETS = latencyLimitsMs.length + 1

export class LatencyHistogram {
  /** Since the start, per bucket; the last is the one without a limit. */
  readonly counts: Float64Array = new Float64Array(BUCKETS)
  count = 0
  sumMs = 0
  private recent = new Float64Array(BUCKETS)
  private before = new Float64Array(BUCKETS)
  private windowSinceMs = 0

  /** @param nowMs of the monotonic clock, when it ended */
  record(tookMs: number, nowMs: number): void {
    if (nowMs - this.windowSinceMs >= WINDOW_MS) this.turn(nowMs)
    let low = 0
    let high = BUCKETS - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (tookMs <= latencyLimitsMs[middle]!) high = middle
      else low = middle + 1
    }
    this.counts[low]!++
    this.recent[low]!++
    this.count++
    this.sumMs += tookMs
  }

  /**
   * The time within which `share` (0 to 1) of the last one to two minutes' values lie, taken as spread evenly over
   * their bucket; NaN when there were none. Never more than the limit of the last bucket.
   */
  quantileMs(share: number, nowMs: number): number {
    if (nowMs - this.windowSinceMs >= WINDOW_MS) this.turn(nowMs)
    const { before, recent } = this
    let all = 0
    for (let at = 0; at < BUCKETS; at++) all += recent[at]! + before[at]!
    if (all === 0) return Number.NaN
    const wanted = share * all
    let below = 0
    for (let at = 0; at < latencyLimitsMs.length; at++) {
      const here = recent[at]! + before[at]!
      if (here > 0 && below + here >= wanted) {
        const from = at === 0 ? 0 : latencyLimitsMs[at - 1]!
        return from + ((latencyLimitsMs[at]! - from) * (wanted - below)) / here
      }
      below += here
    }
    return latencyLimitsMs.at(-1)!
  }

  private turn(nowMs: number): void {
    const passed = nowMs - this.windowSinceMs
    const emptied = this.before
    this.before = passed < 2 * WINDOW_MS ? this.recent : emptied.fill(0)
    this.recent = passed < 2 * WINDOW_MS ? emptied.fill(0) : this.recent.fill(0)
    this.windowSinceMs = nowMs
  }
}
