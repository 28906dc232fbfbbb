/**
 * The log of a partition: the face over its segments, producers, epochs, syncs, retention and compaction.
 *
 * All calls but `flushed`, `flush`, `clean` and `close` are synchronous: an append is in the file when it
 * returns, whole or not at all. Readers see what lies below the high watermark, which is the end of the log, or
 * its synced part where acknowledgements wait for the disk (`flush` is `group` or `batch`), so that nothing that
 * was read can be lost by a power cut.
 *
 * After a sync that failed, or damage found before the end, the log takes no records any more: see `fault`.
 */
import { MillraceError } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import { ErrorCodes } from '../protocol/error-codes.ts'
import { controlBatch } from '../protocol/record-batch/control-batch.ts'
import { abortedTransactions, endOffsetOf } from './aborted-transactions.ts'
import { assignOffsets, type PreparedAppend, prepareAppend } from './append.ts'
import { findDuplicate } from './duplicate.ts'
import { Flusher } from './flusher.ts'
import type { LogConfig } from './log-config.ts'
import { logError } from './log-error.ts'
import { LogReader } from './log-reader.ts'
import type {
  AppendControlOptions,
  AppendOptions,
  AppendResult,
  CleanResult,
  EpochEnd,
  PartitionLogOptions,
  ProducerSummary,
  ReadOptions,
  ReadResult,
  TimestampOffset,
} from './log-types.ts'
import { LogWriter } from './log-writer.ts'
import { Maintenance, type MaintenanceBounds } from './maintenance.ts'
import { firstOffsetOf, type ProducerBatch } from './producer-entry.ts'
import { ProducerAppend } from './producer-state.ts'
import { damageError, type OpenedLog, openLog } from './recovery.ts'
import type { Damage } from './segment-check.ts'
import { StorageTrouble } from './storage-trouble.ts'
import { TimeLookup } from './time-lookup.ts'

/** What may come out of a batch, in multiples of the largest batch. */
const GROWTH_MAX = 16

export class PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly directory: string
  private readonly options: PartitionLogOptions
  private readonly opened: OpenedLog
  private readonly writer: LogWriter
  private readonly flusher: Flusher
  private readonly reader: LogReader
  private readonly times: TimeLookup
  private readonly maintenance: Maintenance
  private readonly damages: Damage[]
  private readonly trouble: StorageTrouble
  private readonly listeners = new Set<() => void>()
  private configNow: LogConfig
  private epochNow: number
  private startOffset: number
  private visibleOffset: number
  /** A failed write or sync, or lost records: holds until the log is opened again. */
  private failure: MillraceError | undefined
  private unsyncedRecords = 0
  private unsyncedSinceMs = -1
  private closed = false

  /**
   * Opens the log in a folder, or makes it. Recovery happens here: see recovery.ts.
   *
   * @throws MR_LOG_CORRUPT when log files are missing altogether, MR_DISK_FAILED
   */
  static open(options: PartitionLogOptions): PartitionLog {
    const damages: Damage[] = []
    return new PartitionLog(options, openLog(options, damages), damages)
  }

  private constructor(options: PartitionLogOptions, opened: OpenedLog, damages: Damage[]) {
    const { platform, directory, logger } = options
    this.options = options
    this.opened = opened
    this.topic = options.topic
    this.partition = options.partition
    this.directory = directory
    this.configNow = options.config
    this.epochNow = options.leaderEpoch ?? 0
    this.startOffset = opened.logStartOffset
    this.visibleOffset = opened.endOffset
    this.damages = damages
    this.trouble = options.trouble ?? new StorageTrouble(platform.clock, logger)
    this.failure = opened.failure
    const { segments } = opened
    const onFailure = (error: MillraceError): void => this.fail(error)
    const config = (): LogConfig => this.configNow
    this.writer = new LogWriter(
      { ...opened, disk: platform.disk, directory, random: platform.random, logger, config, onFailure },
      platform.clock.nowMs(),
    )
    this.flusher = new Flusher(opened.recoveryPoint, {
      sync: () => this.writer.sync(),
      endOffset: () => this.writer.endOffset,
      onDurable: () => this.moveOn(),
      onFailure,
    })
    this.reader = new LogReader({
      segments,
      damages,
      damageError,
      endOffset: () => this.endOffset,
      epochOf: (offset) => opened.epochs.epochOf(offset),
    })
    this.times = new TimeLookup({
      segments,
      reader: this.reader,
      decompressedBytesMax: () => this.decompressedBytesMax,
    })
    this.maintenance = new Maintenance({
      ...opened,
      platform,
      directory,
      logger,
      reader: this.reader,
      writer: this.writer,
      cleanedOffset: options.cleanedOffset ?? 0,
      bounds: () => this.bounds(),
      onFailure,
      onStartMoves: (offset) => options.onLogStartMoved?.(offset),
      onSegmentsChanged: (offset) => this.moveStart(offset),
      onRolled: (offset) => this.flusher.reached(offset),
    })
  }

  get config(): LogConfig {
    return this.configNow
  }

  /** Takes over changed settings; they hold from the next call on. */
  updateConfig(config: LogConfig): void {
    this.configNow = config
    this.moveOn()
  }

  get leaderEpoch(): number {
    return this.epochNow
  }

  /** Batches get this epoch from now on. It never goes back. */
  becomeLeader(epoch: number): void {
    invariant(epoch >= this.epochNow, 'a leader epoch never goes back')
    this.epochNow = epoch
  }

  /** The first offset that readers may see. */
  get logStartOffset(): number {
    return this.startOffset
  }

  /** The offset that the next record gets. */
  get endOffset(): number {
    return this.writer.endOffset
  }

  /** Readers see what lies before this offset. */
  get highWatermark(): number {
    return this.visibleOffset
  }

  /** With `read_committed`: before this offset the fate of every transaction is known. */
  get lastStableOffset(): number {
    return Math.max(this.startOffset, this.opened.producers.firstUnstableOffset(this.visibleOffset))
  }

  /** Everything before this offset is on the disk. */
  get recoveryPoint(): number {
    return this.flusher.durableOffset
  }

  /** Everything before this offset was compacted. */
  get cleanedOffset(): number {
    return Math.max(this.maintenance.cleanedOffset, this.startOffset)
  }

  get sizeBytes(): number {
    return this.opened.segments.sizeBytes
  }

  /** Why the log takes no records, or undefined: damage that readers can meet, or a write or sync that failed. */
  get fault(): MillraceError | undefined {
    if (this.failure !== undefined || this.damages.length === 0) return this.failure
    const damage = this.damages.find(({ toOffset }) => toOffset > this.startOffset)
    return damage === undefined ? undefined : damageError(damage)
  }

  /**
   * Appends the whole batches in `bytes`, in which offsets, leader epoch and append times are set in place.
   *
   * @throws what `prepareAppend` refuses; MR_LOG_APPEND_REFUSED for producers out of order or fenced;
   *   MR_DISK_FULL or MR_DISK_FAILED when nothing could be written; MR_LOG_CORRUPT or MR_LOG_READ_ONLY when the
   *   log takes no records; each with the number for the wire in `context.kafkaCode`
   */
  append(bytes: Buffer, options: AppendOptions): AppendResult {
    this.requireWritable()
    const append = prepareAppend(bytes, this.configNow, options)
    const producers = new ProducerAppend(this.opened.producers, options.nowMs)
    if (options.origin === 'client') {
      const duplicate = findDuplicate(append, producers)
      if (duplicate !== undefined) return this.duplicateResult(duplicate)
    }
    let firstOffset = this.endOffset
    for (const batch of append.batches) {
      const lastOffset = firstOffset + batch.lastOffsetDelta
      if (batch.producerId >= 0) {
        producers.add(
          { ...batch, recordCount: batch.lastOffsetDelta + 1, firstOffset, lastOffset },
          options.origin,
        )
      }
      firstOffset = lastOffset + 1
    }
    return this.write(append, producers, options.nowMs)
  }

  /**
   * Appends the marker that ends a producer's transaction on this partition.
   *
   * @throws MR_LOG_APPEND_REFUSED (INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED); the rest as `append`
   */
  appendControl(options: AppendControlOptions): AppendResult {
    this.requireWritable()
    const { nowMs, transactionVersion = 1 } = options
    const bytes = controlBatch({ ...options, timestampMs: nowMs })
    const append = prepareAppend(bytes, this.configNow, { origin: 'coordinator', nowMs })
    const producers = new ProducerAppend(this.opened.producers, nowMs)
    producers.end(
      { ...options, offset: this.endOffset, timestampMs: nowMs, transactionVersion },
      'coordinator',
    )
    return this.write(append, producers, nowMs)
  }

  private write(append: PreparedAppend, producers: ProducerAppend, nowMs: number): AppendResult {
    const baseOffset = this.endOffset
    assignOffsets(append, baseOffset, this.epochNow)
    try {
      if (this.writer.rollFor(append, nowMs)) this.flusher.reached(baseOffset)
      this.opened.epochs.assign(this.epochNow, baseOffset)
      this.writer.write(append)
    } catch (error) {
      throw this.trouble.met(this.directory, error)
    }
    this.trouble.over(this.directory)
    const aborted = producers.commit()
    if (aborted !== undefined) {
      const { active } = this.opened.segments
      active.transactionIndex.append(aborted)
      active.persistTransactions()
    }
    const waitForFlush = this.afterWrite(append.recordCount, nowMs)
    return {
      baseOffset,
      lastOffset: this.endOffset - 1,
      logAppendTimeMs: this.configNow['message.timestamp.type'] === 'LogAppendTime' ? nowMs : -1,
      logStartOffset: this.startOffset,
      duplicate: false,
      waitForFlush,
    }
  }

  /** Syncs as the topic asks for it. Returns whether an acknowledgement must wait. */
  private afterWrite(recordCount: number, nowMs: number): boolean {
    const { flush } = this.configNow
    this.unsyncedRecords += recordCount
    if (this.unsyncedSinceMs < 0) this.unsyncedSinceMs = nowMs
    if (flush === 'batch') {
      this.writer.syncNow()
      this.flusher.reached(this.endOffset)
      return false
    }
    this.moveOn()
    if (flush === 'group') return true
    const many = this.unsyncedRecords >= this.configNow['flush.messages']
    if (many || this.writer.syncDue) this.startSync()
    return many
  }

  private startSync(): void {
    this.unsyncedRecords = 0
    this.unsyncedSinceMs = -1
    this.flusher.start()
  }

  /** Syncs in the background when records have waited for `flush.ms`; to be called from time to time. */
  flushIfDue(nowMs: number): void {
    if (this.unsyncedSinceMs < 0 || this.fault !== undefined || this.closed) return
    if (nowMs - this.unsyncedSinceMs >= this.configNow['flush.ms']) this.startSync()
  }

  /** Resolves when the record at `offset` survives a power cut. @throws MR_LOG_READ_ONLY */
  flushed(offset: number): Promise<void> {
    return this.flusher.wait(Math.min(offset + 1, this.endOffset))
  }

  /** Resolves when all that was appended survives a power cut. @throws MR_LOG_READ_ONLY */
  flush(): Promise<void> {
    return this.flusher.wait(this.endOffset)
  }

  /**
   * Whole batches from the one that holds `fromOffset` on.
   *
   * @throws MR_OFFSET_OUT_OF_RANGE, MR_LOG_CORRUPT (CORRUPT_MESSAGE) when the offset lies in damaged bytes
   */
  read(options: ReadOptions): ReadResult {
    this.requireOpen()
    const { fromOffset, maxBytes, isolation, minOneBatch = true, allocate } = options
    const { segments } = this.opened
    const highWatermark = this.visibleOffset
    const { lastStableOffset, logStartOffset } = this
    if (fromOffset < logStartOffset || fromOffset > this.endOffset) throw this.outOfRange(fromOffset)
    const committed = isolation === 'read_committed'
    const limitOffset = committed ? lastStableOffset : highWatermark
    const bytes = this.reader.read({ fromOffset, limitOffset, maxBytes, minOneBatch, allocate })
    const aborted =
      committed && bytes.length > 0 ? abortedTransactions(segments, fromOffset, endOffsetOf(bytes)) : []
    return { bytes, highWatermark, lastStableOffset, logStartOffset, abortedTransactions: aborted }
  }

  /** The first record that is not before the timestamp. */
  offsetForTimestamp(timestampMs: number): TimestampOffset | undefined {
    this.requireOpen()
    return this.times.first(timestampMs, this.startOffset, this.visibleOffset)
  }

  /** The first of the records with the largest timestamp. */
  offsetForMaxTimestamp(): TimestampOffset | undefined {
    this.requireOpen()
    return this.times.newest(this.startOffset, this.visibleOffset)
  }

  /** The leader epoch of the record at `offset`, or -1. */
  epochOf(offset: number): number {
    return this.opened.epochs.epochOf(offset)
  }

  /** Where the largest epoch up to `epoch` ends, as OffsetForLeaderEpoch answers. */
  epochEndOffset(epoch: number): EpochEnd {
    return this.opened.epochs.endOf(epoch, this.endOffset)
  }

  /**
   * Hides all records before `offset` (-1: before the high watermark) and returns the new first offset.
   *
   * @throws MR_OFFSET_OUT_OF_RANGE behind the high watermark
   */
  deleteRecordsBefore(offset: number): number {
    this.requireOpen()
    const target = offset === -1 ? this.visibleOffset : offset
    if (target < 0 || target > this.visibleOffset) throw this.outOfRange(offset)
    if (target <= this.startOffset) return this.startOffset
    // First for good, then for readers: what they were told is gone must not come back.
    this.options.onLogStartMoved?.(target)
    this.moveStart(target)
    return target
  }

  /** Calls `listener` whenever readers may see more. Returns how to stop that. */
  onAppend(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  producers(): readonly ProducerSummary[] {
    return this.opened.producers.summaries()
  }

  hasOngoingTransaction(producerId: number): boolean {
    return this.opened.producers.hasOngoingTransaction(producerId)
  }

  /** Forgets producers that appended nothing for `expirationMs` and have no open transaction; returns how many. */
  expireProducers(nowMs: number, expirationMs: number): number {
    return this.opened.producers.expire(nowMs - expirationMs)
  }

  /** Deletes and compacts as `cleanup.policy` says, as far as it is due. Calls at the same time share one run. */
  clean(nowMs: number): Promise<CleanResult> {
    this.requireOpen()
    return this.maintenance.clean(nowMs)
  }

  /** Ends all work, writes everything out and closes the files. The folder may then be opened as shut down cleanly. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    const { segments, snapshots, producers } = this.opened
    // A compaction sees that the log is closed and gives up.
    await this.maintenance.idle()
    try {
      if (this.fault === undefined) {
        const { active } = segments
        active.finishIndexes()
        segments.sums.note(active)
        // That of a segment without records is on the disk already and must stay so.
        if (this.endOffset > active.baseOffset || !snapshots.has(this.endOffset)) {
          snapshots.take(producers, this.endOffset, { durable: false })
        }
        await this.flush()
      }
      await this.flusher.idle()
    } finally {
      segments.release()
      this.maintenance.removeFiles()
    }
  }

  private duplicateResult(batch: ProducerBatch): AppendResult {
    return {
      baseOffset: firstOffsetOf(batch),
      lastOffset: batch.lastOffset,
      logAppendTimeMs: this.configNow['message.timestamp.type'] === 'LogAppendTime' ? batch.timestampMs : -1,
      logStartOffset: this.startOffset,
      duplicate: true,
      waitForFlush: this.configNow.flush !== 'os',
    }
  }

  private bounds(): MaintenanceBounds {
    return {
      config: this.configNow,
      startOffset: this.startOffset,
      highWatermark: this.visibleOffset,
      decidedOffset: this.opened.producers.firstUnstableOffset(this.flusher.durableOffset),
      stopped: this.closed || this.fault !== undefined,
    }
  }

  private moveStart(offset: number): void {
    this.startOffset = offset
    this.opened.epochs.truncateFromStart(offset)
    const baseOffsets = new Set(this.opened.segments.all.map((segment) => segment.baseOffset))
    this.opened.snapshots.keepOnly(baseOffsets)
    this.opened.segments.sums.keepOnly(baseOffsets)
  }

  /** Lets readers see more, as far as the topic's promise allows; nothing that was refused because of a fault. */
  private moveOn(): void {
    if (this.failure !== undefined) return
    const offset = this.configNow.flush === 'os' ? this.writer.endOffset : this.flusher.durableOffset
    this.opened.producers.forgetSynced(this.flusher.durableOffset)
    if (offset <= this.visibleOffset) return
    this.visibleOffset = offset
    for (const listener of this.listeners) listener()
  }

  private fail(error: MillraceError): void {
    if (this.failure === undefined) {
      this.failure = error
      this.options.logger.error({ directory: this.directory, code: error.code }, error.message)
    }
    this.flusher.fail(error)
  }

  private requireOpen(): void {
    if (this.closed)
      throw new MillraceError('MR_CLOSED', `the log of "${this.topic}/${this.partition}" is closed`, {
        context: { kafkaCode: ErrorCodes.NOT_LEADER_OR_FOLLOWER },
      })
  }

  private requireWritable(): void {
    this.requireOpen()
    const { fault } = this
    if (fault === undefined) return
    const { message, hint, where } = fault
    throw logError(fault.code, 'KAFKA_STORAGE_ERROR', message, {
      cause: fault,
      ...(hint === undefined ? {} : { hint }),
      ...(where === undefined ? {} : { where }),
    })
  }

  private outOfRange(offset: number): MillraceError {
    const message = `offset ${offset} is not within ${this.startOffset} to ${this.endOffset}`
    return logError('MR_OFFSET_OUT_OF_RANGE', 'OFFSET_OUT_OF_RANGE', message, {
      where: `${this.topic}/${this.partition}@${offset}`,
    })
  }

  private get decompressedBytesMax(): number {
    return this.configNow['max.message.bytes'] * GROWTH_MAX
  }
}
