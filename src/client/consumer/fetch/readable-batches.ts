/**
 * Picks out of the bytes of a fetch answer what a consumer may see: whole data batches from a position on.
 *
 * 1. A batch that ends before the position is left out (an answer starts at the batch that holds the offset), and so
 *    is one that is cut off at the end.
 * 2. Control batches are left out.
 * 3. With `read_committed`: the answer lists aborted transactions as (producer, first offset). A producer's batches
 *    are left out from there on until its abort marker (KIP-98).
 * What remains is a view of the answer when it is in one piece, else it is put together with one copy.
 */

import { readControlType } from '../../../protocol/record-batch/control-batch.ts'
import { forEachBatch } from '../../../protocol/record-batch/for-each-batch.ts'
import {
  attributesOf,
  isControl,
  isTransactional,
  lastOffsetOf,
  partitionLeaderEpochOf,
  producerIdOf,
} from '../../../protocol/record-batch/layout.ts'
import { checkStoredBatch } from '../../../protocol/record-batch/validate-batch.ts'

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

export interface ReadableBatches {
  readonly bytes: Buffer
  /** Behind the last batch, whatever became of it; the position given if there is none. */
  readonly nextOffset: number
  /** Of the last batch; -1 without one. */
  readonly leaderEpoch: number
  /** Bytes in whole batches. */
  readonly wholeBytes: number
}

const nothing = Buffer.alloc(0)

/** @throws MR_CHECKSUM and the like when `checkCrcs` and a batch is damaged */
export function readableBatches(
  records: Buffer,
  options: {
    readonly position: number
    /** Null or empty when there is none, or when all is to be read. */
    readonly abortedTransactions: readonly AbortedTransaction[] | null
    readonly checkCrcs: boolean
  },
): ReadableBatches {
  const { position, checkCrcs } = options
  const aborted = new AbortedRanges(options.abortedTransactions ?? [])
  const pieces = new Pieces()
  let nextOffset = position
  let leaderEpoch = -1
  const wholeBytes = forEachBatch(records, (start, end) => {
    const lastOffset = lastOffsetOf(records, start)
    if (lastOffset < position) return
    if (checkCrcs) checkStoredBatch(records, start, end)
    nextOffset = lastOffset + 1
    leaderEpoch = partitionLeaderEpochOf(records, start)
    if (!aborted.hides(records, start, lastOffset)) pieces.add(start, end)
  })
  return { bytes: pieces.join(records), nextOffset, leaderEpoch, wholeBytes }
}

/** Neighbouring pieces count as one. */
class Pieces {
  private readonly bounds: number[] = []
  private total = 0

  add(start: number, end: number): void {
    const { bounds } = this
    this.total += end - start
    if (bounds.at(-1) === start) bounds[bounds.length - 1] = end
    else bounds.push(start, end)
  }

  join(bytes: Buffer): Buffer {
    const { bounds } = this
    if (bounds.length === 0) return nothing
    if (bounds.length === 2) return bytes.subarray(bounds[0], bounds[1])
    const joined = Buffer.allocUnsafeSlow(this.total)
    let at = 0
    for (let index = 0; index < bounds.length; index += 2) {
      at += bytes.copy(joined, at, bounds[index], bounds[index + 1])
    }
    return joined
  }
}

/** Which producers are inside an aborted transaction, batch by batch. */
class AbortedRanges {
  private readonly coming: readonly AbortedTransaction[]
  private next = 0
  private readonly producers = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.coming =
      aborted.length < 2
        ? aborted
        : aborted.toSorted((a, b) =>
            a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0,
          )
  }

  /** Whether the batch is not for the consumer: a control batch, or one of an aborted transaction. */
  hides(bytes: Buffer, start: number, lastOffset: number): boolean {
    const { coming, producers } = this
    while (this.next < coming.length && Number(coming[this.next]!.firstOffset) <= lastOffset) {
      producers.add(Number(coming[this.next++]!.producerId))
    }
    const attributes = attributesOf(bytes, start)
    if (isControl(attributes)) {
      if (producers.size > 0 && readControlType(bytes, start) === 'abort') {
        producers.delete(producerIdOf(bytes, start))
      }
      return true
    }
    return producers.size > 0 && isTransactional(attributes) && producers.has(producerIdOf(bytes, start))
  }
}
