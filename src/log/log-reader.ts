/**
 * Reads whole batches of a log.
 *
 * 1. Find the segment, and in it the place of the batch that holds the offset: a reader that goes on where it
 *    stopped is remembered, others go by the index and a walk over a few headers.
 * 2. Read as much as is wanted with one call, and give the whole batches of it, each checked against its
 *    checksum.
 *
 * Damaged bytes are never given. A read up to them ends before them; one that begins in them is refused, by an
 * error that says where the log goes on.
 */
import type { MillraceError } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import { wholeBatchEnd } from '../protocol/record-batch/for-each-batch.ts'
import {
  baseOffsetOf,
  batchSizeBytes,
  HEADER_BYTES,
  lastOffsetOf,
  MAGIC,
  magicOf,
  setPartitionLeaderEpoch,
} from '../protocol/record-batch/layout.ts'
import { isIntact, overlapsNext, readBytes } from './batch-scan.ts'
import type { Segment } from './segment.ts'
import type { Damage } from './segment-check.ts'
import type { SegmentList } from './segment-list.ts'

const WINDOW_BYTES = 16 * 1024
/** No read takes more memory, whatever is asked for; only a single batch may be larger. */
const READ_BYTES_MAX = 64 * 1024 * 1024
const nothing = Buffer.alloc(0)

export interface BatchRange {
  readonly fromOffset: number
  /** Batches from this offset on are left out. */
  readonly limitOffset: number
  readonly maxBytes: number
  readonly minOneBatch: boolean
  /** As in `ReadOptions`. */
  readonly allocate: ((sizeBytes: number) => Buffer) | undefined
}

/** Where a walk over headers ended. */
interface Walk {
  /** Where the batch starts, or -1 when there is none. */
  readonly position: number
  readonly baseOffset: number
  /** Where the batch in front of it starts, or -1 when the walk began with it. */
  readonly before: number
  /** Offsets are missing in front of it, as far as the walk can tell. */
  readonly gap: boolean
}

export interface LogReaderOptions {
  readonly segments: SegmentList
  /** Known damage, which grows when a read finds more. */
  readonly damages: readonly Damage[]
  readonly damageError: (damage: Damage) => MillraceError
  /** The offset behind the last record of the log. */
  readonly endOffset: () => number
  /** The epoch of the leader that wrote an offset, or -1. */
  readonly epochOf: (offset: number) => number
}

export class LogReader {
  private readonly options: LogReaderOptions

  constructor(options: LogReaderOptions) {
    this.options = options
  }

  /** @throws MR_LOG_CORRUPT when the range begins in damaged bytes */
  read(range: BatchRange): Buffer {
    const { segments } = this.options
    if (range.fromOffset >= range.limitOffset) return nothing
    this.refuseDamaged(range.fromOffset)
    for (let number = segments.numberOf(range.fromOffset); number < segments.all.length; number++) {
      const segment = segments.open(segments.all[number]!)
      const position = this.locate(segment, range.fromOffset)
      if (position >= 0) {
        return this.readAt(segment, position, {
          ...range,
          maxBytes: Math.min(range.maxBytes, READ_BYTES_MAX),
        })
      }
      // Compaction may have taken all batches from there to the end of the segment; or damage was just found.
      this.refuseDamaged(range.fromOffset)
    }
    return nothing
  }

  private refuseDamaged(offset: number): void {
    const damage = this.options.damages.find(
      ({ fromOffset, toOffset }) => fromOffset <= offset && offset < toOffset,
    )
    if (damage !== undefined) throw this.options.damageError(damage)
  }

  /**
   * Where the first batch that does not end before `offset` starts, or -1 when the segment has none.
   *
   * @throws MR_LOG_CORRUPT when the offset lies in damaged bytes
   */
  locate(segment: Segment, offset: number): number {
    const remembered = segment.remembered(offset)
    if (remembered >= 0) return remembered < segment.sizeBytes ? remembered : -1
    let position = segment.indexedPosition(offset)
    if (position === undefined) {
      this.options.segments.rebuildIndexes(segment, 'an entry does not fit the log')
      position = segment.indexedPosition(offset) ?? 0
    }
    const walk = this.walkTo(segment, position, offset)
    if (walk.gap && this.overlaps(segment, walk.position))
      return this.locateBehind(segment, walk.position, offset)
    // Offsets are missing before the batch that was found: either compaction took them, or the batch before has
    // a damaged header, which is only seen by its checksum.
    if (walk.baseOffset > offset && walk.before >= 0 && !this.isIntactAt(segment, walk.before)) {
      return this.locateBehind(segment, walk.before, offset)
    }
    return walk.position
  }

  /** Goes on when a batch turned out to be damaged: now that this is known, walks pass over it. */
  private locateBehind(segment: Segment, damagedAt: number, offset: number): number {
    invariant(this.damageAt(segment, damagedAt) === undefined, 'known damage is passed over')
    this.behindDamage(segment, damagedAt)
    invariant(this.damageAt(segment, damagedAt) !== undefined, 'damage that was met is known')
    this.refuseDamaged(offset)
    return this.locate(segment, offset)
  }

  /** Goes from header to header up to the batch that holds `offset`, or the first one behind it. */
  private walkTo(segment: Segment, from: number, offset: number): Walk {
    let position = from
    let before = -1
    let lastOffset = from === 0 ? segment.baseOffset - 1 : -1
    while (position < segment.sizeBytes) {
      const room = segment.sizeBytes - position
      const bytes = readBytes(segment.logFile(), position, Math.min(WINDOW_BYTES, room))
      let start = 0
      while (bytes.length - start >= HEADER_BYTES) {
        const sizeBytes = batchSizeBytes(bytes, start)
        const baseOffset = baseOffsetOf(bytes, start)
        const sound =
          magicOf(bytes, start) === MAGIC && sizeBytes >= HEADER_BYTES && start + sizeBytes <= room
        if (!sound || baseOffset <= lastOffset || lastOffsetOf(bytes, start) < baseOffset) break
        if (this.damageAt(segment, position + start) !== undefined) break
        const gap = baseOffset > lastOffset + 1
        lastOffset = lastOffsetOf(bytes, start)
        if (lastOffset >= offset) return { position: position + start, before, baseOffset, gap }
        before = position + start
        start += sizeBytes
      }
      position += start
      if (start < bytes.length && (start === 0 || bytes.length - start >= HEADER_BYTES)) {
        const behind = this.behindDamage(segment, position)
        if (behind < 0) break
        position = behind
        before = -1
        lastOffset = -1
      }
    }
    return { position: -1, before, baseOffset: Number.POSITIVE_INFINITY, gap: false }
  }

  /** True when the batch behind the one at `position` begins before that one ends. */
  private overlaps(segment: Segment, position: number): boolean {
    const file = segment.logFile()
    const head = readBytes(file, position, HEADER_BYTES)
    return overlapsNext(file, position + batchSizeBytes(head, 0), segment.sizeBytes, lastOffsetOf(head, 0))
  }

  private isIntactAt(segment: Segment, position: number): boolean {
    const file = segment.logFile()
    const sizeBytes = batchSizeBytes(readBytes(file, position, HEADER_BYTES), 0)
    const bytes = readBytes(file, position, sizeBytes)
    return isIntact(bytes, 0, bytes.length)
  }

  private readAt(segment: Segment, position: number, range: BatchRange): Buffer {
    const file = segment.logFile()
    const room = segment.sizeBytes - position
    const wanted = Math.min(room, Math.max(range.maxBytes, HEADER_BYTES))
    let bytes = readBytes(file, position, wanted, range.allocate)
    let sound = this.soundPart(segment, position, bytes, range, range.maxBytes)
    const sizeBytes = bytes.length < HEADER_BYTES ? 0 : batchSizeBytes(bytes, 0)
    if (sound.end === 0 && !sound.limited && sizeBytes > range.maxBytes && sizeBytes <= room) {
      if (!range.minOneBatch) return nothing
      bytes = readBytes(file, position, sizeBytes, range.allocate)
      sound = this.soundPart(segment, position, bytes, range, sizeBytes)
    }
    const { end } = sound
    if (end > 0) {
      segment.remember(sound.nextOffset, position + end)
      return end === bytes.length ? bytes : bytes.subarray(0, end)
    }
    if (sound.limited) return nothing
    this.behindDamage(segment, position)
    const damage = this.damageAt(segment, position)
    invariant(damage !== undefined, 'bytes that cannot be read are known as damaged')
    throw this.options.damageError(damage)
  }

  /**
   * Where the batches end that are intact, in order, begin before the limit, and fit in `maxBytes`; `limited` when
   * it is the limit that ends them. Their epochs, which the checksum does not cover, are set from what is noted.
   */
  private soundPart(
    segment: Segment,
    position: number,
    bytes: Buffer,
    range: BatchRange,
    maxBytes: number,
  ): { readonly end: number; readonly nextOffset: number; readonly limited: boolean } {
    const { segments, endOffset, epochOf } = this.options
    const limit = Math.min(bytes.length, maxBytes)
    const lastMax = segments.endOffsetOf(segments.all.indexOf(segment), endOffset())
    let nextOffset = range.fromOffset
    let end = 0
    while (bytes.length - end >= HEADER_BYTES) {
      const baseOffset = baseOffsetOf(bytes, end)
      const lastOffset = lastOffsetOf(bytes, end)
      const behind = position + end + batchSizeBytes(bytes, end)
      const inOrder =
        (end === 0 || baseOffset >= nextOffset) && lastOffset >= nextOffset && lastOffset < lastMax
      if (!inOrder || this.damageAt(segment, position + end) !== undefined) break
      // Offsets are not covered by the checksum either: a gap is the work of compaction, or a changed offset.
      if (baseOffset > nextOffset && overlapsNext(segment.logFile(), behind, segment.sizeBytes, lastOffset))
        break
      if (baseOffset >= range.limitOffset) return { end, nextOffset, limited: true }
      const next = wholeBatchEnd(bytes, end, limit)
      if (next < 0 || !isIntact(bytes, end, next)) break
      const epoch = epochOf(baseOffset)
      if (epoch >= 0) setPartitionLeaderEpoch(bytes, end, epoch)
      nextOffset = lastOffset + 1
      end = next
    }
    return { end, nextOffset, limited: false }
  }

  /** The place behind the damage at `position`, or -1 when nothing follows in the segment. */
  private behindDamage(segment: Segment, position: number): number {
    if (this.damageAt(segment, position) === undefined) {
      this.options.segments.rebuildIndexes(segment, `there is no sound batch at byte ${position}`)
    }
    const damage = this.damageAt(segment, position)
    return damage === undefined ? -1 : damage.endPosition
  }

  private damageAt(segment: Segment, position: number): Damage | undefined {
    if (this.options.damages.length === 0) return undefined
    const path = segment.pathOf('.log')
    return this.options.damages.find(
      (damage) => damage.path === path && damage.position <= position && position < damage.endPosition,
    )
  }
}
