/**
 * Which segments of a log are old, too many, or below its start.
 *
 * Segments go from the oldest on, whole, and never the last one (a log whose last segment is old as well begins a
 * new one first). The rules are Kafka's, but for one: by age, by the size of the log without it, and by the first
 * offset that readers may see. The age of a segment counts from the later of its newest record and its last write, so
 * that events of long ago are kept as long as those of today (docs/decisions/retention-by-arrival.md).
 */
import type { LogConfig } from './log-config.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'

export interface RetentionState {
  readonly segments: SegmentList
  readonly config: LogConfig
  readonly logStartOffset: number
  /** Nothing that readers have not seen yet is deleted. */
  readonly highWatermark: number
  readonly nowMs: number
  /** When the segment was last written. */
  readonly modifiedMs: (segment: Segment) => number
}

/** The segments to delete, oldest first; the last one is among them only when all others are. */
export function expiredSegments(state: RetentionState): readonly Segment[] {
  const { segments, config, logStartOffset } = state
  const deletes = config['cleanup.policy'].includes('delete')
  const expired: Segment[] = []
  let sizeBytes = segments.sizeBytes
  for (let number = 0; number < segments.all.length; number++) {
    const segment = segments.all[number]!
    const next = segments.all[number + 1]
    const last = next === undefined
    if (!last && next.baseOffset > state.highWatermark) break
    if (last && (segment.sizeBytes === 0 || expired.length < number)) break
    const below = !last && next.baseOffset <= logStartOffset
    if (!below && !(deletes && (isTooOld(segment, state) || isTooMuch(segment, sizeBytes, config)))) break
    expired.push(segment)
    sizeBytes -= segment.sizeBytes
  }
  return expired
}

function isTooOld(segment: Segment, state: RetentionState): boolean {
  const { segments, config, nowMs } = state
  const retentionMs = config['retention.ms']
  if (retentionMs < 0) return false
  if (!segment.timesKnown) segments.open(segment)
  const newestMs = Math.max(segment.maxTimestampMs, state.modifiedMs(segment))
  return nowMs - newestMs > retentionMs
}

function isTooMuch(segment: Segment, sizeBytes: number, config: LogConfig): boolean {
  const retentionBytes = config['retention.bytes']
  return retentionBytes >= 0 && sizeBytes - retentionBytes >= segment.sizeBytes
}
