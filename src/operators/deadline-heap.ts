/** A binary heap of things that are due at a time; equal times leave in the order in which they came. */
import { invariant } from '../core/invariant.ts'

export class DeadlineHeap<T> {
  private readonly times: number[] = []
  private readonly orders: number[] = []
  private readonly items: T[] = []
  private pushed = 0

  get size(): number {
    return this.items.length
  }

  /** The smallest time; Infinity when the heap is empty. */
  get firstMs(): number {
    return this.times[0] ?? Number.POSITIVE_INFINITY
  }

  push(timeMs: number, item: T): void {
    let at = this.items.length
    this.times.push(timeMs)
    this.orders.push(this.pushed++)
    this.items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.before(at, parent)) break
      this.swap(at, parent)
      at = parent
    }
  }

  pop(): T {
    invariant(this.items.length > 0, 'only a heap with items is popped')
    const first = this.items[0] as T
    const lastTime = this.times.pop() as number
    const lastOrder = this.orders.pop() as number
    const lastItem = this.items.pop() as T
    if (this.items.length > 0) {
      this.times[0] = lastTime
      this.orders[0] = lastOrder
      this.items[0] = lastItem
      this.sink()
    }
    return first
  }

  private sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= this.items.length) return
      const right = left + 1
      const child = right < this.items.length && this.before(right, left) ? right : left
      if (!this.before(child, at)) return
      this.swap(child, at)
      at = child
    }
  }

  private before(a: number, b: number): boolean {
    const timeA = this.times[a]!
    const timeB = this.times[b]!
    return timeA < timeB || (timeA === timeB && this.orders[a]! < this.orders[b]!)
  }

  private swap(a: number, b: number): void {
    const time = this.times[a]!
    const order = this.orders[a]!
    const item = this.items[a]!
    this.times[a] = this.times[b]!
    this.orders[a] = this.orders[b]!
    this.items[a] = this.items[b]!
    this.times[b] = time
    this.orders[b] = order
    this.items[b] = item
  }
}
