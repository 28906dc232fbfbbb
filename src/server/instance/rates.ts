/** Rates of counters that only grow: sampled now and then, smoothed over a few seconds. */

const SMOOTHING_MS = 2000
/** Samples that follow each other more closely than this are left out. */
const SAMPLE_MS_MIN = 100

interface Sampled {
  value: number
  rate: number
}

export class Rates {
  private readonly counters = new Map<string, Sampled>()
  private lastMs: number | undefined

  /** Takes all counters at one moment of the monotonic clock. */
  sample(nowMs: number, values: ReadonlyMap<string, number>): void {
    const elapsedMs = this.lastMs === undefined ? 0 : nowMs - this.lastMs
    if (this.lastMs !== undefined && elapsedMs < SAMPLE_MS_MIN) return
    this.lastMs = nowMs
    const weight = 1 - Math.exp(-elapsedMs / SMOOTHING_MS)
    for (const [name, value] of values) {
      const counter = this.counters.get(name)
      if (counter === undefined) {
        this.counters.set(name, { value, rate: 0 })
        continue
      }
      // A counter of a thread that was started anew begins at 0 again.
      const grown = Math.max(0, value - counter.value)
      if (elapsedMs > 0) counter.rate += weight * ((grown * 1000) / elapsedMs - counter.rate)
      counter.value = value
    }
  }

  /** Per second. */
  of(name: string): number {
    const rate = this.counters.get(name)?.rate ?? 0
    return rate < 0.005 ? 0 : rate
  }
}
