import { batchSizeBytes, HEADER_BYTES, PREFIX_BYTES } from './layout.ts'

/**
 * The end of the whole batch at `start`, or -1 when `bytes` end before it or its length is not sound.
 * Nothing else is checked.
 */
export function wholeBatchEnd(bytes: Uint8Array, start: number, limit = bytes.length): number {
  if (limit - start < PREFIX_BYTES) return -1
  const size = batchSizeBytes(bytes, start)
  return size >= HEADER_BYTES && size <= limit - start ? start + size : -1
}

/**
 * Calls `visit(start, end)` for every whole batch in order; a batch cut off at the end, as fetch answers may
 * have it, is left out. Returns where the last whole batch ends.
 */
export function forEachBatch(bytes: Uint8Array, visit: (start: number, end: number) => void): number {
  let start = 0
  for (let end = wholeBatchEnd(bytes, start); end >= 0; end = wholeBatchEnd(bytes, start)) {
    visit(start, end)
    start = end
  }
  return start
}
