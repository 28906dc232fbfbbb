/**
 * The segments of a log, in the order of their offsets; the last one is written.
 *
 * Older segments are opened when they are read and released when newer reads need room. Opening checks that the
 * indexes fit the log and makes them anew when they do not.
 */
import { invariant } from '../core/invariant.ts'
import type { Logger } from '../core/logger.ts'
import type { Disk } from '../platform/disk.ts'
import { Segment } from './segment.ts'
import { checkSegment, type Damage, type SegmentCheck, type SegmentFindings } from './segment-check.ts'
import { SegmentSums } from './segment-sums.ts'
import type { TransactionIndex } from './transaction-index.ts'

/** So many older segments of a log are kept open. */
const OPEN_MAX = 4

export interface SegmentListOptions {
  readonly disk: Disk
  readonly directory: string
  readonly logger: Logger
  readonly intervalBytes: () => number
  /** Called for damage that is found while a segment is opened. */
  readonly onDamage: (damage: Damage) => void
  /** Makes the index of aborted transactions of a segment anew. */
  readonly rebuildTransactions: (segment: Segment) => void
}

export class SegmentList {
  readonly all: Segment[] = []
  readonly sums: SegmentSums
  private readonly options: SegmentListOptions
  /** Open older segments, the one used last at the end. */
  private opened: Segment[] = []

  constructor(options: SegmentListOptions) {
    this.options = options
    this.sums = new SegmentSums(options.disk, options.directory, options.logger)
  }

  get active(): Segment {
    const last = this.all.at(-1)
    invariant(last !== undefined, 'a log has a segment')
    return last
  }

  get first(): Segment {
    const first = this.all[0]
    invariant(first !== undefined, 'a log has a segment')
    return first
  }

  get sizeBytes(): number {
    let sum = 0
    for (const segment of this.all) sum += segment.sizeBytes
    return sum
  }

  /** Makes a segment object for files that are there or will be made. */
  make(baseOffset: number, stage?: string): Segment {
    const { disk, directory } = this.options
    return new Segment({ disk, directory, baseOffset, ...(stage === undefined ? {} : { stage }) })
  }

  /** The number of the last segment that begins at `offset` or before, or 0. */
  numberOf(offset: number): number {
    let low = 0
    let high = this.all.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.all[middle]!.baseOffset <= offset) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  /** Where the segment of this number ends: where the next one begins, or at the end of the log. */
  endOffsetOf(number: number, logEndOffset: number): number {
    return this.all[number + 1]?.baseOffset ?? logEndOffset
  }

  /** The segment with its files open and its indexes in memory. */
  open(segment: Segment): Segment {
    if (!segment.loaded) this.load(segment)
    if (segment === this.active || this.opened.at(-1) === segment) return segment
    this.opened = this.opened.filter((other) => other !== segment)
    this.opened.push(segment)
    while (this.opened.length > OPEN_MAX) {
      const oldest = this.opened.shift()!
      if (oldest !== this.active) oldest.release()
    }
    return segment
  }

  /** The aborted transactions whose markers lie in the segment. */
  transactionsOf(segment: Segment): TransactionIndex {
    const { transactionIndex, baseOffset } = segment
    if (segment.transactionsLoaded) return transactionIndex
    const { file } = transactionIndex
    if (this.sums.hasNoTransactions(baseOffset) && !this.options.disk.exists(file.path)) {
      segment.transactionsLoaded = true
      return transactionIndex
    }
    const why =
      file.load() ?? transactionIndex.fault(baseOffset) ?? this.sums.fault(baseOffset, 'transactions', file)
    segment.transactionsLoaded = true
    if (why === undefined) return transactionIndex
    this.options.logger.warn({ file: file.path, why }, 'makes the index of aborted transactions anew')
    try {
      this.options.rebuildTransactions(segment)
    } catch (error) {
      segment.transactionsLoaded = false
      throw error
    }
    return transactionIndex
  }

  /** Makes the indexes of offsets and times anew from the log. */
  rebuildIndexes(segment: Segment, why: string): SegmentFindings {
    const { logger, intervalBytes, onDamage } = this.options
    logger.warn({ file: segment.pathOf('.index'), why }, 'makes the indexes of a segment anew')
    const number = this.all.indexOf(segment)
    const findings = this.checkWhole(segment, {
      logger,
      intervalBytes: intervalBytes(),
      nextBaseOffset: this.all[number + 1]?.baseOffset,
      mayCutTail: false,
      recoveryPoint: 0,
    })
    if (segment !== this.active) {
      this.transactionsOf(segment)
      this.sums.note(segment)
    }
    for (const damage of findings.damages) onDamage(damage)
    return findings
  }

  /** Checks a segment; when the disk fails meanwhile, it is as if it had not been opened. */
  private checkWhole(segment: Segment, check: SegmentCheck): SegmentFindings {
    const { sizeBytes } = segment
    try {
      const findings = checkSegment(segment, check)
      segment.finishIndexes()
      return findings
    } catch (error) {
      segment.release()
      segment.sizeBytes = sizeBytes
      throw error
    }
  }

  /** Forgets a segment's open files, before its files are renamed or removed. */
  drop(segment: Segment): void {
    segment.release()
    this.opened = this.opened.filter((other) => other !== segment)
    const number = this.all.indexOf(segment)
    if (number >= 0) this.all.splice(number, 1)
  }

  /** Closes all files. */
  release(): void {
    for (const segment of this.all) segment.release()
    this.opened = []
  }

  private load(segment: Segment): void {
    const why = segment.loadIndexes(this.sums)
    if (why !== undefined) this.rebuildIndexes(segment, why)
  }
}
