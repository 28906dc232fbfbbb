/**
 * Opens the files of a log.
 *
 * After a clean shutdown the indexes are taken as they are (opening a segment still checks that they fit), and
 * only the end of the last segment is walked. Otherwise, or when no snapshot of the producers fits:
 *
 * 1. Begin with the segment that holds the recovery point, or with an older one if only that has a snapshot of
 *    the producers at its start; without any, with the first.
 * 2. Check each batch of it and of all later segments; make indexes, producers and epochs anew on the way.
 * 3. A torn tail of the last segment is cut. Damage anywhere else makes the log read-only.
 *
 * A log that ends before its recovery point has lost records that were on the disk: it is read-only as well.
 */
import type { MillraceError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { type Disk, joinPath } from '../platform/disk.ts'
import { baseOffsetOf, lastOffsetOf, partitionLeaderEpochOf } from '../protocol/record-batch/layout.ts'
import { isIntact, readBytes, scanBatches } from './batch-scan.ts'
import { checkEpochs } from './epoch-recovery.ts'
import { LEADER_EPOCH_FILE } from './file-names.ts'
import { LeaderEpochFile } from './leader-epoch-file.ts'
import { type FolderFiles, tidyFolder } from './leftovers.ts'
import { logError } from './log-error.ts'
import type { PartitionLogOptions } from './log-types.ts'
import { replayBatch } from './producer-replay.ts'
import { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'
import { checkSegment, type Damage } from './segment-check.ts'
import { SegmentList } from './segment-list.ts'
import { Snapshots } from './snapshots.ts'

const REWRITE_BYTES = 1024 * 1024

/** A log as recovery found it. */
export interface OpenedLog {
  readonly segments: SegmentList
  readonly producers: ProducerState
  readonly snapshots: Snapshots
  readonly epochs: LeaderEpochFile
  readonly logStartOffset: number
  readonly endOffset: number
  /** Everything before this offset is on the disk. */
  readonly recoveryPoint: number
  /** Bytes that hold no sound batch. */
  readonly damages: readonly Damage[]
  /** Records are lost: the log takes none until it is whole again. */
  readonly failure: MillraceError | undefined
}

/** Opens the folder of a log; `noted` gets the damage in it, also what is only met later. */
export function openLog(options: PartitionLogOptions, noted: Damage[]): OpenedLog {
  return new Recovery(options, noted).run()
}

/** The error that makes a log read-only: damage is kept and named, never cut. */
export function damageError(damage: Damage): MillraceError {
  const { path, kind, position, endPosition, fromOffset, toOffset } = damage
  const message = `a segment is damaged (${kind}) from byte ${position} to ${endPosition}: offsets ${fromOffset} to ${toOffset - 1}`
  return logError('MR_LOG_CORRUPT', 'CORRUPT_MESSAGE', message, {
    where: `${path}:${position}`,
    hint: 'The partition can be read around the damage but takes no records. Restore the file from a copy, or delete the records before the damage ends.',
    context: { position, endPosition, fromOffset, toOffset },
  })
}

/** Takes note of damage that nobody knew of, and says where it is. */
export function noteDamage(known: Damage[], damage: Damage, logger: Logger): void {
  const { path, position } = damage
  if (known.some((other) => other.path === path && other.position === position)) return
  known.push(damage)
  const { code, message, where, hint } = damageError(damage)
  logger.error({ code, where, hint }, message)
}

class Recovery {
  private readonly options: PartitionLogOptions
  private readonly disk: Disk
  private readonly segments: SegmentList
  private readonly producers = new ProducerState()
  private readonly snapshots: Snapshots
  private readonly epochs: LeaderEpochFile
  private readonly files: FolderFiles
  private readonly nowMs: number
  private readonly damages: Damage[] = []
  /** The same, and what is met when an index is made anew, now or later. */
  private readonly noted: Damage[]
  private failure: MillraceError | undefined
  private epochMax = 0

  constructor(options: PartitionLogOptions, noted: Damage[]) {
    const { directory, logger, platform, config } = options
    this.options = options
    this.noted = noted
    this.disk = platform.disk
    this.nowMs = platform.clock.nowMs()
    this.disk.makeDirectory(directory)
    this.files = tidyFolder(this.disk, directory, logger)
    this.snapshots = new Snapshots(this.disk, directory, logger, this.files.snapshots)
    this.epochs = new LeaderEpochFile(this.disk, joinPath(directory, LEADER_EPOCH_FILE))
    this.segments = new SegmentList({
      disk: this.disk,
      directory,
      logger,
      intervalBytes: () => config['index.interval.bytes'],
      onDamage: (damage) => noteDamage(noted, damage, logger),
      rebuildTransactions: (segment) => this.rebuildTransactions(segment),
    })
  }

  run(): OpenedLog {
    this.attachSegments()
    this.checkSizes()
    let recoveryPoint = this.options.recoveryPoint ?? 0
    let endOffset = this.clean() ?? this.check(recoveryPoint)
    if (endOffset < recoveryPoint && this.damages.length === 0)
      this.report(this.lostError(endOffset, recoveryPoint))
    endOffset = this.moveToStart(endOffset)
    recoveryPoint = this.makeDurable(Math.min(recoveryPoint, endOffset), endOffset)
    const firstOffset = this.segments.first.baseOffset
    const logStartOffset = Math.max(this.options.logStartOffset ?? 0, firstOffset)
    this.epochs.truncateFromEnd(endOffset)
    this.snapshots.removeAfter(endOffset)
    const baseOffsets = new Set(this.segments.all.map((segment) => segment.baseOffset))
    this.snapshots.keepOnly(baseOffsets)
    this.segments.sums.keepOnly(baseOffsets)
    const { segments, producers, snapshots, epochs, damages, failure } = this
    return {
      segments,
      producers,
      snapshots,
      epochs,
      logStartOffset,
      endOffset,
      recoveryPoint,
      damages,
      failure,
    }
  }

  private attachSegments(): void {
    const { directory, logStartOffset, logger } = this.options
    const { baseOffsets } = this.files
    const missing = this.missingLogs()
    if (missing.length > 0) {
      const error = logError(
        'MR_LOG_CORRUPT',
        'KAFKA_STORAGE_ERROR',
        `log files are missing: ${missing.join(', ')}`,
        {
          where: missing[0]!,
          hint: 'Restore the files from a copy. To go on without them, remove their indexes and segment-checkpoint.',
        },
      )
      if (baseOffsets.length === 0) throw error
      this.report(error)
    }
    for (const baseOffset of baseOffsets) {
      const segment = this.segments.make(baseOffset)
      segment.sizeBytes = this.disk.stat(segment.pathOf('.log')).sizeBytes
      this.segments.all.push(segment)
    }
    if (this.options.cleanShutdown !== true) this.dropUnused()
    if (baseOffsets.length > 0) return
    const segment = this.segments.make(logStartOffset ?? 0)
    segment.create()
    this.segments.all.push(segment)
    logger.debug({ directory }, 'made a new log')
  }

  /**
   * When a segment could not be begun, the log went on in the one before. What a power cut brings back of the new
   * one's files must not count as the place where the old one ends.
   */
  private dropUnused(): void {
    const { all } = this.segments
    for (
      let last = all.at(-1)!, before = all.at(-2);
      before !== undefined;
      last = before, before = all.at(-2)
    ) {
      if (last.sizeBytes > 0) return
      const { baseOffset } = last
      let goesOn = false
      scanBatches(before.logFile(), 0, before.sizeBytes, ({ bytes, start, end }) => {
        goesOn = lastOffsetOf(bytes, start) >= baseOffset && isIntact(bytes, start, end)
        return !goesOn
      })
      before.release()
      if (!goesOn) return
      this.options.logger.info({ file: last.pathOf('.log') }, 'removed a segment that was never used')
      this.segments.drop(last)
      last.remove()
    }
  }

  /** Paths of log files that must have been there: their indexes are, or a note of them between those that are. */
  private missingLogs(): readonly string[] {
    const { baseOffsets, missing } = this.files
    const first = baseOffsets[0] ?? -1
    const noted = this.segments.sums.baseOffsets
      .filter((baseOffset) => baseOffset > first && !baseOffsets.includes(baseOffset))
      .map((baseOffset) => this.segments.make(baseOffset).pathOf('.log'))
    return [...new Set([...missing, ...noted])]
  }

  /** A closed segment that is shorter than it was has lost its end, even if it ends with a whole batch. */
  private checkSizes(): void {
    const { all, sums } = this.segments
    all.slice(0, -1).forEach((segment, number) => {
      const noted = sums.logBytes(segment.baseOffset)
      if (noted === undefined || segment.sizeBytes >= noted) return
      const position = segment.sizeBytes
      const { endOffset } = this.segments.rebuildIndexes(segment, 'the log is shorter than it was')
      const damage: Damage = {
        path: segment.pathOf('.log'),
        kind: 'damaged',
        position,
        endPosition: noted,
        fromOffset: endOffset,
        toOffset: all[number + 1]!.baseOffset,
      }
      this.found(damage)
    })
  }

  /** Records may have been deleted up to an offset behind what a power cut left: the log goes on from there. */
  private moveToStart(endOffset: number): number {
    const { logStartOffset = 0 } = this.options
    if (endOffset >= logStartOffset || this.failure !== undefined) return endOffset
    this.snapshots.take(this.producers, logStartOffset, { durable: true })
    this.disk.syncDirectory(this.options.directory)
    for (const segment of [...this.segments.all]) {
      this.segments.drop(segment)
      segment.remove()
    }
    const segment = this.segments.make(logStartOffset)
    segment.create()
    this.segments.all.push(segment)
    return logStartOffset
  }

  /** Opens a log that was closed whole and returns its end, or undefined when it must be checked. */
  private clean(): number | undefined {
    if (this.options.cleanShutdown !== true || this.failure !== undefined || this.damages.length > 0)
      return undefined
    const { active } = this.segments
    if (active.loadIndexes(this.segments.sums) !== undefined) return undefined
    const endOffset = this.walkTail(active)
    const { recoveryPoint = endOffset } = this.options
    if (endOffset === undefined || endOffset !== recoveryPoint) return undefined
    if (!this.snapshots.load(this.producers, endOffset, this.nowMs)) return undefined
    this.segments.transactionsOf(active)
    const startOffset = Math.max(this.options.logStartOffset ?? 0, this.segments.first.baseOffset)
    checkEpochs(this.epochs, this.segments, { startOffset, endOffset }, this.options.logger)
    return endOffset
  }

  /** The offset behind the last batch, from the last indexed one on; undefined when one is not as it must be. */
  private walkTail(active: Segment): number | undefined {
    const last = active.offsetIndex.last()
    let endOffset = active.baseOffset
    let indexed = last !== undefined
    const stopped = scanBatches(
      active.logFile(),
      last?.position ?? 0,
      active.sizeBytes,
      ({ bytes, start, end }) => {
        const goesOn = indexed
          ? lastOffsetOf(bytes, start) === last?.offset
          : baseOffsetOf(bytes, start) === endOffset
        if (!goesOn || !isIntact(bytes, start, end)) return false
        indexed = false
        endOffset = lastOffsetOf(bytes, start) + 1
        return true
      },
    )
    return stopped === active.sizeBytes ? endOffset : undefined
  }

  /** Checks batches from the recovery point on and returns the end of the log. */
  private check(recoveryPoint: number): number {
    const { all } = this.segments
    // Of segments that are deleted, but for their files, some may be back after a power cut and others not.
    const neededOffset = Math.max(recoveryPoint, this.options.logStartOffset ?? 0)
    const from = this.snapshotSegment(this.segments.numberOf(neededOffset))
    let endOffset = all[from]!.baseOffset
    const epochFault = this.epochs.load()
    this.epochMax = Math.max(this.options.leaderEpoch ?? 0, this.epochs.latestEpoch)
    for (let number = from; number < all.length; number++) {
      if (number > from) this.meetSnapshot(all[number]!.baseOffset)
      endOffset = Math.max(endOffset, this.checkOne(number, recoveryPoint))
    }
    const startOffset = Math.max(this.options.logStartOffset ?? 0, this.segments.first.baseOffset)
    if (epochFault === undefined) this.epochs.truncateFromEnd(endOffset)
    checkEpochs(this.epochs, this.segments, { startOffset, endOffset }, this.options.logger)
    return endOffset
  }

  private checkOne(number: number, recoveryPoint: number): number {
    const { all } = this.segments
    const segment = all[number]!
    const { transactionIndex } = segment
    this.segments.sums.forget([segment.baseOffset])
    if (this.disk.exists(transactionIndex.file.path)) transactionIndex.file.reset()
    segment.transactionsLoaded = true
    const { endOffset, damages } = checkSegment(segment, {
      logger: this.options.logger,
      intervalBytes: this.options.config['index.interval.bytes'],
      nextBaseOffset: all[number + 1]?.baseOffset,
      mayCutTail: number === all.length - 1,
      recoveryPoint,
      onBatch: (bytes, start) => {
        this.noteEpoch(partitionLeaderEpochOf(bytes, start), baseOffsetOf(bytes, start))
        const aborted = replayBatch(this.producers, bytes, start, this.nowMs)
        if (aborted !== undefined) transactionIndex.append(aborted)
      },
    })
    for (const damage of damages) this.found(damage)
    if (number < all.length - 1) {
      segment.finishIndexes()
      this.segments.sums.note(segment)
      segment.release()
    } else if (transactionIndex.count > 0) segment.persistTransactions()
    return endOffset
  }

  /**
   * The walk comes to the start of a segment. The snapshot there tells what batches may not tell any more, since
   * compaction keeps the last one of a producer only, and that may have been lost with the end of the log. Without a
   * snapshot, one is taken.
   */
  private meetSnapshot(offset: number): void {
    const noted = new ProducerState()
    if (this.snapshots.load(noted, offset, this.nowMs)) {
      this.producers.clear()
      for (const entry of noted.all()) this.producers.load(entry)
      return
    }
    this.snapshots.take(this.producers, offset, { durable: true })
    this.disk.syncDirectory(this.options.directory)
  }

  /** The checksum does not cover a batch's epoch; one that no leader can have had is passed over. */
  private noteEpoch(epoch: number, offset: number): void {
    if (epoch > this.epochMax || epoch <= this.epochs.latestEpoch) return
    if (this.epochs.note(epoch, offset)) this.epochs.write()
  }

  /** The number of the newest segment, up to `number`, whose producers are known at its start; loads them. */
  private snapshotSegment(number: number, producers = this.producers): number {
    for (let candidate = number; candidate > 0; candidate--) {
      producers.clear()
      if (this.snapshots.load(producers, this.segments.all[candidate]!.baseOffset, this.nowMs))
        return candidate
    }
    producers.clear()
    this.snapshots.load(producers, this.segments.first.baseOffset, this.nowMs)
    return 0
  }

  /** Makes the index of aborted transactions of one segment anew, from the producers as they were at its start. */
  private rebuildTransactions(segment: Segment): void {
    const producers = new ProducerState()
    const target = this.segments.all.indexOf(segment)
    segment.transactionIndex.file.reset()
    for (let number = this.snapshotSegment(target, producers); number <= target; number++) {
      const walked = this.segments.all[number]!
      scanBatches(walked.logFile(), 0, walked.sizeBytes, ({ bytes, start }) => {
        const aborted = replayBatch(producers, bytes, start, this.nowMs)
        if (aborted !== undefined && walked === segment) segment.transactionIndex.append(aborted)
        return true
      })
    }
    segment.persistTransactions()
    if (segment !== this.segments.active) this.segments.sums.note(this.segments.open(segment))
  }

  /**
   * What was read back may be in memory only: after a sync that failed, memory and disk differ without a sign, and
   * a later sync that succeeds would not tell. So it is written once more. Where acknowledgements wait for the disk,
   * it is synced as well, since nothing is shown to readers there that is not on the disk. Returns the new recovery
   * point.
   */
  private makeDurable(recoveryPoint: number, endOffset: number): number {
    const { active } = this.segments
    if (this.options.cleanShutdown === true && recoveryPoint === endOffset) return endOffset
    if (this.failure !== undefined || this.damages.length > 0) return recoveryPoint
    const file = active.logFile()
    const from = recoveryPoint > active.baseOffset ? (active.indexedPosition(recoveryPoint) ?? 0) : 0
    for (let position = from; position < active.sizeBytes; position += REWRITE_BYTES) {
      const bytes = readBytes(file, position, Math.min(REWRITE_BYTES, active.sizeBytes - position))
      file.write(bytes, 0, bytes.length, position)
    }
    if (this.options.config.flush === 'os') return recoveryPoint
    file.syncNow()
    this.disk.syncDirectory(this.options.directory)
    return endOffset
  }

  private lostError(endOffset: number, recoveryPoint: number): MillraceError {
    const message = `the log ends at offset ${endOffset}, but offsets up to ${recoveryPoint - 1} were on the disk`
    return logError('MR_LOG_CORRUPT', 'KAFKA_STORAGE_ERROR', message, {
      where: this.segments.active.pathOf('.log'),
      hint: 'Restore the file from a copy, or remove recovery-point-offset-checkpoint from the data directory to go on without those records.',
      context: { endOffset, recoveryPoint },
    })
  }

  private found(damage: Damage): void {
    this.damages.push(damage)
    noteDamage(this.noted, damage, this.options.logger)
  }

  private report(error: MillraceError): void {
    this.log(error)
    this.failure ??= error
  }

  private log(error: MillraceError): void {
    this.options.logger.error({ where: error.where, code: error.code }, error.message)
  }
}
