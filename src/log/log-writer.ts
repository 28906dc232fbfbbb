/**
 * Writes the last segment of a log and begins the next one when it is full or old.
 *
 * A segment is synced, with its name, before the next one takes records: only the last segment of a log can have
 * a torn tail. While it grows it is synced in the background, so that there is little left to wait for then.
 */
import { type MillraceError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { type Disk, directoryOf } from '../platform/disk.ts'
import { type Random, randomUnit } from '../platform/random.ts'
import type { PreparedAppend } from './append.ts'
import { type LogConfig, segmentAgeMaxMs, segmentBytesMax } from './log-config.ts'
import { logError } from './log-error.ts'
import type { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'
import type { Snapshots } from './snapshots.ts'

/** So many bytes are written before a sync in the background begins. */
const SYNC_AHEAD_BYTES = 16 * 1024 * 1024

export interface LogWriterOptions {
  readonly disk: Disk
  readonly directory: string
  readonly random: Random
  readonly logger: Logger
  readonly segments: SegmentList
  readonly snapshots: Snapshots
  readonly producers: ProducerState
  readonly endOffset: number
  readonly config: () => LogConfig
  /** The files can not be trusted any more. */
  readonly onFailure: (error: MillraceError) => void
}

export class LogWriter {
  endOffset: number
  private readonly options: LogWriterOptions
  /** When the last segment was begun, for records without timestamps. */
  private begunMs: number
  private jitterMs = 0
  /** The names of the last segment's files, and of the folder, are on the disk. */
  private namesSynced = false
  private bytesSinceSync = 0

  constructor(options: LogWriterOptions, nowMs: number) {
    this.options = options
    this.endOffset = options.endOffset
    this.begunMs = nowMs
    this.drawJitter()
  }

  /** Begins the next segment if these records do not belong into the last one. Returns whether it did. */
  rollFor(append: PreparedAppend, nowMs: number): boolean {
    const { active } = this.options.segments
    const config = this.options.config()
    if (active.sizeBytes === 0 && active.spans(this.endOffset + append.recordCount - 1)) return false
    let newestMs = -1
    for (const batch of append.batches) newestMs = Math.max(newestMs, batch.maxTimestampMs)
    const ageMs =
      active.firstTimestampMs >= 0 && newestMs >= 0
        ? newestMs - active.firstTimestampMs
        : nowMs - this.begunMs
    const indexBytesMax = config['segment.index.bytes']
    const due =
      active.sizeBytes + append.bytes.length > segmentBytesMax(config) ||
      ageMs > segmentAgeMaxMs(config) - this.jitterMs ||
      active.offsetIndex.sizeBytes + 8 > indexBytesMax ||
      active.timeIndex.sizeBytes + 24 > indexBytesMax ||
      !active.spans(this.endOffset + append.recordCount - 1)
    if (due) this.roll(nowMs)
    return due
  }

  /**
   * Ends the last segment and begins the next one. Everything written so far is on the disk afterwards.
   *
   * @throws MR_DISK_FULL, MR_DISK_FAILED: the log goes on in the old segment
   */
  roll(nowMs: number): void {
    const { segments, snapshots, producers, disk, directory } = this.options
    const { active } = segments
    active.finishIndexes()
    segments.sums.note(active)
    snapshots.take(producers, this.endOffset, { durable: true })
    this.syncNow()
    const next = segments.make(this.endOffset)
    this.create(next)
    try {
      disk.syncDirectory(directory)
    } catch (cause) {
      throw this.fail(cause)
    }
    segments.all.push(next)
    segments.open(active)
    this.begunMs = nowMs
    this.drawJitter()
  }

  /** Makes the files of the next segment, or none: one that stays behind would end the log where it begins. */
  private create(segment: Segment): void {
    try {
      segment.create()
    } catch (cause) {
      segment.release()
      try {
        segment.remove()
        this.options.disk.syncDirectory(this.options.directory)
      } catch (second) {
        this.options.logger.error({ file: segment.pathOf('.log') }, messageOf(second))
        throw this.fail(cause)
      }
      throw cause
    }
  }

  /**
   * Writes the batches behind the last one, all or none.
   *
   * @throws MR_DISK_FULL, MR_DISK_FAILED (KAFKA_STORAGE_ERROR): nothing was written
   * @throws MR_LOG_READ_ONLY when what was written in part cannot be cut off
   */
  write(append: PreparedAppend): void {
    const { active } = this.options.segments
    try {
      active.write(append.bytes, 0, append.bytes.length)
    } catch (cause) {
      throw this.cutBack(active, cause)
    }
    const start = active.sizeBytes
    const intervalBytes = this.options.config()['index.interval.bytes']
    for (const batch of append.batches) {
      const lastOffset = this.endOffset + batch.lastOffsetDelta
      active.note(
        {
          position: start + batch.start,
          sizeBytes: batch.end - batch.start,
          lastOffset,
          maxTimestampMs: batch.maxTimestampMs,
        },
        intervalBytes,
      )
      this.endOffset = lastOffset + 1
    }
    this.bytesSinceSync += append.bytes.length
  }

  /** Enough was written to begin a sync in the background. */
  get syncDue(): boolean {
    return this.bytesSinceSync >= SYNC_AHEAD_BYTES
  }

  /** Syncs what is written now, with the names that lead to it. */
  async sync(): Promise<void> {
    this.syncNames()
    this.bytesSinceSync = 0
    await this.options.segments.active.sync()
  }

  /** The same, blocking. @throws MR_LOG_READ_ONLY */
  syncNow(): void {
    try {
      this.syncNames()
      this.bytesSinceSync = 0
      this.options.segments.active.syncNow()
    } catch (cause) {
      throw this.fail(cause)
    }
  }

  private syncNames(): void {
    if (this.namesSynced) return
    const { disk, directory } = this.options
    disk.syncDirectory(directory)
    disk.syncDirectory(directoryOf(directory))
    this.namesSynced = true
  }

  private cutBack(active: Segment, cause: unknown): MillraceError {
    try {
      active.cutBack()
    } catch (second) {
      this.options.logger.error({ file: active.pathOf('.log') }, messageOf(second))
      return this.fail(cause)
    }
    const full = (cause as MillraceError).code === 'MR_DISK_FULL'
    return logError(full ? 'MR_DISK_FULL' : 'MR_DISK_FAILED', 'KAFKA_STORAGE_ERROR', messageOf(cause), {
      cause,
      where: active.pathOf('.log'),
      hint: full
        ? 'Free some space. Nothing that was acknowledged is lost.'
        : 'Check the disk. Nothing that was acknowledged is lost.',
    })
  }

  private fail(cause: unknown): MillraceError {
    const error = logError(
      'MR_LOG_READ_ONLY',
      'KAFKA_STORAGE_ERROR',
      `a write or sync failed: ${messageOf(cause)}`,
      {
        cause,
        where: this.options.segments.active.pathOf('.log'),
        hint: 'What the disk holds is not known. Check the disk, then start again: the log is checked then.',
      },
    )
    this.options.onFailure(error)
    return error
  }

  private drawJitter(): void {
    const config = this.options.config()
    const maxMs = Math.min(config['segment.jitter.ms'], config['segment.ms'])
    this.jitterMs = maxMs === 0 ? 0 : Math.floor(randomUnit(this.options.random) * maxMs)
  }
}
