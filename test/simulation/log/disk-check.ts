/**
 * Looks at the files of a partition with code of its own: what recovery must keep of a crashed log, and whether the
 * indexes on the disk fit their segments afterwards.
 */
import { parseLogFileName } from '../../../src/log/file-names.ts'
import { type Disk, joinPath, readFile } from '../../../src/platform/disk.ts'
import {
  baseOffsetOf,
  batchSizeBytes,
  computeCrc,
  crcOf,
  HEADER_BYTES,
  lastOffsetOf,
  MAGIC,
  magicOf,
  maxTimestampOf,
  recordCountOf,
} from '../../../src/protocol/record-batch/layout.ts'
import { expect } from './anomaly.ts'
import type { PartitionModel } from './partition-model.ts'

const ABORTED_ENTRY_BYTES = 34

interface StoredBatch {
  readonly position: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestampMs: number
}

/** The sound batches from the start of a log file, and where they end. */
function soundBatches(bytes: Buffer): { readonly batches: readonly StoredBatch[]; readonly end: number } {
  const batches: StoredBatch[] = []
  let position = 0
  let before = -1
  while (bytes.length - position >= HEADER_BYTES && magicOf(bytes, position) === MAGIC) {
    const sizeBytes = batchSizeBytes(bytes, position)
    const end = position + sizeBytes
    if (sizeBytes < HEADER_BYTES || end > bytes.length) break
    if (computeCrc(bytes, position, end) !== crcOf(bytes, position)) break
    const baseOffset = baseOffsetOf(bytes, position)
    const lastOffset = lastOffsetOf(bytes, position)
    if (baseOffset <= before || lastOffset < baseOffset) break
    const maxTimestampMs = recordCountOf(bytes, position) === 0 ? -1 : maxTimestampOf(bytes, position)
    batches.push({ position, baseOffset, lastOffset, maxTimestampMs })
    before = lastOffset
    position = end
  }
  return { batches, end: position }
}

function segmentsOf(
  disk: Disk,
  directory: string,
): readonly { readonly baseOffset: number; readonly path: string }[] {
  if (!disk.exists(directory)) return []
  return disk.list(directory).flatMap(({ name }) => {
    const parsed = parseLogFileName(name)
    if (parsed?.suffix !== '.log' || parsed.stage !== '') return []
    return [{ baseOffset: parsed.baseOffset, path: joinPath(directory, name) }]
  })
}

/** The last segment of a log as a crash left it: how much of it holds batches that follow each other without a gap. */
export interface CrashedTail {
  readonly baseOffset: number
  readonly endOffset: number
  readonly soundBytes: number
}

export function crashedTail(disk: Disk, directory: string): CrashedTail | undefined {
  const last = segmentsOf(disk, directory).at(-1)
  if (last === undefined) return undefined
  let endOffset = last.baseOffset
  let soundBytes = 0
  const { batches, end } = soundBatches(readFile(disk, last.path))
  batches.forEach(({ baseOffset, lastOffset }, number) => {
    if (baseOffset !== endOffset) return
    endOffset = lastOffset + 1
    soundBytes = batches[number + 1]?.position ?? end
  })
  return { baseOffset: last.baseOffset, endOffset, soundBytes }
}

/** Recovery cut nothing but what was not sound. */
export function checkTail(tail: CrashedTail | undefined, endOffset: number, name: string): void {
  if (tail === undefined) return
  expect(endOffset >= tail.endOffset, 'cut-too-much', () => {
    return `${name}: the log ends at ${endOffset}; its last segment had sound batches up to ${tail.endOffset}`
  })
}

/**
 * Every index on the disk fits the log next to it; those of aborted transactions fit the model. Segments that nobody
 * can read any more are passed over: their indexes are looked at when they are opened.
 */
export function checkIndexes(
  disk: Disk,
  directory: string,
  model: PartitionModel,
  bounds: { readonly logStartOffset: number; readonly lastStableOffset: number },
): void {
  const segments = segmentsOf(disk, directory)
  segments.forEach(({ baseOffset, path }, number) => {
    const next = segments[number + 1]
    if (next !== undefined && next.baseOffset <= bounds.logStartOffset) return
    const { batches, end } = soundBatches(readFile(disk, path))
    const size = disk.stat(path).sizeBytes
    expect(end === size, 'index-misfit', () => `${path}: sound up to ${end} of ${size} bytes`)
    checkOffsets(disk, path, baseOffset, batches)
    checkTimes(disk, path, baseOffset, batches)
    const { logStartOffset, lastStableOffset } = bounds
    const closed = next !== undefined && Math.max(baseOffset, logStartOffset) < lastStableOffset
    const endOffset = next?.baseOffset ?? model.end
    const firstOffset = segments[0]!.baseOffset
    if (closed && !model.compacted) checkAborted(disk, path, { baseOffset, endOffset, firstOffset }, model)
  })
}

function indexBytes(disk: Disk, logPath: string, suffix: string): Buffer {
  const path = logPath.replace(/\.log$/, suffix)
  return disk.exists(path) ? readFile(disk, path) : Buffer.alloc(0)
}

function checkOffsets(disk: Disk, path: string, base: number, batches: readonly StoredBatch[]): void {
  const bytes = indexBytes(disk, path, '.index')
  const byPosition = new Map(batches.map((batch) => [batch.position, batch]))
  expect(bytes.length % 8 === 0, 'index-misfit', () => `${path}: index of ${bytes.length} bytes`)
  let before = -1
  for (let at = 0; at < bytes.length; at += 8) {
    const lastOffset = base + bytes.readInt32BE(at)
    const batch = byPosition.get(bytes.readInt32BE(at + 4))
    const fits = batch?.lastOffset === lastOffset && batch.position > before
    expect(
      fits,
      'index-misfit',
      () => `${path}: index entry ${at / 8} says ${lastOffset} at ${bytes.readInt32BE(at + 4)}`,
    )
    before = batch!.position
  }
}

function checkTimes(disk: Disk, path: string, base: number, batches: readonly StoredBatch[]): void {
  const bytes = indexBytes(disk, path, '.timeindex')
  expect(bytes.length % 12 === 0, 'index-misfit', () => `${path}: time index of ${bytes.length} bytes`)
  /** The batches that hold a later timestamp than all before them. */
  const records = new Map<number, number>()
  let newestMs = -1
  for (const { lastOffset, maxTimestampMs } of batches) {
    if (maxTimestampMs <= newestMs) continue
    newestMs = maxTimestampMs
    records.set(lastOffset, maxTimestampMs)
  }
  for (let at = 0; at < bytes.length; at += 12) {
    const timestampMs = Number(bytes.readBigInt64BE(at))
    const offset = base + bytes.readInt32BE(at + 8)
    expect(records.get(offset) === timestampMs, 'index-misfit', () => {
      return `${path}: time index entry ${at / 12} says ${timestampMs} at ${offset}`
    })
  }
}

function checkAborted(
  disk: Disk,
  path: string,
  segment: { readonly baseOffset: number; readonly endOffset: number; readonly firstOffset: number },
  model: PartitionModel,
): void {
  const bytes = indexBytes(disk, path, '.txnindex')
  const noted: string[] = []
  for (let at = 0; at + ABORTED_ENTRY_BYTES <= bytes.length; at += ABORTED_ENTRY_BYTES) {
    const field = (from: number): number => Number(bytes.readBigInt64BE(at + from))
    const first = model.entries.findIndex(
      ({ offset, producerId, marker }) =>
        offset >= Math.max(field(10), segment.firstOffset) && producerId === field(2) && marker === undefined,
    )
    // Of a transaction whose records are all deleted the index may speak or not.
    if (first >= 0 && first < field(18)) noted.push(`${field(2)} from ${first} to ${field(18)}`)
  }
  const expected = model.transactions
    .filter(({ state, markerOffset }) => {
      return state === 'aborted' && markerOffset >= segment.baseOffset && markerOffset < segment.endOffset
    })
    .sort((a, b) => a.markerOffset - b.markerOffset)
    .flatMap((transaction) => {
      const first = model.entries.findIndex(
        (entry) => entry.offset >= segment.firstOffset && entry.transaction === transaction,
      )
      return first < 0 ? [] : [`${transaction.producerId} from ${first} to ${transaction.markerOffset}`]
    })
  expect(noted.join() === expected.join(), 'index-misfit', () => {
    return `${path}: aborted transactions ${noted.join()}, there were ${expected.join()}`
  })
}
