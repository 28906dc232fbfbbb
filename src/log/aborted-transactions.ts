import { wholeBatchEnd } from '../protocol/record-batch/for-each-batch.ts'
import { lastOffsetOf } from '../protocol/record-batch/layout.ts'
import type { AbortedTransaction } from './log-types.ts'
import type { SegmentList } from './segment-list.ts'

/**
 * The aborted transactions with records from `fromOffset` to before `endOffset`.
 *
 * A transaction is in the index of the segment that holds its marker, which may be a later one. The search ends
 * at an entry whose last stable offset shows that no older transaction was open any more.
 */
export function abortedTransactions(
  segments: SegmentList,
  fromOffset: number,
  endOffset: number,
): readonly AbortedTransaction[] {
  const found: AbortedTransaction[] = []
  for (let number = segments.numberOf(fromOffset); number < segments.all.length; number++) {
    const transactions = segments.transactionsOf(segments.all[number]!)
    if (transactions.count === 0) continue
    for (const { producerId, firstOffset, lastOffset, lastStableOffset } of transactions.entries()) {
      if (lastOffset >= fromOffset && firstOffset < endOffset) found.push({ producerId, firstOffset })
      if (lastStableOffset >= endOffset) return found
    }
  }
  return found
}

/** The offset behind the last of some whole batches. */
export function endOffsetOf(bytes: Buffer): number {
  let endOffset = -1
  for (
    let start = 0, end = wholeBatchEnd(bytes, 0);
    end >= 0;
    start = end, end = wholeBatchEnd(bytes, start)
  ) {
    endOffset = lastOffsetOf(bytes, start) + 1
  }
  return endOffset
}
