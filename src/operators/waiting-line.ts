/**
 * The order of records that wait: whose turn it is to be asked, whose to be given out, and which time they hold back.
 *
 * - `kept`: all may be asked; they are given out in the order in which they came.
 * - `per-key`: the first of each key may be asked, and is given out at once. Records without a key have no order.
 * - `none`: all may be asked, and are given out at once.
 *
 * A key that is parked holds no time back, nor do the records behind it, also once they go on: a record that fails
 * for a day must not stop the windows below for a day.
 */
import { mapKeyOf } from '../state/store.ts'
import type { WaitingEntry } from '../state/waiting-store.ts'
import type { Answer, OneCall } from './async-call.ts'
import { Fifo } from './fifo.ts'

export type AnswerOrder = 'kept' | 'per-key' | 'none'

/** A record in the line. */
export interface Waiter {
  readonly entry: WaitingEntry
  /** `queued`: others of its key come first. `pausing`: it failed and waits for its next attempt. */
  state: 'queued' | 'ready' | 'asked' | 'pausing' | 'answered' | 'gone'
  /** Changes with each state: what belongs to an earlier one counts no more. */
  token: number
  call: OneCall | undefined
  answer: Answer | undefined
  holdsTime: boolean
  /** Its key is parked. */
  idle: boolean
}

export class WaitingLine {
  private readonly order: AnswerOrder
  /** Everything that holds time back, and what is gone of it further up. */
  private readonly holding = new Fifo<Waiter>()
  private readonly queues = new Map<string | number, Waiter[]>()
  /** Not parked. */
  live = 0
  /** In parked keys. */
  idle = 0

  constructor(order: AnswerOrder) {
    this.order = order
  }

  /** Whether a record that comes now is the only one that counts for its place in the order. */
  clearFor(key: unknown): boolean {
    if (this.order === 'none') return true
    if (this.order === 'kept') return this.live === 0
    return isNone(key) || !this.queues.has(mapKeyOf(key))
  }

  add(entry: WaitingEntry): Waiter {
    const queue = this.queueOf(entry.key)
    const first = queue?.[0]
    const idle = entry.parked || first?.idle === true
    const waiter: Waiter = {
      entry,
      state: first === undefined ? 'ready' : 'queued',
      token: 0,
      call: undefined,
      answer: undefined,
      holdsTime: !idle,
      idle,
    }
    if (idle) this.idle++
    else {
      this.live++
      this.holding.push(waiter)
    }
    if (queue !== undefined) queue.push(waiter)
    else if (this.order === 'per-key' && !isNone(entry.key)) this.queues.set(mapKeyOf(entry.key), [waiter])
    return waiter
  }

  /** The stream time at which the first record came that holds time back; Infinity for none. */
  get heldMs(): number {
    const { holding } = this
    for (let first = holding.first; first !== undefined; first = holding.first) {
      if (first.holdsTime && first.state !== 'gone') return first.entry.streamTimeMs
      holding.shift()
    }
    return Number.POSITIVE_INFINITY
  }

  /** With the order kept: the first of all, once it is answered. */
  get firstAnswered(): Waiter | undefined {
    // Brings the first one that waits to the front.
    if (this.heldMs === Number.POSITIVE_INFINITY) return undefined
    const { first } = this.holding
    return first?.state === 'answered' ? first : undefined
  }

  /** The record fails for good: its key waits. */
  park(waiter: Waiter): void {
    for (const one of this.queueOf(waiter.entry.key) ?? [waiter]) {
      one.holdsTime = false
      one.idle = true
      this.live--
      this.idle++
    }
  }

  /** Takes a record out; returns the one of its key whose turn it is now. */
  remove(waiter: Waiter): Waiter | undefined {
    waiter.state = 'gone'
    waiter.token++
    const queue = this.queueOf(waiter.entry.key)
    queue?.shift()
    if (waiter.idle) this.idle--
    else this.live--
    if (queue === undefined) return undefined
    if (queue.length === 0) {
      this.queues.delete(mapKeyOf(waiter.entry.key))
      return undefined
    }
    if (waiter.idle) {
      for (const one of queue) one.idle = false
      this.idle -= queue.length
      this.live += queue.length
    }
    return queue[0]
  }

  /** How many records wait for one, itself included. */
  behind(waiter: Waiter): number {
    return this.queueOf(waiter.entry.key)?.length ?? 1
  }

  private queueOf(key: unknown): Waiter[] | undefined {
    return this.order === 'per-key' && !isNone(key) ? this.queues.get(mapKeyOf(key)) : undefined
  }
}

function isNone(key: unknown): boolean {
  return key === null || key === undefined
}
