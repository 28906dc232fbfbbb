/** The snapshot as JSON text, made at most once in `ageMs` however many ask. */
import type { Clock } from '../../platform/clock.ts'
import type { FlowObserver } from '../flow.ts'

export class FlowText {
  private readonly observer: FlowObserver
  private readonly clock: Clock
  private readonly ageMs: number
  private text = ''
  private madeMs = Number.NEGATIVE_INFINITY

  constructor(observer: FlowObserver, clock: Clock, ageMs: number) {
    this.observer = observer
    this.clock = clock
    this.ageMs = ageMs
  }

  /** @throws what the observer throws */
  latest(): string {
    const nowMs = this.clock.monotonicMs()
    if (nowMs - this.madeMs >= this.ageMs) {
      this.text = JSON.stringify(this.observer.snapshot())
      this.madeMs = nowMs
    }
    return this.text
  }
}
