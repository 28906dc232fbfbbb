/**
 * Takes batches that are in the log already into account: at start, and when an index of aborted transactions is
 * made anew. Nothing is checked, since the batches were when they were appended.
 */
import { readControlMarker } from '../protocol/record-batch/control-batch.ts'
import {
  attributesOf,
  baseOffsetOf,
  baseSequenceOf,
  baseTimestampOf,
  isControl,
  isTransactional,
  lastOffsetDelta,
  maxTimestampOf,
  NO_PRODUCER_ID,
  producerEpochOf,
  producerIdOf,
} from '../protocol/record-batch/layout.ts'
import { ProducerAppend, type ProducerState } from './producer-state.ts'
import type { AbortedEntry } from './transaction-index.ts'

/** Takes one batch into account. Returns what the index of aborted transactions must note, if anything. */
export function replayBatch(
  state: ProducerState,
  bytes: Buffer,
  start: number,
  nowMs: number,
): AbortedEntry | undefined {
  const producerId = producerIdOf(bytes, start)
  if (producerId === NO_PRODUCER_ID) return undefined
  const append = new ProducerAppend(state, nowMs)
  const producerEpoch = producerEpochOf(bytes, start)
  const firstOffset = baseOffsetOf(bytes, start)
  const attributes = attributesOf(bytes, start)
  if (isControl(attributes)) {
    const marker = readControlMarker(bytes, start)
    // Compaction took the marker's record: nothing of the transaction is left.
    if (marker === undefined) return undefined
    const timestampMs = baseTimestampOf(bytes, start)
    append.end(
      { ...marker, producerId, producerEpoch, offset: firstOffset, timestampMs, transactionVersion: 1 },
      'replay',
    )
  } else {
    const delta = lastOffsetDelta(bytes, start)
    append.add(
      {
        producerId,
        producerEpoch,
        baseSequence: baseSequenceOf(bytes, start),
        recordCount: delta + 1,
        transactional: isTransactional(attributes),
        firstOffset,
        lastOffset: firstOffset + delta,
        maxTimestampMs: maxTimestampOf(bytes, start),
      },
      'replay',
    )
  }
  return append.commit()
}
