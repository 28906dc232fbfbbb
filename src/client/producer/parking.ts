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

interface Parked {
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
  readonly place: (record: RecordToSend) => Promise<RecordMetadata>
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

  untilRoom(record: RecordToSend): Promise<RecordMetadata> {
    if (!this.mayPark) return this.refuse(this.ended ?? tooMany())
    const placed = this.park(record, this.forRoom)
    if (this.forRoom.length === 1) void this.placeWhenRoom().catch(ignore)
    return placed
  }

  untilTopicKnown(record: RecordToSend): Promise<RecordMetadata> {
    if (!this.mayPark) return this.refuse(this.ended ?? tooMany())
    const { topic } = record
    const list = this.byTopic.get(topic)
    if (list !== undefined) return this.park(record, list)
    const made: Parked[] = []
    this.byTopic.set(topic, made)
    const { cluster, place, timeoutMs } = this.parts
    waitForTopic(cluster, topic, timeoutMs).then(
      () => this.release(topic, place),
      (error: unknown) => this.release(topic, () => this.refuse(asMillraceError(error))),
    )
    return this.park(record, made)
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
    for (const one of dropped) this.unpark(one, () => this.refuse(error))
    this.tellWaiters()
  }

  /** Fails all that wait, and all that come. */
  close(error: MillraceError): void {
    this.ended = error
    this.drop(error)
  }

  /** `flush` and `commit` report it too, so a promise that nobody looks at must not end the process. */
  refuse(error: MillraceError): Promise<never> {
    this.parts.outstanding.note(error)
    const refused = Promise.reject(error)
    refused.catch(ignore)
    return refused
  }

  private async placeWhenRoom(): Promise<void> {
    const { budget, place } = this.parts
    while (this.forRoom.length > 0) {
      await budget.room()
      let placed = 0
      while (placed < this.forRoom.length && !budget.full) this.unpark(this.forRoom[placed++]!, place)
      this.forRoom.splice(0, placed)
    }
    this.tellWaiters()
  }

  private release(topic: string, next: ParkingParts['place']): void {
    const list = this.byTopic.get(topic) ?? []
    this.byTopic.delete(topic)
    for (const one of list) this.unpark(one, next)
    this.tellWaiters()
  }

  private get mayPark(): boolean {
    return this.ended === undefined && this.count < PARKED_MAX
  }

  private park(record: RecordToSend, list: Parked[]): Promise<RecordMetadata> {
    const deferred = Promise.withResolvers<RecordMetadata>()
    // As with `refuse`.
    deferred.promise.catch(ignore)
    list.push({ record, deferred })
    this.count++
    return deferred.promise
  }

  private unpark({ record, deferred }: Parked, next: ParkingParts['place']): void {
    this.count--
    deferred.resolve(next(record))
  }

  private tellWaiters(): void {
    if (!this.isEmpty) return
    for (const resolve of this.waiters.splice(0)) resolve()
  }
}

const ignore = (): void => {}

const tooMany = (): MillraceError =>
  new MillraceError('MR_LIMIT', `${PARKED_MAX} records wait to be sent`, {
    hint: 'Await what send returns, or room(), from time to time.',
  })
