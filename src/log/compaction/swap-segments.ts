/**
 * Puts a segment that compaction has written in the place of those it was made from. The names are synced after
 * each step, so that at no moment a start finds both, or neither:
 *
 * 1. `.cleaned` → `.swap`, the log last: from here on a start finishes the swap.
 * 2. The old segments' files → `.deleted`.
 * 3. `.swap` → their names, the log last.
 */
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { type Disk, joinPath } from '../../platform/disk.ts'
import { logFileName, SWAP_SUFFIX, segmentSuffixes } from '../file-names.ts'
import { logError } from '../log-error.ts'
import type { Segment } from '../segment.ts'
import type { SegmentList } from '../segment-list.ts'
import type { SegmentRemoval } from '../segment-removal.ts'

export interface SwapOptions {
  readonly disk: Disk
  readonly logger: Logger
  readonly directory: string
  readonly segments: SegmentList
  readonly removal: SegmentRemoval
  readonly nowMs: number
}

/** @throws MR_LOG_READ_ONLY when it fails midway: the log must be opened anew */
export function swapSegments(options: SwapOptions, old: readonly Segment[], cleaned: Segment): void {
  const { disk, directory, segments, removal, nowMs, logger } = options
  const number = segments.all.indexOf(old[0]!)
  const { baseOffset, sizeBytes } = cleaned
  const suffixes = [...segmentSuffixes].reverse().filter((suffix) => disk.exists(cleaned.pathOf(suffix)))
  const finalPath = (suffix: (typeof suffixes)[number]): string =>
    joinPath(directory, logFileName(baseOffset, suffix))
  // Until the new segment is noted, nothing is known of its indexes: they are only checked in themselves.
  segments.sums.forget(old.map((segment) => segment.baseOffset))
  try {
    for (const suffix of suffixes) disk.rename(cleaned.pathOf(suffix), `${finalPath(suffix)}${SWAP_SUFFIX}`)
    disk.syncDirectory(directory)
    for (const segment of old) removal.rename(segment, nowMs)
    disk.syncDirectory(directory)
    for (const suffix of suffixes) disk.rename(`${finalPath(suffix)}${SWAP_SUFFIX}`, finalPath(suffix))
    disk.syncDirectory(directory)
  } catch (cause) {
    throw logError(
      'MR_LOG_READ_ONLY',
      'KAFKA_STORAGE_ERROR',
      `a compaction was cut short: ${messageOf(cause)}`,
      {
        cause,
        where: directory,
        hint: 'Check the disk, then start again: the compaction is finished then.',
      },
    )
  }
  for (const segment of old) segments.drop(segment)
  const segment = segments.make(baseOffset)
  segment.sizeBytes = sizeBytes
  segments.all.splice(number, 0, segment)
  try {
    segments.sums.note(cleaned)
  } catch (error) {
    logger.warn({ directory }, `cannot note a compacted segment: ${messageOf(error)}`)
  }
  cleaned.release()
  logger.debug({ directory, baseOffset, segments: old.length, sizeBytes }, 'compacted segments')
}
