/**
 * Finds offsets by timestamps.
 *
 * Timestamps need not grow with the offsets. A lookup finds the first record that is not before the timestamp:
 * the time index says up to where all are before it, the batches' headers which batch has one, its records which.
 */

import { baseOffsetOf, lastOffsetOf, maxTimestampOf } from '../protocol/record-batch/layout.ts'
import { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
import { indexedTimestamp, isIntact, scanBatches } from './batch-scan.ts'
import type { LogReader } from './log-reader.ts'
import type { TimestampOffset } from './log-types.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'

export interface TimeLookupOptions {
  readonly segments: SegmentList
  readonly reader: LogReader
  readonly decompressedBytesMax: () => number
}

export class TimeLookup {
  private readonly options: TimeLookupOptions

  constructor(options: TimeLookupOptions) {
    this.options = options
  }

  /** The first record from `startOffset` on, before `endOffset`, whose timestamp is `timestampMs` or later. */
  first(timestampMs: number, startOffset: number, endOffset: number): TimestampOffset | undefined {
    const { segments } = this.options
    for (let number = segments.numberOf(startOffset); number < segments.all.length; number++) {
      const segment = this.withTimes(segments.all[number]!)
      if (segment.maxTimestampMs < timestampMs) continue
      const found = this.firstIn(segments.open(segment), timestampMs, startOffset)
      if (found !== undefined) return found.offset < endOffset ? found : undefined
    }
    return undefined
  }

  /** The record with the largest timestamp, the first of them, from `startOffset` on and before `endOffset`. */
  newest(startOffset: number, endOffset: number): TimestampOffset | undefined {
    const { segments } = this.options
    let newestMs = -1
    for (let number = segments.numberOf(startOffset); number < segments.all.length; number++) {
      const segment = this.withTimes(segments.all[number]!)
      const whole = segment.baseOffset >= startOffset && segment.maxTimestampOffset < endOffset
      const timestampMs = whole ? segment.maxTimestampMs : this.newestIn(segment, startOffset, endOffset)
      newestMs = Math.max(newestMs, timestampMs)
    }
    return newestMs < 0 ? undefined : this.first(newestMs, startOffset, endOffset)
  }

  /** The largest timestamp of a part of a segment, or -1. */
  private newestIn(segment: Segment, startOffset: number, endOffset: number): number {
    const { segments, reader } = this.options
    let newestMs = -1
    const position = reader.locate(segments.open(segment), startOffset)
    if (position < 0) return newestMs
    scanBatches(segment.logFile(), position, segment.sizeBytes, ({ bytes, start, end }) => {
      const baseOffset = baseOffsetOf(bytes, start)
      if (baseOffset >= endOffset) return false
      if (!isIntact(bytes, start, end)) return true
      if (baseOffset >= startOffset) newestMs = Math.max(newestMs, indexedTimestamp(bytes, start))
      else {
        const records = this.recordsOf(bytes, start)
        while (records.next())
          if (records.offset >= startOffset) newestMs = Math.max(newestMs, records.timestampMs)
      }
      return true
    })
    return newestMs
  }

  private withTimes(segment: Segment): Segment {
    return segment.timesKnown ? segment : this.options.segments.open(segment)
  }

  private firstIn(segment: Segment, timestampMs: number, startOffset: number): TimestampOffset | undefined {
    const position = this.options.reader.locate(
      segment,
      Math.max(startOffset, this.indexedOffset(segment, timestampMs)),
    )
    if (position < 0) return undefined
    let found: TimestampOffset | undefined
    scanBatches(segment.logFile(), position, segment.sizeBytes, ({ bytes, start, end }) => {
      if (maxTimestampOf(bytes, start) < timestampMs || lastOffsetOf(bytes, start) < startOffset) return true
      // Damaged batches are not looked into; a read of them says so.
      if (!isIntact(bytes, start, end)) return true
      found = this.firstInBatch(bytes, start, timestampMs, startOffset)
      return found === undefined
    })
    return found
  }

  /** An offset before whose batch all records are earlier, checked against the batch that the index speaks of. */
  private indexedOffset(segment: Segment, timestampMs: number): number {
    const entry = segment.timeIndex.floor(timestampMs)
    if (entry === undefined) return segment.baseOffset
    const head = segment.headOf(entry.offset)
    const fits =
      head !== undefined &&
      lastOffsetOf(head, 0) === entry.offset &&
      maxTimestampOf(head, 0) === entry.timestampMs
    if (fits) return entry.offset
    this.options.segments.rebuildIndexes(segment, 'an entry of the time index does not fit the log')
    return segment.timeIndex.floor(timestampMs)?.offset ?? segment.baseOffset
  }

  private firstInBatch(
    bytes: Buffer,
    start: number,
    timestampMs: number,
    startOffset: number,
  ): TimestampOffset | undefined {
    const reader = this.recordsOf(bytes, start)
    const leaderEpoch = reader.partitionLeaderEpoch
    while (reader.next()) {
      if (reader.timestampMs < timestampMs || reader.offset < startOffset) continue
      return { offset: reader.offset, timestampMs: reader.timestampMs, leaderEpoch }
    }
    return undefined
  }

  private recordsOf(bytes: Buffer, start: number): RecordBatchReader {
    const reader = new RecordBatchReader({ decompressedBytesMax: this.options.decompressedBytesMax() })
    reader.reset(bytes, start)
    return reader
  }
}
