/**
 * What lies between simulated hosts: delay, and the faults that stop bytes on their way. Nothing is lost by
 * a fault here, as TCP sends again: bytes wait until the way is open, and come in order.
 */
import { invariant } from '../../core/invariant.ts'
import type { Clock } from '../clock.ts'
import type { SimulatedRandom, SimulatedRange } from './random.ts'

interface Link {
  delayMs: SimulatedRange
  /** Until when nothing passes; infinite for a partition. */
  closedUntilMs: number
  readonly waiting: (() => void)[]
}

export class SimulatedLinks {
  private readonly clock: Clock
  private readonly random: SimulatedRandom
  private readonly links = new Map<string, Link>()
  private readonly down = new Set<string>()
  private delayMs: SimulatedRange

  constructor(clock: Clock, random: SimulatedRandom, delayMs: SimulatedRange) {
    this.clock = clock
    this.random = random
    this.delayMs = delayMs
  }

  /** Sets the delay of all ways, or of the ones between two hosts. */
  setDelay(delayMs: SimulatedRange, between?: readonly [string, string]): void {
    invariant(delayMs[0] >= 0 && delayMs[0] <= delayMs[1], 'a delay is a range of 0 ms or more')
    if (between !== undefined) {
      for (const link of this.both(...between)) link.delayMs = delayMs
      return
    }
    this.delayMs = delayMs
    for (const link of this.links.values()) link.delayMs = delayMs
  }

  /** Nothing passes between two hosts, in both directions or in the one given, until `heal`. */
  partition(from: string, to: string, directions: 'both' | 'one' = 'both'): void {
    const links = directions === 'both' ? this.both(from, to) : [this.link(from, to)]
    for (const link of links) link.closedUntilMs = Number.POSITIVE_INFINITY
  }

  /** Nothing passes between two hosts for this long; then all that waited does. */
  clog(from: string, to: string, ms: number): void {
    for (const link of this.both(from, to)) {
      link.closedUntilMs = Math.max(link.closedUntilMs, this.clock.monotonicMs() + ms)
    }
  }

  /** Ends partitions and clogs: between two hosts, or all. */
  heal(from?: string, to?: string): void {
    const healed = from === undefined || to === undefined ? this.links.values() : this.both(from, to)
    for (const link of healed) {
      link.closedUntilMs = 0
      this.wake(link)
    }
  }

  setDown(host: string): void {
    this.down.add(host)
  }

  setUp(host: string): void {
    this.down.delete(host)
    for (const link of this.links.values()) this.wake(link)
  }

  isDown(host: string): boolean {
    return this.down.has(host)
  }

  drawDelayMs(from: string, to: string): number {
    return this.random.within(this.link(from, to).delayMs)
  }

  isOpen(from: string, to: string): boolean {
    return !this.down.has(to) && this.link(from, to).closedUntilMs <= this.clock.monotonicMs()
  }

  /** Calls `run`, in a turn of its own, when the way may be open again. It may have to ask again then. */
  whenOpen(from: string, to: string, run: () => void): void {
    const link = this.link(from, to)
    const waitMs = link.closedUntilMs - this.clock.monotonicMs()
    if (!this.down.has(to) && waitMs < Number.POSITIVE_INFINITY) this.clock.after(Math.max(0, waitMs), run)
    else link.waiting.push(run)
  }

  private wake(link: Link): void {
    for (const run of link.waiting.splice(0)) this.clock.after(0, run)
  }

  private both(a: string, b: string): readonly Link[] {
    return [this.link(a, b), this.link(b, a)]
  }

  private link(from: string, to: string): Link {
    const key = `${from}>${to}`
    let link = this.links.get(key)
    if (link === undefined) {
      link = { delayMs: this.delayMs, closedUntilMs: 0, waiting: [] }
      this.links.set(key, link)
    }
    return link
  }
}
