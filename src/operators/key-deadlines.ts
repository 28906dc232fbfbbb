/** The next time at which something is due for each key: one entry per key, the earliest that was asked for. */
import { mapKeyOf } from '../state/store.ts'
import { DeadlineHeap } from './deadline-heap.ts'

export class KeyDeadlines<K> {
  private readonly heap = new DeadlineHeap<K>()
  private readonly scheduled = new Map<string | number, number>()

  /** Infinity when nothing is due. */
  get firstMs(): number {
    return this.heap.firstMs
  }

  /** Wakes the key at `timeMs`, unless it wakes before that already. */
  schedule(key: K, timeMs: number): void {
    const mapKey = mapKeyOf(key)
    if ((this.scheduled.get(mapKey) ?? Number.POSITIVE_INFINITY) <= timeMs) return
    this.scheduled.set(mapKey, timeMs)
    this.heap.push(timeMs, key)
  }

  /** Takes the keys that are due at `timeMs` or before, each once, earliest first. */
  *due(timeMs: number): Generator<K> {
    while (this.heap.size > 0 && this.heap.firstMs <= timeMs) {
      const atMs = this.heap.firstMs
      const key = this.heap.pop()
      const mapKey = mapKeyOf(key)
      // An entry that an earlier one replaced says nothing.
      if (this.scheduled.get(mapKey) !== atMs) continue
      this.scheduled.delete(mapKey)
      yield key
    }
  }
}
