/**
 * Follows transactions through a walk over a log, from its start: which batches belong to aborted ones, and which
 * markers end transactions of which nothing is left.
 */
import { readControlType } from '../../protocol/record-batch/control-batch.ts'
import {
  attributesOf,
  isControl,
  isTransactional,
  lastOffsetOf,
  producerIdOf,
} from '../../protocol/record-batch/layout.ts'
import type { AbortedEntry } from '../transaction-index.ts'

export class TransactionFilter {
  /** By first offset, the ones to come at the end. */
  private readonly waiting: AbortedEntry[]
  /** Producers within an aborted transaction, with what the walk saw of it. */
  private readonly aborted = new Map<number, { readonly entry: AbortedEntry; seen: boolean }>()
  private readonly committed = new Set<number>()
  private readonly onMarkerKept: (entry: AbortedEntry) => void

  /**
   * `aborted` are all aborted transactions that have records in the part that is walked. `onMarkerKept` gets those
   * of which the walk met records, when it comes to their marker.
   */
  constructor(aborted: readonly AbortedEntry[], onMarkerKept: (entry: AbortedEntry) => void = () => {}) {
    this.waiting = [...aborted].sort((a, b) => b.firstOffset - a.firstOffset)
    this.onMarkerKept = onMarkerKept
  }

  /**
   * Takes the next batch of the walk into account. True when it can go: its transaction was aborted, or it is the
   * marker of a transaction without records.
   */
  canGo(bytes: Buffer, start: number): boolean {
    const lastOffset = lastOffsetOf(bytes, start)
    for (
      let next = this.waiting.at(-1);
      next !== undefined && next.firstOffset <= lastOffset;
      next = this.waiting.at(-1)
    ) {
      this.waiting.pop()
      if (!this.aborted.has(next.producerId)) this.aborted.set(next.producerId, { entry: next, seen: false })
    }
    const attributes = attributesOf(bytes, start)
    const producerId = producerIdOf(bytes, start)
    if (isControl(attributes)) return this.markerCanGo(bytes, start, producerId)
    if (!isTransactional(attributes)) return false
    const transaction = this.aborted.get(producerId)
    if (transaction !== undefined) {
      transaction.seen = true
      return true
    }
    this.committed.add(producerId)
    return false
  }

  private markerCanGo(bytes: Buffer, start: number, producerId: number): boolean {
    const type = readControlType(bytes, start)
    if (type === 'commit') return !this.committed.delete(producerId)
    // A marker whose record is gone ended a transaction that is gone.
    if (type === undefined) return true
    const transaction = this.aborted.get(producerId)
    this.aborted.delete(producerId)
    if (transaction === undefined || !transaction.seen) return true
    this.onMarkerKept(transaction.entry)
    return false
  }
}
