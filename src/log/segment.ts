/**
 * A segment: one file of record batches with the indexes over it.
 *
 * The last segment of a log is written; it holds its indexes in memory. Older ones open their files when they
 * are read and can be released again. Batches are indexed by their last offset as Kafka does it, so that its
 * tools verify the files.
 *
 * What is written but not noted (a write that failed) is cut off again before anything else is written.
 */
import { invariant } from '../core/invariant.ts'
import type { Disk, DiskFile } from '../platform/disk.ts'
import { joinPath } from '../platform/disk.ts'
import {
  batchSizeBytes,
  HEADER_BYTES,
  lastOffsetOf,
  MAGIC,
  magicOf,
  maxTimestampOf,
} from '../protocol/record-batch/layout.ts'
import { readBytes } from './batch-scan.ts'
import { logFileName, type SegmentSuffix, segmentSuffixes } from './file-names.ts'
import { OffsetIndex } from './offset-index.ts'
import type { SegmentSums } from './segment-sums.ts'
import { TimeIndex } from './time-index.ts'
import { TransactionIndex } from './transaction-index.ts'

/** Places where readers stopped and will go on. */
const HINTS_MAX = 8
/** The offsets of a segment, and its size, are written with 32 bits in its indexes. */
const SPAN_MAX = 2 ** 31 - 1

export interface SegmentOptions {
  readonly disk: Disk
  readonly directory: string
  readonly baseOffset: number
  /** `.cleaned` while compaction writes the segment; none otherwise. */
  readonly stage?: string
}

export interface NotedBatch {
  readonly position: number
  readonly sizeBytes: number
  readonly lastOffset: number
  readonly maxTimestampMs: number
}

export class Segment {
  readonly baseOffset: number
  readonly directory: string
  /** Bytes of sound batches in the file. */
  sizeBytes = 0
  readonly offsetIndex: OffsetIndex
  readonly timeIndex: TimeIndex
  readonly transactionIndex: TransactionIndex
  /** The largest timestamp, and the last offset of the batch that has it; -1 when there is none. */
  maxTimestampMs = -1
  maxTimestampOffset = -1
  /** The largest timestamp of the first batch: the age of the segment counts from there. */
  firstTimestampMs = -1
  /** The indexes of offsets and times are in memory. */
  loaded = false
  /** The index of aborted transactions is in memory; it is small and stays there. */
  transactionsLoaded = false
  /** `maxTimestampMs` and `firstTimestampMs` are right; they stay so when the segment is released. */
  timesKnown = false
  /** An index could not be written; it is behind its log in the file. */
  indexesBehind = false
  private readonly disk: Disk
  private readonly stage: string
  private file: DiskFile | undefined
  private bytesSinceEntry = 0
  private readonly hintOffsets: number[] = []
  private readonly hintPositions: number[] = []
  private nextHint = 0
  private syncing = 0
  private closeWhenSynced: DiskFile | undefined

  constructor(options: SegmentOptions) {
    this.disk = options.disk
    this.directory = options.directory
    this.baseOffset = options.baseOffset
    this.stage = options.stage ?? ''
    this.offsetIndex = new OffsetIndex(options.disk, this.pathOf('.index'), options.baseOffset)
    this.timeIndex = new TimeIndex(options.disk, this.pathOf('.timeindex'), options.baseOffset)
    this.transactionIndex = new TransactionIndex(options.disk, this.pathOf('.txnindex'))
  }

  /** The path of one of the files. */
  pathOf(suffix: SegmentSuffix): string {
    return joinPath(this.directory, `${logFileName(this.baseOffset, suffix)}${this.stage}`)
  }

  /** Makes the files of a new segment. A file of that name that is there has no place in the log: it goes. */
  create(): void {
    this.remove()
    this.file = this.disk.open(this.pathOf('.log'), 'new')
    this.offsetIndex.file.persist()
    this.timeIndex.file.persist()
    this.loaded = true
    this.timesKnown = true
    this.transactionsLoaded = true
  }

  /**
   * Removes its files, as far as they are there. Indexes first, for good: an index that a power cut brings back
   * without its log would mean that the log was lost.
   */
  remove(): void {
    const paths = segmentSuffixes
      .map((suffix) => this.pathOf(suffix))
      .filter((path) => this.disk.exists(path))
    const [first, ...indexes] = paths
    for (const path of indexes) this.disk.remove(path)
    if (indexes.length > 0) this.disk.syncDirectory(this.directory)
    if (first !== undefined) this.disk.remove(first)
  }

  /** The log's file, opened when needed. */
  logFile(): DiskFile {
    this.file ??= this.disk.open(this.pathOf('.log'), 'write')
    return this.file
  }

  /** True when no offset from here on to `lastOffset` can be written with 32 bits. */
  spans(lastOffset: number): boolean {
    return lastOffset - this.baseOffset <= SPAN_MAX
  }

  /** Writes bytes behind the last batch. After an error the segment is as before, or the error is in `onBroken`. */
  write(bytes: Uint8Array, start: number, end: number): void {
    invariant(this.sizeBytes + end - start <= SPAN_MAX, 'a position in a segment fits 32 bits')
    this.logFile().write(bytes, start, end, this.sizeBytes)
  }

  /** Cuts the file back to the batches that are known, for good. */
  cutBack(): void {
    const file = this.logFile()
    file.truncate(this.sizeBytes)
    file.syncNow()
  }

  /** Takes a batch that lies in the file behind the last one into account. */
  note(batch: NotedBatch, intervalBytes: number): void {
    if (this.firstTimestampMs < 0) this.firstTimestampMs = batch.maxTimestampMs
    if (batch.maxTimestampMs > this.maxTimestampMs) {
      this.maxTimestampMs = batch.maxTimestampMs
      this.maxTimestampOffset = batch.lastOffset
    }
    if (this.bytesSinceEntry > intervalBytes) {
      this.offsetIndex.append(batch.lastOffset, batch.position)
      this.timeIndex.append(this.maxTimestampMs, this.maxTimestampOffset)
      this.bytesSinceEntry = 0
      this.persistSome()
    }
    this.bytesSinceEntry += batch.sizeBytes
    this.sizeBytes = batch.position + batch.sizeBytes
  }

  /** Indexes can be made again, so a write of theirs that fails does not fail the append that caused it. */
  private persistSome(): void {
    try {
      this.offsetIndex.file.persistSome()
      this.timeIndex.file.persistSome()
      this.indexesBehind = false
    } catch {
      this.indexesBehind = true
    }
  }

  /** Writes the index of aborted transactions; what fails is written with the next entry or at the end. */
  persistTransactions(): void {
    try {
      this.transactionIndex.file.persist()
    } catch {
      this.indexesBehind = true
    }
  }

  /** Writes the indexes out with the entry that ends the time index: before another segment follows, or the end. */
  finishIndexes(): void {
    this.timeIndex.append(this.maxTimestampMs, this.maxTimestampOffset)
    this.offsetIndex.file.persist()
    this.timeIndex.file.persist()
    if (this.transactionIndex.count > 0) this.transactionIndex.file.persist()
    this.indexesBehind = false
  }

  /** Resolves when what is written now is on the disk. */
  async sync(): Promise<void> {
    this.syncing++
    try {
      await this.logFile().sync()
    } finally {
      this.syncing--
      if (this.syncing === 0) {
        this.closeWhenSynced?.close()
        this.closeWhenSynced = undefined
      }
    }
  }

  syncNow(): void {
    this.logFile().syncNow()
  }

  /** Remembers where `offset` starts, for the reader that asks for it next. */
  remember(offset: number, position: number): void {
    this.hintOffsets[this.nextHint] = offset
    this.hintPositions[this.nextHint] = position
    this.nextHint = (this.nextHint + 1) % HINTS_MAX
  }

  /** Where the batch with `offset` as its first one starts, if a reader stopped there, or -1. */
  remembered(offset: number): number {
    const number = this.hintOffsets.indexOf(offset)
    return number < 0 ? -1 : this.hintPositions[number]!
  }

  /**
   * A place from which a walk finds `offset`: that of the last indexed batch that does not end after it, or the
   * start. Undefined when the index entry does not fit the log; then the indexes must be made again.
   */
  indexedPosition(offset: number): number | undefined {
    const number = this.offsetIndex.floor(offset)
    if (number < 0) return 0
    const entry = this.offsetIndex.entry(number)
    if (entry.position + HEADER_BYTES > this.sizeBytes) return undefined
    const head = readBytes(this.logFile(), entry.position, HEADER_BYTES)
    const fits =
      head.length === HEADER_BYTES && magicOf(head, 0) === MAGIC && lastOffsetOf(head, 0) === entry.offset
    return fits ? entry.position : undefined
  }

  /** Reads the indexes of a segment that was closed. Returns why they do not fit the log, or undefined. */
  loadIndexes(sums: SegmentSums): string | undefined {
    const { baseOffset, offsetIndex, timeIndex } = this
    const fault =
      offsetIndex.file.load() ??
      timeIndex.file.load() ??
      offsetIndex.fault(this.sizeBytes) ??
      timeIndex.fault() ??
      sums.fault(baseOffset, 'offsets', offsetIndex.file) ??
      sums.fault(baseOffset, 'times', timeIndex.file)
    if (fault !== undefined) return fault
    const misfit = this.lastEntriesFault()
    if (misfit !== undefined) return misfit
    const newest = this.timeIndex.last()
    this.maxTimestampMs = newest?.timestampMs ?? -1
    this.maxTimestampOffset = newest?.offset ?? -1
    const first = this.sizeBytes >= HEADER_BYTES ? readBytes(this.logFile(), 0, HEADER_BYTES) : undefined
    this.firstTimestampMs = first === undefined ? -1 : maxTimestampOf(first, 0)
    this.loaded = true
    this.timesKnown = true
    return undefined
  }

  /** Compares the last entry of each index with the batch it speaks of. */
  private lastEntriesFault(): string | undefined {
    const last = this.offsetIndex.last()
    if (last !== undefined && this.indexedPosition(last.offset) === undefined)
      return 'the last entry does not fit the log'
    const newest = this.timeIndex.last()
    if (newest === undefined) return undefined
    const head = this.headOf(newest.offset)
    const fits =
      head !== undefined &&
      lastOffsetOf(head, 0) === newest.offset &&
      maxTimestampOf(head, 0) === newest.timestampMs
    return fits ? undefined : 'the last entry of the time index does not fit the log'
  }

  /** The header of the batch that holds `offset`, or undefined. */
  headOf(offset: number): Buffer | undefined {
    const file = this.logFile()
    let position = this.indexedPosition(offset) ?? 0
    while (position + HEADER_BYTES <= this.sizeBytes) {
      const head = readBytes(file, position, HEADER_BYTES)
      if (head.length < HEADER_BYTES || magicOf(head, 0) !== MAGIC) return undefined
      if (lastOffsetOf(head, 0) >= offset) return head
      const sizeBytes = batchSizeBytes(head, 0)
      if (sizeBytes < HEADER_BYTES) return undefined
      position += sizeBytes
    }
    return undefined
  }

  /** Forgets all entries of offsets and times, to note every batch anew. */
  clearIndexes(): void {
    for (const index of [this.offsetIndex, this.timeIndex]) index.file.reset()
    this.loaded = true
    this.timesKnown = true
    this.sizeBytes = 0
    this.bytesSinceEntry = 0
    this.maxTimestampMs = -1
    this.maxTimestampOffset = -1
    this.firstTimestampMs = -1
    this.hintOffsets.length = 0
    this.hintPositions.length = 0
    this.nextHint = 0
  }

  /** Closes the files; they are opened again when the segment is read. */
  release(): void {
    this.offsetIndex.file.release()
    this.timeIndex.file.release()
    this.transactionIndex.file.closeFile()
    if (this.syncing > 0) this.closeWhenSynced = this.file
    else this.file?.close()
    this.file = undefined
    this.loaded = false
  }
}
