/** Makes sure that the leader epochs noted for a log are those of its batches. */
import type { Logger } from '../core/logger.ts'
import { baseOffsetOf, HEADER_BYTES, partitionLeaderEpochOf } from '../protocol/record-batch/layout.ts'
import { readBytes, scanBatches } from './batch-scan.ts'
import type { LeaderEpochFile } from './leader-epoch-file.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'

/** Compares the epochs with the batches at which they begin, and makes them anew when they differ. */
export function checkEpochs(
  epochs: LeaderEpochFile,
  segments: SegmentList,
  range: { readonly startOffset: number; readonly endOffset: number },
  logger: Logger,
): void {
  const why = epochs.load() ?? misfit(epochs, segments, range)
  if (why === undefined) return
  logger.warn({ file: epochs.path, why }, 'makes the leader epochs of a log anew')
  epochs.clear()
  collectEpochs(epochs, segments)
  epochs.write()
}

function misfit(
  epochs: LeaderEpochFile,
  segments: SegmentList,
  range: { readonly startOffset: number; readonly endOffset: number },
): string | undefined {
  const { startOffset, endOffset } = range
  if (endOffset <= startOffset) return undefined
  const [first] = epochs.entries
  if (first === undefined) return 'it is missing'
  if (first.startOffset > startOffset) return `it begins with offset ${first.startOffset}`
  // On both sides of each border, and at the end, the batches must have the epochs that are noted.
  const probes = new Set([endOffset - 1])
  for (const entry of epochs.entries) {
    if (entry.startOffset > endOffset) return `an epoch begins behind the end, at offset ${entry.startOffset}`
    for (const offset of [entry.startOffset - 1, entry.startOffset]) {
      if (offset >= startOffset && offset < endOffset) probes.add(offset)
    }
  }
  for (const offset of probes) {
    const segment = segments.open(segments.all[segments.numberOf(offset)]!)
    const head = segment.headOf(offset)
    // Compaction may have taken the batch.
    if (head === undefined || baseOffsetOf(head, 0) > offset) continue
    if (partitionLeaderEpochOf(head, 0) !== epochs.epochOf(offset))
      return `offset ${offset} has another epoch`
  }
  return undefined
}

/** Epochs only grow, so a segment is walked only when the next one begins with another epoch. */
function collectEpochs(epochs: LeaderEpochFile, segments: SegmentList): void {
  segments.all.forEach((segment, number) => {
    const first = firstEpoch(segment)
    if (first === undefined) return
    const following = segments.all.slice(number + 1).find((next) => next.sizeBytes > 0)
    if (following !== undefined && firstEpoch(following) === first) {
      epochs.note(first, segment.baseOffset)
      return
    }
    scanBatches(segment.logFile(), 0, segment.sizeBytes, ({ bytes, start }) => {
      epochs.note(partitionLeaderEpochOf(bytes, start), baseOffsetOf(bytes, start))
      return true
    })
  })
}

function firstEpoch(segment: Segment): number | undefined {
  if (segment.sizeBytes < HEADER_BYTES) return undefined
  return partitionLeaderEpochOf(readBytes(segment.logFile(), 0, HEADER_BYTES), 0)
}
