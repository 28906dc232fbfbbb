/**
 * What a broker checks before it takes a record batch from a client.
 *
 * 1. The length fits the bytes and the topic's limit; the format is v2; the checksum holds.
 * 2. Attributes are legal for a client: a codec, create time, no control batch.
 * 3. Offsets count from 0; producer fields are all there or all missing; timestamps are sane.
 * 4. When asked, every record: bounds, offsets one after the other, a key where the topic needs one.
 *
 * Each refusal is a MillraceError whose `context.kafkaCode` is the number for the answer.
 */
import type { ErrorCode } from '../../core/error-register.ts'
import { type ErrorDetails, isMillraceError, MillraceError } from '../../core/errors.ts'
import { codecs } from '../compression/codec.ts'
import { ErrorCodes } from '../error-codes.ts'
import { wholeBatchEnd } from './for-each-batch.ts'
import {
  attributesOf,
  baseOffsetOf,
  baseSequenceOf,
  baseTimestampOf,
  batchSizeBytes,
  CODEC_MASK,
  CONTROL_BIT,
  computeCrc,
  crcOf,
  HEADER_BYTES,
  LOG_APPEND_TIME_BIT,
  lastOffsetDelta,
  MAGIC,
  magicOf,
  maxTimestampOf,
  NO_TIMESTAMP,
  producerEpochOf,
  producerIdOf,
  recordCountOf,
  TRANSACTIONAL_BIT,
} from './layout.ts'
import { RecordBatchReader } from './record-batch-reader.ts'

const CLIENT_ATTRIBUTES = CODEC_MASK | LOG_APPEND_TIME_BIT | TRANSACTIONAL_BIT | CONTROL_BIT
/** What may come out of a batch, in multiples of the largest batch. */
const GROWTH_MAX = 16

export interface BatchLimits {
  /** The largest batch, with its header: max.message.bytes. */
  readonly batchBytesMax: number
  /** What may come out of a compressed batch; 16 × batchBytesMax if not given. */
  readonly decompressedBytesMax?: number
  /** Check every record; compressed batches are decompressed for it. */
  readonly walk?: boolean
  /** Every record must have a key (compacted topics); implies `walk`. */
  readonly keysRequired?: boolean
  /** Take control batches, as the transaction coordinator writes them. */
  readonly controlAllowed?: boolean
}

/** What a checked batch holds. */
export interface BatchFacts {
  /** Where the batch ends. */
  readonly end: number
  /** The smallest timestamp: of all records if they were walked, else of the first. */
  readonly minTimestampMs: number
  /** The largest timestamp: of the records if they were walked, else what the header says. */
  readonly maxTimestampMs: number
}

function refuse(
  code: ErrorCode,
  kafkaCode: number,
  message: string,
  start: number,
  details: ErrorDetails = {},
): never {
  throw new MillraceError(code, message, { ...details, context: { kafkaCode, position: start } })
}

/**
 * Checks the batch at `start` as it comes from a client; `end` is the end of the bytes received.
 *
 * A header whose largest timestamp is wrong is not refused (some clients leave it out): the right one is in the
 * answer when the records were walked, and they always are when it lies before the first one.
 *
 * @throws MR_CHECKSUM or MR_BYTES_TRUNCATED (CORRUPT_MESSAGE), MR_RECORD_TOO_LARGE (MESSAGE_TOO_LARGE),
 *   MR_BYTES_INVALID (INVALID_RECORD, INVALID_TIMESTAMP), MR_COMPRESSION_INVALID (CORRUPT_MESSAGE),
 *   MR_COMPRESSION_UNSUPPORTED (UNSUPPORTED_COMPRESSION_TYPE)
 */
export function validateBatch(bytes: Buffer, start: number, end: number, limits: BatchLimits): BatchFacts {
  const batchEnd = checkStoredBatch(bytes, start, end, limits.batchBytesMax)
  checkHeader(bytes, start, limits)
  const minTimestampMs = baseTimestampOf(bytes, start)
  const maxTimestampMs = maxTimestampOf(bytes, start)
  if (limits.walk === true || limits.keysRequired === true || maxTimestampMs < minTimestampMs) {
    return walk(bytes, start, batchEnd, limits)
  }
  return { end: batchEnd, minTimestampMs, maxTimestampMs }
}

/**
 * Checks what holds for a batch in a log as well: length, format and checksum. Returns its end.
 *
 * @throws MR_CHECKSUM, MR_BYTES_TRUNCATED, MR_BYTES_INVALID, MR_RECORD_TOO_LARGE
 */
export function checkStoredBatch(
  bytes: Buffer,
  start: number,
  end: number,
  batchBytesMax = Number.MAX_SAFE_INTEGER,
): number {
  const corrupt = ErrorCodes.CORRUPT_MESSAGE
  if (end - start < HEADER_BYTES) {
    refuse('MR_BYTES_TRUNCATED', corrupt, 'a record batch ends within its header', start)
  }
  // The magic number first: in the old formats the length means something else.
  if (magicOf(bytes, start) !== MAGIC) {
    const message = `record batch format ${magicOf(bytes, start)} is not taken, only ${MAGIC}`
    refuse('MR_BYTES_INVALID', ErrorCodes.INVALID_RECORD, message, start)
  }
  const sizeBytes = batchSizeBytes(bytes, start)
  if (sizeBytes < HEADER_BYTES) {
    refuse('MR_BYTES_INVALID', corrupt, `a record batch of ${sizeBytes} bytes`, start)
  }
  if (sizeBytes > batchBytesMax) {
    const message = `a record batch of ${sizeBytes} bytes is larger than the topic allows (${batchBytesMax})`
    refuse('MR_RECORD_TOO_LARGE', ErrorCodes.MESSAGE_TOO_LARGE, message, start, {
      hint: 'Send smaller batches, or raise max.message.bytes of the topic.',
    })
  }
  const batchEnd = wholeBatchEnd(bytes, start, end)
  if (batchEnd < 0) refuse('MR_BYTES_TRUNCATED', corrupt, 'a record batch is cut off', start)
  const crc = computeCrc(bytes, start, batchEnd)
  if (crc !== crcOf(bytes, start)) {
    const message = `the record batch has checksum ${crc}, its header says ${crcOf(bytes, start)}`
    refuse('MR_CHECKSUM', corrupt, message, start)
  }
  return batchEnd
}

function checkHeader(bytes: Buffer, start: number, limits: BatchLimits): void {
  const invalid = (message: string, kafkaCode: number = ErrorCodes.INVALID_RECORD): never =>
    refuse('MR_BYTES_INVALID', kafkaCode, message, start)
  const attributes = attributesOf(bytes, start)
  const codec = attributes & CODEC_MASK
  if (codec >= codecs.length) {
    const message = `no compression codec has the number ${codec}`
    refuse('MR_COMPRESSION_UNSUPPORTED', ErrorCodes.UNSUPPORTED_COMPRESSION_TYPE, message, start)
  }
  if ((attributes & ~CLIENT_ATTRIBUTES) !== 0) invalid(`attributes ${attributes} are not legal`)
  if ((attributes & LOG_APPEND_TIME_BIT) !== 0) {
    invalid('a client may not set log append time', ErrorCodes.INVALID_TIMESTAMP)
  }
  const control = (attributes & CONTROL_BIT) !== 0
  if (control && limits.controlAllowed !== true) invalid('a client may not write control batches')

  const count = recordCountOf(bytes, start)
  if (count < 1) invalid(`a record count of ${count}`)
  if (lastOffsetDelta(bytes, start) !== count - 1) {
    invalid(`${count} records end at the offset delta ${lastOffsetDelta(bytes, start)}`)
  }
  if (baseOffsetOf(bytes, start) !== 0) invalid('the base offset of a new batch is 0')
  // Each record takes 7 bytes at least, so a count that is too high is seen without walking.
  if (codec === 0 && count * 7 > batchSizeBytes(bytes, start) - HEADER_BYTES) {
    invalid(`${count} records do not fit in the batch`)
  }
  checkTimestamp(baseTimestampOf(bytes, start), start)
  checkTimestamp(maxTimestampOf(bytes, start), start)

  const producerId = producerIdOf(bytes, start)
  const transactional = (attributes & TRANSACTIONAL_BIT) !== 0
  if (producerId < -1 || producerId > Number.MAX_SAFE_INTEGER) invalid('the producer id is out of range')
  if (producerId === -1) {
    if (transactional) invalid('a transactional batch needs a producer id')
    if (control) invalid('a control batch needs a producer id')
    return
  }
  if (producerEpochOf(bytes, start) < 0) invalid('a batch with a producer id needs a producer epoch')
  if (!control && baseSequenceOf(bytes, start) < 0) invalid('a batch with a producer id needs a sequence')
  if (control && !transactional) invalid('a control batch is transactional')
}

function checkTimestamp(timestampMs: number, start: number): void {
  if (timestampMs >= NO_TIMESTAMP && timestampMs <= Number.MAX_SAFE_INTEGER) return
  const message = `the timestamp ${timestampMs} is out of range`
  refuse('MR_BYTES_INVALID', ErrorCodes.INVALID_TIMESTAMP, message, start)
}

function walk(bytes: Buffer, start: number, end: number, limits: BatchLimits): BatchFacts {
  const decompressedBytesMax = limits.decompressedBytesMax ?? limits.batchBytesMax * GROWTH_MAX
  const reader = new RecordBatchReader({ decompressedBytesMax })
  try {
    reader.reset(bytes, start)
    return walkRecords(reader, end, limits.keysRequired === true)
  } catch (cause) {
    // Refusals pass; what the reader found gets its answer for the wire.
    if (!isMillraceError(cause) || cause.context['kafkaCode'] !== undefined) throw cause
    const compression = cause.code === 'MR_COMPRESSION_INVALID'
    const kafkaCode = compression ? ErrorCodes.CORRUPT_MESSAGE : ErrorCodes.INVALID_RECORD
    refuse(cause.code, kafkaCode, cause.message, start, { cause })
  }
}

function walkRecords(reader: RecordBatchReader, end: number, keysRequired: boolean): BatchFacts {
  const invalid = (message: string): never =>
    refuse('MR_BYTES_INVALID', ErrorCodes.INVALID_RECORD, message, reader.batchStart)
  let expected = reader.baseOffset
  let maxTimestampMs = Number.NEGATIVE_INFINITY
  let minTimestampMs = Number.POSITIVE_INFINITY
  while (reader.next()) {
    if (reader.offset !== expected) {
      invalid(
        `record ${expected - reader.baseOffset} has the offset delta ${reader.offset - reader.baseOffset}`,
      )
    }
    if (keysRequired && reader.keyStart < 0) invalid('a record of a compacted topic needs a key')
    if (reader.timestampMs > maxTimestampMs) maxTimestampMs = reader.timestampMs
    if (reader.timestampMs < minTimestampMs) minTimestampMs = reader.timestampMs
    reader.checkHeaders()
    expected++
  }
  if (!reader.atEnd) invalid('bytes follow the last record of the batch')
  checkTimestamp(minTimestampMs, reader.batchStart)
  checkTimestamp(maxTimestampMs, reader.batchStart)
  return { end, minTimestampMs, maxTimestampMs }
}
