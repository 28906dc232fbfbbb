/**
 * Whether a log is worth compacting, and how far.
 *
 * ```
 * start ── clean ──┬── dirty ──┬── too young, unstable, or being written ── end
 *            cleanedOffset   limitOffset
 * ```
 */
import type { LogConfig } from '../log-config.ts'
import type { Segment } from '../segment.ts'
import type { SegmentList } from '../segment-list.ts'

export interface CompactionState {
  readonly segments: SegmentList
  readonly config: LogConfig
  readonly cleanedOffset: number
  readonly limitOffset: number
  readonly nowMs: number
}

export interface CompactionRange {
  /** The first offset that was not compacted before. */
  readonly dirtyOffset: number
  /** Compaction ends before this offset. */
  readonly limitOffset: number
}

/** What to compact now, or undefined when it is not worth it, or not due. */
export function planCompaction(state: CompactionState): CompactionRange | undefined {
  const { segments, config, nowMs, cleanedOffset } = state
  const limitOffset = youngOffset(state)
  if (limitOffset <= cleanedOffset) return undefined
  let cleanBytes = 0
  let dirtyBytes = 0
  let overdue = false
  for (const segment of segments.all) {
    if (segment.baseOffset >= limitOffset || segment === segments.active) break
    if (segment.baseOffset < cleanedOffset) cleanBytes += segment.sizeBytes
    else {
      dirtyBytes += segment.sizeBytes
      const { firstTimestampMs } = withTimes(segments, segment)
      overdue ||= firstTimestampMs >= 0 && nowMs - firstTimestampMs > config['max.compaction.lag.ms']
    }
  }
  if (dirtyBytes === 0) return undefined
  const ratio = dirtyBytes / (cleanBytes + dirtyBytes)
  if (ratio <= config['min.cleanable.dirty.ratio'] && !overdue) return undefined
  return { dirtyOffset: cleanedOffset, limitOffset }
}

/** The limit, or the first segment before it with a record that is too young. */
function youngOffset({ segments, config, limitOffset, cleanedOffset, nowMs }: CompactionState): number {
  const lagMs = config['min.compaction.lag.ms']
  if (lagMs === 0) return limitOffset
  for (const segment of segments.all) {
    if (segment.baseOffset < cleanedOffset || segment.baseOffset >= limitOffset) continue
    if (withTimes(segments, segment).maxTimestampMs > nowMs - lagMs) return segment.baseOffset
  }
  return limitOffset
}

function withTimes(segments: SegmentList, segment: Segment): Segment {
  return segment.timesKnown ? segment : segments.open(segment)
}

const SPAN_MAX = 2 ** 31 - 1

/** Puts neighbours together that fit in one segment. */
export function groupSegments(
  all: readonly Segment[],
  limits: { readonly segmentBytes: number; readonly indexBytes: number; readonly endOffset: number },
  open: (segment: Segment) => Segment,
): readonly (readonly Segment[])[] {
  const groups: Segment[][] = []
  let bytes = 0
  let offsetIndexBytes = 0
  let timeIndexBytes = 0
  all.forEach((segment, number) => {
    const { sizeBytes, offsetIndex, timeIndex } = open(segment)
    const group = groups.at(-1)
    const endOffset = all[number + 1]?.baseOffset ?? limits.endOffset
    const fits =
      group !== undefined &&
      bytes + sizeBytes <= limits.segmentBytes &&
      offsetIndexBytes + offsetIndex.sizeBytes <= limits.indexBytes &&
      timeIndexBytes + timeIndex.sizeBytes <= limits.indexBytes &&
      endOffset - group[0]!.baseOffset <= SPAN_MAX
    if (fits) group.push(segment)
    else {
      groups.push([segment])
      bytes = 0
      offsetIndexBytes = 0
      timeIndexBytes = 0
    }
    bytes += sizeBytes
    offsetIndexBytes += offsetIndex.sizeBytes
    timeIndexBytes += timeIndex.sizeBytes
  })
  return groups
}
