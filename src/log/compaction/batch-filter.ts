/**
 * Takes the records out of a batch that compaction drops.
 *
 * A batch that keeps all its records stays as it is, byte for byte. One that loses some is written anew: offsets,
 * producer and sequence stay; so does its last offset. Tombstones, and markers of transactions without records,
 * stay for delete.retention.ms after the first compaction that met them: that time is written into the batch as
 * its base timestamp (the delete horizon, KIP-534). The last batch of a producer stays even without records,
 * since its sequence is known from there.
 */
import type { ByteWriter } from '../../core/byte-writer.ts'
import { codecOfNumber } from '../../protocol/compression/codec.ts'
import { compress } from '../../protocol/compression/compression.ts'
import {
  attributesOf,
  baseTimestampOf,
  CODEC_MASK,
  DELETE_HORIZON_BIT,
  HEADER_BYTES,
  isControl,
  NO_TIMESTAMP,
  PREFIX_BYTES,
  setAttributes,
  setBaseTimestamp,
  setBatchLength,
  setMaxTimestamp,
  setRecordCount,
  writeCrc,
} from '../../protocol/record-batch/layout.ts'
import type { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'

export interface BatchDecision {
  /** The batch's records go: of an aborted transaction, or a marker of one without records. */
  readonly canGo: boolean
  /** It is the last batch of a producer that may go on from its sequence. */
  readonly keepEmpty: boolean
  /** True for a record that a later one with its key supersedes. */
  readonly isSuperseded: (reader: RecordBatchReader) => boolean
  readonly nowMs: number
  readonly deleteRetentionMs: number
  /** Levels for codecs that have them. */
  readonly compressionLevel: number | undefined
}

export interface FilteredBatch {
  /** What stays of the batch; undefined when nothing does. */
  readonly bytes: Buffer | undefined
  readonly recordsBefore: number
  readonly recordsAfter: number
}

/** `reader` walks the batch that it was reset to; `records` is memory to be used again. */
export function filterBatch(
  batch: Buffer,
  reader: RecordBatchReader,
  records: ByteWriter,
  decision: BatchDecision,
): FilteredBatch {
  const { canGo, nowMs } = decision
  const control = isControl(reader.attributes)
  const horizonMs = (reader.attributes & DELETE_HORIZON_BIT) === 0 ? undefined : reader.firstTimestampMs
  const recordsBefore = reader.recordCount
  const goes = control ? canGo && horizonMs !== undefined && horizonMs <= nowMs : canGo
  if (goes) return { bytes: decision.keepEmpty ? emptied(batch) : undefined, recordsBefore, recordsAfter: 0 }
  if (recordsBefore === 0)
    return { bytes: decision.keepEmpty ? batch : undefined, recordsBefore, recordsAfter: 0 }

  const kept = keptRecords(reader, decision, horizonMs)
  const needsHorizon = horizonMs === undefined && (kept.tombstones || (control && canGo))
  const recordsAfter = kept.count
  if (recordsAfter === 0)
    return { bytes: decision.keepEmpty ? emptied(batch) : undefined, recordsBefore, recordsAfter }
  if (recordsAfter === recordsBefore && !needsHorizon) return { bytes: batch, recordsBefore, recordsAfter }
  const newHorizonMs = needsHorizon ? nowMs + decision.deleteRetentionMs : undefined
  const bytes = rewritten(batch, reader, records, { kept, newHorizonMs, level: decision.compressionLevel })
  return { bytes, recordsBefore, recordsAfter }
}

interface KeptRecords {
  /** For each record of the batch whether it stays. */
  readonly flags: Uint8Array
  readonly count: number
  readonly tombstones: boolean
  readonly maxTimestampMs: number
}

function keptRecords(
  reader: RecordBatchReader,
  decision: BatchDecision,
  horizonMs: number | undefined,
): KeptRecords {
  const flags = new Uint8Array(reader.recordCount)
  const control = isControl(reader.attributes)
  const horizonPassed = horizonMs !== undefined && horizonMs <= decision.nowMs
  let count = 0
  let tombstones = false
  let maxTimestampMs = -1
  for (let number = 0; reader.next(); number++) {
    const tombstone = !control && reader.valueStart < 0
    const stays = control || !(decision.isSuperseded(reader) || (tombstone && horizonPassed))
    if (!stays) continue
    flags[number] = 1
    count++
    tombstones ||= tombstone
    maxTimestampMs = Math.max(maxTimestampMs, reader.timestampMs)
  }
  return { flags, count, tombstones, maxTimestampMs }
}

/** The batch with no records: its header alone. */
function emptied(batch: Buffer): Buffer {
  const header = Buffer.from(batch.subarray(0, HEADER_BYTES))
  setBatchLength(header, 0, HEADER_BYTES - PREFIX_BYTES)
  setAttributes(header, 0, attributesOf(header, 0) & ~(CODEC_MASK | DELETE_HORIZON_BIT))
  setBaseTimestamp(header, 0, NO_TIMESTAMP)
  setRecordCount(header, 0, 0)
  writeCrc(header, 0, HEADER_BYTES)
  return header
}

function rewritten(
  batch: Buffer,
  reader: RecordBatchReader,
  records: ByteWriter,
  change: {
    readonly kept: KeptRecords
    readonly newHorizonMs: number | undefined
    readonly level: number | undefined
  },
): Buffer {
  const { kept, newHorizonMs, level } = change
  const attributes = attributesOf(batch, 0)
  const baseTimestampMs = newHorizonMs ?? baseTimestampOf(batch, 0)
  writeRecords(reader, records, kept.flags, baseTimestampMs)
  const codec = codecOfNumber(attributes & CODEC_MASK)
  const payload = compress(codec, records.bytes(), level)
  const made = Buffer.concat([batch.subarray(0, HEADER_BYTES), payload])
  setBatchLength(made, 0, made.length - PREFIX_BYTES)
  setAttributes(made, 0, newHorizonMs === undefined ? attributes : attributes | DELETE_HORIZON_BIT)
  setBaseTimestamp(made, 0, baseTimestampMs)
  setMaxTimestamp(made, 0, kept.maxTimestampMs)
  setRecordCount(made, 0, kept.count)
  writeCrc(made, 0, made.length)
  return made
}

/** Key, value and headers of a record stay as they are; only its timestamp counts from another base. */
function writeRecords(
  reader: RecordBatchReader,
  into: ByteWriter,
  flags: Uint8Array,
  baseTimestampMs: number,
): void {
  into.clear()
  reader.rewind()
  for (let number = 0; reader.next(); number++) {
    if (flags[number] === 0) continue
    const lengthAt = into.reserve(RECORD_LENGTH_ROOM)
    const start = into.length
    into.int8(0)
    into.varlong(reader.timestampMs - baseTimestampMs)
    into.varint(reader.offset - reader.baseOffset)
    into.raw(reader.body, reader.fieldsStart, reader.recordEnd)
    closeRecord(into, lengthAt, start)
  }
}

const RECORD_LENGTH_ROOM = 5

/** Puts the length before the record, which moves up to close the gap. */
function closeRecord(into: ByteWriter, lengthAt: number, start: number): void {
  const end = into.length
  into.truncate(lengthAt)
  into.varint(end - start)
  into.buffer.copyWithin(into.length, start, end)
  into.length += end - start
}
