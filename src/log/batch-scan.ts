/**
 * Walks the batches of a log file in large reads.
 *
 * A batch counts as sound when its length and format fit; `isIntact` checks its checksum too.
 */
import type { DiskFile } from '../platform/disk.ts'
import { wholeBatchEnd } from '../protocol/record-batch/for-each-batch.ts'
import {
  baseOffsetOf,
  batchSizeBytes,
  computeCrc,
  crcOf,
  HEADER_BYTES,
  MAGIC,
  magicOf,
  maxTimestampOf,
  NO_TIMESTAMP,
  recordCountOf,
} from '../protocol/record-batch/layout.ts'

const READ_BYTES = 1024 * 1024

/** A batch in a buffer that the next step overwrites. Returns false to stop behind it. */
export type VisitBatch = (batch: {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  /** Where the batch starts in the file. */
  readonly position: number
}) => boolean | undefined

/** True when the whole batch at `start` has the right format and checksum. */
export function isIntact(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start >= HEADER_BYTES &&
    magicOf(bytes, start) === MAGIC &&
    wholeBatchEnd(bytes, start, end) === end &&
    computeCrc(bytes, start, end) === crcOf(bytes, start)
  )
}

/** What the time index is told of a batch: nothing when compaction took all its records. */
export function indexedTimestamp(bytes: Uint8Array, start: number): number {
  return recordCountOf(bytes, start) === 0 ? NO_TIMESTAMP : maxTimestampOf(bytes, start)
}

/** Reads `count` bytes of a file, or what there is. */
export function readBytes(
  file: DiskFile,
  position: number,
  count: number,
  allocate: (sizeBytes: number) => Buffer = Buffer.allocUnsafeSlow,
): Buffer {
  const bytes = allocate(count)
  const got = file.read(bytes, 0, count, position)
  return got === count ? bytes : bytes.subarray(0, got)
}

/**
 * Calls `visit` for every sound batch from `from` to `to`, in order. Returns where it stopped: at `to`, behind the
 * batch at which `visit` returned false, or before bytes that are no sound batch or end before `to`.
 */
export function scanBatches(file: DiskFile, from: number, to: number, visit: VisitBatch): number {
  let buffer: Buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, Math.max(0, to - from)))
  let position = from
  while (to - position >= HEADER_BYTES) {
    const filled = file.read(buffer, 0, Math.min(buffer.length, to - position), position)
    const bytes = buffer.subarray(0, filled)
    let start = 0
    for (;;) {
      if (filled - start < HEADER_BYTES) break
      if (magicOf(bytes, start) !== MAGIC) return position + start
      const end = wholeBatchEnd(bytes, start)
      if (end < 0) break
      if (visit({ bytes, start, end, position: position + start }) === false) return position + end
      start = end
    }
    if (start === 0) {
      // Not even one batch is in the buffer: it is larger than that, or not sound.
      if (filled < HEADER_BYTES) return position
      const sizeBytes = batchSizeBytes(bytes, 0)
      if (sizeBytes < HEADER_BYTES || sizeBytes > to - position || sizeBytes <= buffer.length) return position
      buffer = Buffer.allocUnsafeSlow(sizeBytes)
    }
    position += start
  }
  return position
}

/**
 * True when a batch that ends with `lastOffset` before `position` cannot be right, because the batch at `position`
 * begins before that. Offsets only grow, but the checksum does not cover them; a gap before a batch is either the
 * work of compaction or a changed offset, and its neighbour tells which.
 */
export function overlapsNext(file: DiskFile, position: number, to: number, lastOffset: number): boolean {
  if (to - position < HEADER_BYTES) return false
  const head = readBytes(file, position, HEADER_BYTES)
  const sound =
    head.length === HEADER_BYTES && magicOf(head, 0) === MAGIC && batchSizeBytes(head, 0) >= HEADER_BYTES
  return sound && baseOffsetOf(head, 0) <= lastOffset
}
