/**
 * Records that cannot be placed into a batch yet, in order: those of a topic whose partitions are not known, and all
 * records while the memory budget is used up.
 */
import { MillraceError } from '../../core/errors.ts'
import type { Cluster } from '../cluster.ts'
import { asMillraceError } from '../errors.ts'
import type { RecordToSend } from './accumulator.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { Outstanding } from './outstanding.ts'
import type { RecordMetadata } from './receipt.ts'
import { waitForTopic } from './wait-for-topic.ts'

export interface Parked {
  readonly record: RecordToSend
  readonly deferred: PromiseWithResolvers<RecordMetadata>
}

export interface ParkingParts {
  readonly cluster: Cluster
  readonly budget: MemoryBudget
  readonly outstanding: Outstanding
  /** How long a topic may be looked for. */
  readonly timeoutMs: number
  /** Takes a record that may go on. */
  readonly place: (one: Parked) => void
}

/** Records that may wait. */
const PARKED_MAX = 1_000_000

export class Parking {
  private readonly parts: ParkingParts
  private readonly forRoom: Parked[] = []
  private readonly byTopic = new Map<string, Parked[]>()
  private readonly waiters: (() => void)[] = []
  private count = 0
  private ended: MillraceError | undefined

  constructor(parts: ParkingParts) {
    this.parts = parts
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  /** Whether records wait for room: then those that come now have to wait behind them. */
  get hasQueue(): boolean {
    return this.forRoom.length > 0
  }

  holdsTopic(topic: string): boolean {
    return this.byTopic.has(topic)
  }

  untilRoom(one: Parked): void {
    if (!this.park(one)) return
    this.forRoom.push(one)
    if (this.forRoom.length === 1) void this.placeWhenRoom().catch(() => {})
  }

  untilTopicKnown(one: Parked): void {
    if (!this.park(one)) return
    const { topic } = one.record
    const list = this.byTopic.get(topic)
    if (list !== undefined) {
      list.push(one)
      return
    }
    this.byTopic.set(topic, [one])
    const { cluster, place, timeoutMs } = this.parts
    waitForTopic(cluster, topic, timeoutMs).then(
      () => this.release(topic, place),
      (error: unknown) => this.release(topic, (waiting) => this.refuse(waiting, asMillraceError(error))),
    )
  }

  /** Resolves when no record waits. */
  emptied(): Promise<void> {
    if (this.isEmpty) return Promise.resolve()
    return new Promise((resolve) => this.waiters.push(resolve))
  }

  /** Fails all that wait. */
  drop(error: MillraceError): void {
    const dropped = this.forRoom.splice(0)
    for (const [topic, list] of this.byTopic) {
      this.byTopic.delete(topic)
      dropped.push(...list)
    }
    for (const one of dropped) {
      this.count--
      this.refuse(one, error)
    }
    this.tellWaiters()
  }

  /** Fails all that wait, and all that come. */
  close(error: MillraceError): void {
    this.ended = error
    this.drop(error)
  }

  /** `flush` and `commit` report it too, so a promise that nobody looks at must not end the process. */
  refuse({ deferred }: Parked, error: MillraceError): void {
    deferred.promise.catch(() => {})
    deferred.reject(error)
    this.parts.outstanding.note(error)
  }

  private async placeWhenRoom(): Promise<void> {
    const { budget, place } = this.parts
    while (this.forRoom.length > 0) {
      await budget.room()
      let placed = 0
      while (placed < this.forRoom.length && !budget.full) {
        this.count--
        place(this.forRoom[placed++]!)
      }
      this.forRoom.splice(0, placed)
    }
    this.tellWaiters()
  }

  private release(topic: string, next: (one: Parked) => void): void {
    const list = this.byTopic.get(topic) ?? []
    this.byTopic.delete(topic)
    for (const one of list) {
      this.count--
      next(one)
    }
    this.tellWaiters()
  }

  private park(one: Parked): boolean {
    if (this.ended === undefined && this.count < PARKED_MAX) {
      this.count++
      return true
    }
    const limit = new MillraceError('MR_LIMIT', `${PARKED_MAX} records wait to be sent`, {
      hint: 'Await what send returns, or room(), from time to time.',
    })
    this.refuse(one, this.ended ?? limit)
    return false
  }

  private tellWaiters(): void {
    if (!this.isEmpty) return
    for (const resolve of this.waiters.splice(0)) resolve()
  }
}
