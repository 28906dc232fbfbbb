/** Keeps a log in shape: deletes what is old, compacts what is superseded. Runs one at a time, when it is called. */
import type { MillraceError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Platform } from '../platform/platform.ts'
import { compactLog } from './compaction/compact-log.ts'
import { isCompacted, type LogConfig } from './log-config.ts'
import type { LogReader } from './log-reader.ts'
import type { CleanResult, CompactionResult } from './log-types.ts'
import type { LogWriter } from './log-writer.ts'
import type { ProducerState } from './producer-state.ts'
import { expiredSegments } from './retention.ts'
import type { SegmentList } from './segment-list.ts'
import { SegmentRemoval } from './segment-removal.ts'

/** What the log may give away at a moment. */
export interface MaintenanceBounds {
  readonly config: LogConfig
  readonly startOffset: number
  readonly highWatermark: number
  /** Before this offset the fate of every transaction is known, and no power cut changes it. */
  readonly decidedOffset: number
  /** The log is closed or takes no records: nothing is changed any more. */
  readonly stopped: boolean
}

export interface MaintenanceOptions {
  readonly platform: Pick<Platform, 'clock' | 'disk' | 'random'>
  readonly directory: string
  readonly logger: Logger
  readonly segments: SegmentList
  readonly producers: ProducerState
  readonly reader: LogReader
  readonly writer: LogWriter
  readonly cleanedOffset: number
  readonly bounds: () => MaintenanceBounds
  /** Records before `offset` are about to go for good. */
  readonly onStartMoves: (offset: number) => void
  /** Segments are gone, and with them perhaps the start of the log. */
  readonly onSegmentsChanged: (startOffset: number) => void
  readonly onFailure: (error: MillraceError) => void
  /** A new segment was begun, and everything before it is on the disk. */
  readonly onRolled: (endOffset: number) => void
}

export class Maintenance {
  /** Everything before this offset was compacted. */
  cleanedOffset: number
  private readonly options: MaintenanceOptions
  private readonly removal: SegmentRemoval
  private running: Promise<CleanResult> | undefined

  constructor(options: MaintenanceOptions) {
    this.options = options
    this.cleanedOffset = options.cleanedOffset
    this.removal = new SegmentRemoval(options.platform.disk, options.segments, options.logger)
  }

  clean(nowMs: number): Promise<CleanResult> {
    this.running ??= this.run(nowMs).finally(() => {
      this.running = undefined
    })
    return this.running
  }

  /** Resolves when nothing is running. */
  async idle(): Promise<void> {
    await this.running?.catch(() => undefined)
  }

  /** Removes the files of all deleted segments. */
  removeFiles(): void {
    this.removal.removeFiles(0, 0)
  }

  private async run(nowMs: number): Promise<CleanResult> {
    const { config, stopped } = this.options.bounds()
    if (stopped) return { deletedSegments: 0, deletedBytes: 0, compaction: undefined }
    this.removal.removeFiles(nowMs, config['file.delete.delay.ms'])
    const deleted = this.deleteExpired(nowMs)
    return { ...deleted, compaction: await this.compact(nowMs) }
  }

  private deleteExpired(nowMs: number): { readonly deletedSegments: number; readonly deletedBytes: number } {
    const { segments, writer, platform, bounds } = this.options
    const { config, startOffset, highWatermark } = bounds()
    const expired = expiredSegments({
      segments,
      config,
      logStartOffset: startOffset,
      highWatermark,
      nowMs,
      modifiedMs: (segment) => platform.disk.stat(segment.pathOf('.log')).modifiedMs,
    })
    if (expired.length === 0) return { deletedSegments: 0, deletedBytes: 0 }
    if (expired.includes(segments.active)) {
      writer.roll(nowMs)
      this.options.onRolled(writer.endOffset)
    }
    const deletedBytes = expired.reduce((sum, segment) => sum + segment.sizeBytes, 0)
    const newStart = Math.max(startOffset, segments.endOffsetOf(expired.length - 1, writer.endOffset))
    // The new start first: a power cut may bring some of the files back, but none of their records.
    this.options.onStartMoves(newStart)
    try {
      this.removal.take(expired, nowMs)
    } finally {
      // The start has moved for good, whatever became of the files.
      this.options.onSegmentsChanged(newStart)
    }
    return { deletedSegments: expired.length, deletedBytes }
  }

  private async compact(nowMs: number): Promise<CompactionResult | undefined> {
    const { config, startOffset, decidedOffset } = this.options.bounds()
    if (!isCompacted(config)) return undefined
    const { segments } = this.options
    const result = await compactLog({
      ...this.options,
      config,
      removal: this.removal,
      startOffset,
      cleanedOffset: Math.max(this.cleanedOffset, startOffset),
      // What is not on the disk for good, or may yet be aborted, stays as it is.
      limitOffset: Math.min(decidedOffset, segments.active.baseOffset),
      nowMs,
      stopped: () => this.options.bounds().stopped,
    })
    if (result === undefined) return undefined
    this.cleanedOffset = result.cleanedOffset
    this.options.onSegmentsChanged(this.options.bounds().startOffset)
    return result
  }
}
