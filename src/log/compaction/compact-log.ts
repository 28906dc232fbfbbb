/**
 * Compacts a log: of all records with one key only the last stays.
 *
 * 1. Plan: how far, and whether it is worth it (compaction-plan.ts).
 * 2. Walk the part that was not compacted before and note the last offset of each key. If the keys do not fit in
 *    memory, compact only up to where they did.
 * 3. Walk the log from its start, segments that fit together at a time, and write what stays into new files
 *    (`.cleaned`): no record that a later one supersedes, none of aborted transactions (batch-filter.ts).
 * 4. Sync the new files, rename them (`.swap`), take the old ones out, give the new ones their names. From the
 *    first rename on a start finishes the swap; before it a start drops the new files.
 *
 * Offsets never change. The segment that is being written is never touched. Between batches the event loop has
 * its turn.
 */
import { ByteWriter } from '../../core/byte-writer.ts'
import { isMillraceError, type MillraceError, messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Platform } from '../../platform/platform.ts'
import {
  attributesOf,
  baseOffsetOf,
  batchSizeBytes,
  isControl,
  lastOffsetOf,
  producerEpochOf,
  producerIdOf,
} from '../../protocol/record-batch/layout.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import { indexedTimestamp, isIntact, scanBatches } from '../batch-scan.ts'
import { CLEANED_SUFFIX } from '../file-names.ts'
import { codecLevel, type LogConfig, segmentBytesMax } from '../log-config.ts'
import type { CompactionResult } from '../log-types.ts'
import type { ProducerState } from '../producer-state.ts'
import type { Segment } from '../segment.ts'
import type { SegmentList } from '../segment-list.ts'
import type { SegmentRemoval } from '../segment-removal.ts'
import type { AbortedEntry } from '../transaction-index.ts'
import { filterBatch } from './batch-filter.ts'
import { type CompactionRange, groupSegments, planCompaction } from './compaction-plan.ts'
import { KeyOffsets } from './key-offsets.ts'
import { swapSegments } from './swap-segments.ts'
import { TransactionFilter } from './transaction-filter.ts'

/** Keys of one run take no more memory than that. */
const KEY_BYTES_MAX = 128 * 1024 * 1024
/** So many bytes are worked on before others have their turn. */
const TURN_BYTES = 2 * 1024 * 1024
const GROWTH_MAX = 16

export interface CompactionOptions {
  readonly platform: Pick<Platform, 'clock' | 'disk' | 'random'>
  readonly directory: string
  readonly logger: Logger
  readonly config: LogConfig
  readonly segments: SegmentList
  readonly producers: ProducerState
  readonly removal: SegmentRemoval
  readonly startOffset: number
  readonly cleanedOffset: number
  readonly limitOffset: number
  readonly nowMs: number
  /** True when the run must end without a result. */
  readonly stopped: () => boolean
  /** The files are in a state that only a start can put in order. */
  readonly onFailure: (error: MillraceError) => void
  /** For tests: the memory for keys. */
  readonly keyBytesMax?: number
}

/** Ends the run: nothing was changed. */
class Stopped extends Error {}

/** Compacts what is due. Returns what it did, or undefined when nothing was due or the run was ended. */
export async function compactLog(options: CompactionOptions): Promise<CompactionResult | undefined> {
  const range = planCompaction(options)
  if (range === undefined) return undefined
  const run = new CompactionRun(options, range)
  try {
    return await run.run()
  } catch (error) {
    run.dropFiles()
    if (error instanceof Stopped) return undefined
    options.logger.warn({ directory: options.directory }, `compaction failed: ${messageOf(error)}`)
    if (isMillraceError(error, 'MR_INVARIANT')) throw error
    if (isMillraceError(error, 'MR_LOG_READ_ONLY')) options.onFailure(error)
    return undefined
  }
}

class CompactionRun {
  private readonly options: CompactionOptions
  private readonly range: CompactionRange
  private readonly keys: KeyOffsets
  private readonly reader: RecordBatchReader
  private readonly records = new ByteWriter(64 * 1024)
  /** Records from this offset on are not looked at. */
  private endOffset: number
  private cleaned: Segment | undefined
  private workedBytes = 0
  private readonly counts = { bytesBefore: 0, bytesAfter: 0, recordsBefore: 0, recordsAfter: 0 }

  constructor(options: CompactionOptions, range: CompactionRange) {
    this.options = options
    this.range = range
    this.endOffset = range.limitOffset
    this.keys = new KeyOffsets(options.platform.random, options.keyBytesMax ?? KEY_BYTES_MAX)
    // Older batches may be larger than the topic allows now.
    const batchBytesMax = Math.max(options.config['max.message.bytes'], TURN_BYTES)
    this.reader = new RecordBatchReader({ decompressedBytesMax: batchBytesMax * GROWTH_MAX })
  }

  async run(): Promise<CompactionResult | undefined> {
    const { segments, config } = this.options
    await this.collectKeys()
    if (this.endOffset <= this.range.dirtyOffset) {
      this.options.logger.warn(
        { directory: this.options.directory },
        'the keys of one batch do not fit in memory',
      )
      return undefined
    }
    const whole = segments.all.filter(
      (segment) => segment !== segments.active && segment.baseOffset < this.endOffset,
    )
    const limits = {
      segmentBytes: segmentBytesMax(config),
      indexBytes: config['segment.index.bytes'],
      endOffset: segments.endOffsetOf(segments.all.indexOf(whole.at(-1)!), Number.MAX_SAFE_INTEGER),
    }
    const transactions = new TransactionFilter(this.abortedFrom(segments.first.baseOffset), (entry) =>
      this.cleaned?.transactionIndex.append(entry),
    )
    for (const group of groupSegments(whole, limits, (segment) => segments.open(segment))) {
      await this.cleanGroup(group, transactions)
    }
    return { ...this.counts, cleanedOffset: this.endOffset }
  }

  /** Removes the files of a group that was not finished. */
  dropFiles(): void {
    const { cleaned } = this
    if (cleaned === undefined) return
    const { disk } = this.options.platform
    cleaned.release()
    for (const suffix of ['.log', '.index', '.timeindex', '.txnindex'] as const) {
      try {
        if (disk.exists(cleaned.pathOf(suffix))) disk.remove(cleaned.pathOf(suffix))
      } catch (error) {
        // The next start removes it.
        this.options.logger.warn({ file: cleaned.pathOf(suffix) }, messageOf(error))
      }
    }
    this.cleaned = undefined
  }

  /** Notes the last offset of each key of the dirty part. */
  private async collectKeys(): Promise<void> {
    const { segments } = this.options
    const { dirtyOffset, limitOffset } = this.range
    const transactions = new TransactionFilter(this.abortedFrom(dirtyOffset))
    for (let number = segments.numberOf(dirtyOffset); number < segments.all.length; number++) {
      const segment = segments.all[number]!
      if (segment.baseOffset >= this.endOffset || segment === segments.active) return
      await this.walk(segment, (bytes, start) => {
        if (lastOffsetOf(bytes, start) >= limitOffset) return false
        if (lastOffsetOf(bytes, start) < dirtyOffset) return true
        if (transactions.canGo(bytes, start) || isControl(attributesOf(bytes, start))) return true
        return this.noteKeys(bytes, start)
      })
    }
  }

  private noteKeys(bytes: Buffer, start: number): boolean {
    const { reader, keys } = this
    reader.reset(bytes, start)
    while (reader.next()) {
      if (reader.keyStart < 0 || reader.offset < this.range.dirtyOffset) continue
      if (keys.put(reader.body, reader.keyStart, reader.keyEnd, reader.offset)) continue
      this.endOffset = Math.min(this.endOffset, baseOffsetOf(bytes, start))
      return false
    }
    return true
  }

  private async cleanGroup(group: readonly Segment[], transactions: TransactionFilter): Promise<void> {
    const { segments, platform, logger, directory, removal, nowMs } = this.options
    const cleaned = segments.make(group[0]!.baseOffset, CLEANED_SUFFIX)
    this.cleaned = cleaned
    cleaned.create()
    const out: Output = new Output(cleaned, this.options.config['index.interval.bytes'])
    for (const segment of group) {
      this.counts.bytesBefore += segment.sizeBytes
      await this.walk(segment, (bytes, start, end) => {
        out.add(this.filtered(bytes, start, end, transactions))
        return true
      })
    }
    out.finish()
    this.counts.bytesAfter += cleaned.sizeBytes
    if (this.options.stopped()) throw new Stopped()
    swapSegments({ disk: platform.disk, logger, directory, segments, removal, nowMs }, group, cleaned)
    this.cleaned = undefined
  }

  /** What stays of a batch. */
  private filtered(
    bytes: Buffer,
    start: number,
    end: number,
    transactions: TransactionFilter,
  ): Buffer | undefined {
    const { config, nowMs, producers } = this.options
    const { reader, keys, endOffset } = this
    const batch = bytes.subarray(start, end)
    const canGo = transactions.canGo(bytes, start)
    reader.reset(bytes, start)
    // What was not looked at stays as it is.
    if (reader.lastOffset >= endOffset) {
      this.counts.recordsBefore += reader.recordCount
      this.counts.recordsAfter += reader.recordCount
      return batch
    }
    const result = filterBatch(batch, reader, this.records, {
      canGo,
      keepEmpty: isLastOfProducer(bytes, start, producers),
      // A record without a key cannot be asked for; only topics that were not compacted before have some.
      isSuperseded: (record) =>
        record.keyStart < 0 || keys.get(record.body, record.keyStart, record.keyEnd) > record.offset,
      nowMs,
      deleteRetentionMs: config['delete.retention.ms'],
      compressionLevel: codecLevel(config, reader.compression),
    })
    this.counts.recordsBefore += result.recordsBefore
    this.counts.recordsAfter += result.recordsAfter
    return result.bytes
  }

  /** Calls `visit` for all batches of a segment, with turns for others in between; false ends the walk. */
  private async walk(
    segment: Segment,
    visit: (bytes: Buffer, start: number, end: number) => boolean,
  ): Promise<void> {
    const { segments, platform, stopped } = this.options
    let position = 0
    let ended = false
    while (position < segment.sizeBytes && !ended) {
      if (stopped()) throw new Stopped()
      const budgetEnd = this.workedBytes + TURN_BYTES
      let damagedAt = -1
      position = scanBatches(segments.open(segment).logFile(), position, segment.sizeBytes, (batch) => {
        const { bytes, start, end } = batch
        if (!isIntact(bytes, start, end)) {
          damagedAt = batch.position
          return false
        }
        ended = !visit(bytes, start, end)
        this.workedBytes += end - start
        return !ended && this.workedBytes < budgetEnd
      })
      const stuck = !ended && this.workedBytes < budgetEnd && position < segment.sizeBytes
      if (damagedAt >= 0 || stuck) {
        segments.rebuildIndexes(segment, 'compaction met a damaged batch')
        throw new Stopped()
      }
      await platform.clock.nextTurn()
    }
  }

  private abortedFrom(offset: number): AbortedEntry[] {
    const { segments } = this.options
    return segments.all
      .flatMap((segment) => [...segments.transactionsOf(segment).entries()])
      .filter((entry) => entry.lastOffset >= offset)
  }
}

/** The log goes on from the last batch of each producer that is known: its sequence or its epoch is read from there. */
function isLastOfProducer(bytes: Buffer, start: number, producers: ProducerState): boolean {
  const entry = producers.get(producerIdOf(bytes, start))
  if (entry === undefined) return false
  if (entry.lastOffset >= 0) return entry.lastOffset === lastOffsetOf(bytes, start)
  return isControl(attributesOf(bytes, start)) && entry.producerEpoch === producerEpochOf(bytes, start)
}

/** Writes batches into the new segment, many at a time. */
class Output {
  private readonly segment: Segment
  private readonly intervalBytes: number
  private readonly pending = new ByteWriter(TURN_BYTES)

  constructor(segment: Segment, intervalBytes: number) {
    this.segment = segment
    this.intervalBytes = intervalBytes
  }

  add(batch: Buffer | undefined): void {
    if (batch === undefined) return
    this.pending.raw(batch)
    if (this.pending.length >= TURN_BYTES) this.write()
  }

  /** Makes the segment complete, on the disk. */
  finish(): void {
    this.write()
    this.segment.finishIndexes()
    this.segment.syncNow()
  }

  private write(): void {
    const bytes = this.pending.bytes()
    this.segment.write(bytes, 0, bytes.length)
    let position = this.segment.sizeBytes
    for (let start = 0; start < bytes.length; ) {
      const end = start + batchSizeBytes(bytes, start)
      const lastOffset = lastOffsetOf(bytes, start)
      const sizeBytes = end - start
      this.segment.note(
        { position, sizeBytes, lastOffset, maxTimestampMs: indexedTimestamp(bytes, start) },
        this.intervalBytes,
      )
      position += sizeBytes
      start = end
    }
    this.pending.clear()
  }
}
