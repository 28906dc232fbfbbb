/**
 * Finds out what happened to bytes of a log that are not a sound batch, so that recovery cuts what was never
 * written and keeps, named, what was damaged later.
 *
 * - unwritten: sectors that hold only zeros, or the end of the file: a write that did not reach the disk before
 *   the power went, in whole or in part. Sectors are written whole, so what is missing is missing by the sector.
 * - flipped: with exactly one bit changed, in a sector that was written, the batch is sound. The CRC is linear, so this can be shown: the wrong
 *   checksum differs from the right one by the mark of that bit alone.
 * - damaged: anything else.
 */
import type { DiskFile } from '../platform/disk.ts'
import {
  ATTRIBUTES_AT,
  baseOffsetOf,
  batchSizeBytes,
  CRC_AT,
  computeCrc,
  crcOf,
  HEADER_BYTES,
  MAGIC,
  MAGIC_AT,
  magicOf,
  PREFIX_BYTES,
  setBaseOffset,
  setBatchLength,
} from '../protocol/record-batch/layout.ts'
import { isIntact, readBytes } from './batch-scan.ts'

const SECTOR_BYTES = 512
const SEARCH_BYTES = 1024 * 1024
/** Up to this size a batch is searched for one flipped bit. */
const FLIP_SEARCH_MAX = 16 * 1024 * 1024
/** A batch found behind damage may lie so many offsets later at most. */
const OFFSET_STEP_MAX = 2 ** 31

/** CRC-32C's, reflected, as a signed number. */
const CRC_POLYNOMIAL = 0x82f63b78 | 0

export type DamageKind = 'unwritten' | 'flipped' | 'damaged'

export interface IntactBatch {
  readonly position: number
  readonly baseOffset: number
}

/**
 * The first intact batch from `from` to `to` with an offset from `offset` on, or undefined. The place where a
 * batch at `from` would end by its own length is tried first.
 */
export function findIntactBatch(
  file: DiskFile,
  from: number,
  to: number,
  offset: number,
): IntactBatch | undefined {
  const head = readBytes(file, from, Math.min(HEADER_BYTES, to - from))
  if (head.length === HEADER_BYTES && magicOf(head, 0) === MAGIC) {
    const next = from + batchSizeBytes(head, 0)
    const found = next > from ? intactAt(file, next, to, offset) : undefined
    if (found !== undefined) return found
  }
  for (let position = from + 1; position + HEADER_BYTES <= to; position += SEARCH_BYTES) {
    const bytes = readBytes(file, position, Math.min(SEARCH_BYTES + HEADER_BYTES - 1, to - position))
    for (let at = 0; at + HEADER_BYTES <= bytes.length && at < SEARCH_BYTES; at++) {
      if (bytes[at + MAGIC_AT] !== MAGIC || !isPlausible(bytes, at, to - position - at, offset)) continue
      const found = intactAt(file, position + at, to, offset)
      if (found !== undefined) return found
    }
  }
  return undefined
}

function isPlausible(bytes: Buffer, at: number, room: number, offset: number): boolean {
  const baseOffset = baseOffsetOf(bytes, at)
  const sizeBytes = batchSizeBytes(bytes, at)
  return (
    baseOffset >= offset &&
    baseOffset - offset < OFFSET_STEP_MAX &&
    sizeBytes >= HEADER_BYTES &&
    sizeBytes <= room
  )
}

function intactAt(file: DiskFile, position: number, to: number, offset: number): IntactBatch | undefined {
  if (to - position < HEADER_BYTES) return undefined
  const head = readBytes(file, position, HEADER_BYTES)
  if (head.length < HEADER_BYTES || !isPlausible(head, 0, to - position, offset)) return undefined
  const bytes = readBytes(file, position, batchSizeBytes(head, 0))
  return isIntact(bytes, 0, bytes.length) ? { position, baseOffset: baseOffsetOf(head, 0) } : undefined
}

/**
 * What happened to the bytes from `from` to `to`, where a batch with the first offset `offset` should be. The
 * bytes end where an intact batch begins or the file ends.
 */
export function diagnose(file: DiskFile, from: number, to: number, offset: number): DamageKind {
  if (to - from <= FLIP_SEARCH_MAX) {
    const bytes = readBytes(file, from, to - from)
    const kind = diagnoseHeader(bytes, from, offset)
    if (kind !== undefined) return kind
    const sizeBytes = bytes.length >= HEADER_BYTES ? batchSizeBytes(bytes, 0) : 0
    for (const length of new Set([sizeBytes, bytes.length])) {
      if (length < HEADER_BYTES || length > bytes.length) continue
      const changedAt = changedByte(bytes, length)
      if (changedAt >= 0)
        return isSectorEmpty(bytes.subarray(0, length), from, changedAt) ? 'unwritten' : 'flipped'
    }
  }
  return hasUnwrittenSector(file, from, to) ? 'unwritten' : 'damaged'
}

/** Tries the batch with the fields before its checksum as they must have been. */
function diagnoseHeader(bytes: Buffer, from: number, offset: number): DamageKind | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  for (const length of new Set([batchSizeBytes(bytes, 0), bytes.length])) {
    if (length < HEADER_BYTES || length > bytes.length) continue
    const mended = Buffer.from(bytes.subarray(0, length))
    setBaseOffset(mended, 0, offset)
    setBatchLength(mended, 0, length - PREFIX_BYTES)
    mended[MAGIC_AT] = MAGIC
    if (!isIntact(mended, 0, length)) continue
    let bits = 0
    let unwritten = true
    let changedAt = 0
    for (let at = 0; at <= MAGIC_AT; at++) {
      const difference = mended[at]! ^ bytes[at]!
      bits += bitCount(difference)
      if (difference === 0) continue
      changedAt = at
      if (bytes[at] !== 0) unwritten = false
    }
    if (bits === 1) unwritten &&= isSectorEmpty(bytes.subarray(0, length), from, changedAt)
    return unwritten ? 'unwritten' : bits === 1 ? 'flipped' : 'damaged'
  }
  return undefined
}

function bitCount(byte: number): number {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++
  return count
}

/**
 * True when the sector of the file in which the byte at `at` of the batch lies holds only zeros, as far as the batch
 * goes: of a part with a single bit set, an unwritten sector looks like a bit that changed.
 */
function isSectorEmpty(batch: Buffer, from: number, at: number): boolean {
  const sector = at - ((from + at) % SECTOR_BYTES)
  return batch.subarray(Math.max(0, sector), sector + SECTOR_BYTES).every((byte) => byte === 0)
}

/** The byte of which one bit, changed back, makes the batch sound: of the checksum or what it covers. Or -1. */
function changedByte(bytes: Buffer, length: number): number {
  if (magicOf(bytes, 0) !== MAGIC) return -1
  const difference = computeCrc(bytes, 0, length) ^ crcOf(bytes, 0)
  if (difference !== 0 && (difference & (difference - 1)) === 0) return CRC_AT
  // The mark of a bit is that of the bit after it, moved on by one step of the register.
  let mark = CRC_POLYNOMIAL
  for (let bit = (length - ATTRIBUTES_AT) * 8 - 1; bit >= 0; bit--) {
    if (mark === difference) return ATTRIBUTES_AT + (bit >> 3)
    mark = mark & 1 ? (mark >>> 1) ^ CRC_POLYNOMIAL : mark >>> 1
  }
  return -1
}

/** True when a sector, or the part of one that lies in the range, holds only zeros where something must be. */
function hasUnwrittenSector(file: DiskFile, from: number, to: number): boolean {
  for (let position = from; position < to; ) {
    const next = Math.min(to, position - (position % SECTOR_BYTES) + SECTOR_BYTES)
    const bytes = readBytes(file, position, next - position)
    const first = position - from
    // The first bytes of a batch (the high ones of its offset) are zero in any case.
    const legitimate = first < PREFIX_BYTES ? Math.max(0, 8 - first) : 0
    if (bytes.length > legitimate && bytes.every((byte) => byte === 0)) return true
    position = next
  }
  return false
}
