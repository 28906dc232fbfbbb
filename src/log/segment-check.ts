/**
 * Checks every batch of a segment and makes its indexes anew.
 *
 * 1. Walk the batches; each must be intact and go on behind the last one. Intact ones are noted in the indexes.
 * 2. At the first bytes that are no such batch, look for the next intact batch behind them.
 * 3. Nothing intact follows, or the bytes were never written (see damage.ts), and all of it lies behind what is
 *    known to be synced, at the end of the log: a torn tail. It is cut.
 * 4. Otherwise the bytes are damaged. They stay, are reported, and the walk goes on behind them.
 */
import type { Logger } from '../core/logger.ts'
import { baseOffsetOf, HEADER_BYTES, lastOffsetOf } from '../protocol/record-batch/layout.ts'
import { indexedTimestamp, isIntact, overlapsNext, scanBatches } from './batch-scan.ts'
import { type DamageKind, diagnose, findIntactBatch } from './damage.ts'
import type { Segment } from './segment.ts'

/** Bytes of a segment that hold no sound batch. */
export interface Damage {
  readonly path: string
  readonly kind: DamageKind
  readonly position: number
  readonly endPosition: number
  /** The first offset that is not readable. */
  readonly fromOffset: number
  /** The first offset behind the damage that is. */
  readonly toOffset: number
}

export interface SegmentCheck {
  readonly logger: Logger
  readonly intervalBytes: number
  /** Where the next segment begins, or undefined for the last one. */
  readonly nextBaseOffset: number | undefined
  /** At start: a torn tail of the last segment is cut. Otherwise nothing is. */
  readonly mayCutTail: boolean
  /** Everything before this offset was synced and is never cut. */
  readonly recoveryPoint: number
  /** Called for each intact batch, in order. */
  readonly onBatch?: (bytes: Buffer, start: number) => void
}

export interface SegmentFindings {
  /** The offset behind the last intact batch. */
  readonly endOffset: number
  readonly damages: readonly Damage[]
}

export function checkSegment(segment: Segment, check: SegmentCheck): SegmentFindings {
  const file = segment.logFile()
  const fileBytes = file.size()
  segment.clearIndexes()
  const damages: Damage[] = []
  let position = 0
  let offset = segment.baseOffset
  while (position < fileBytes) {
    ;({ position, offset } = noteIntact(segment, { from: position, to: fileBytes, offset }, check))
    if (position >= fileBytes) break
    const found = findIntactBatch(file, position, fileBytes, offset)
    const endPosition = found?.position ?? fileBytes
    const kind = diagnose(file, position, endPosition, offset)
    const torn = kind !== 'flipped' && (found === undefined || kind === 'unwritten')
    if (torn && check.mayCutTail && offset >= check.recoveryPoint) {
      cutTail(segment, { position, fileBytes, offset }, check.logger)
      break
    }
    const toOffset = found?.baseOffset ?? check.nextBaseOffset ?? offset + 1
    const path = segment.pathOf('.log')
    damages.push({ path, kind, position, endPosition, fromOffset: offset, toOffset })
    position = endPosition
    if (found !== undefined) offset = found.baseOffset
  }
  return { endOffset: offset, damages }
}

/** Notes intact batches up to the first bytes that are none. */
function noteIntact(
  segment: Segment,
  range: { readonly from: number; readonly to: number; readonly offset: number },
  check: SegmentCheck,
): { readonly position: number; readonly offset: number } {
  let { offset } = range
  const file = segment.logFile()
  let unsoundAt = -1
  const stopped = scanBatches(file, range.from, range.to, ({ bytes, start, end, position }) => {
    const baseOffset = baseOffsetOf(bytes, start)
    const lastOffset = lastOffsetOf(bytes, start)
    const goesOn = baseOffset >= offset && lastOffset >= baseOffset && segment.spans(lastOffset)
    const beforeNext = check.nextBaseOffset === undefined || lastOffset < check.nextBaseOffset
    // The last segment was never compacted, so it has no gaps.
    const gap = baseOffset > offset
    const wrongOffset =
      gap &&
      (check.nextBaseOffset === undefined || overlapsNext(file, position + end - start, range.to, lastOffset))
    if (!goesOn || !beforeNext || wrongOffset || !isIntact(bytes, start, end)) {
      unsoundAt = position
      return false
    }
    const sizeBytes = end - start
    segment.note(
      { position, sizeBytes, lastOffset, maxTimestampMs: indexedTimestamp(bytes, start) },
      check.intervalBytes,
    )
    check.onBatch?.(bytes, start)
    offset = lastOffset + 1
    return true
  })
  return { position: unsoundAt >= 0 ? unsoundAt : stopped, offset }
}

function cutTail(
  segment: Segment,
  tail: { readonly position: number; readonly fileBytes: number; readonly offset: number },
  logger: Logger,
): void {
  const { position, fileBytes, offset } = tail
  const file = segment.logFile()
  logger.warn(
    { file: segment.pathOf('.log'), position, bytes: fileBytes - position, offset },
    fileBytes - position < HEADER_BYTES
      ? 'cut off the start of a batch that was not written whole'
      : 'cut off a torn tail',
  )
  file.truncate(position)
  file.syncNow()
}
