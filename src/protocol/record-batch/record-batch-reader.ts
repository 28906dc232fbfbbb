/**
 * Walks a record batch (format v2) without making anything per record: `next()` moves the fields on.
 *
 * ```ts
 * reader.reset(bytes, start)
 * while (reader.next()) use(reader.offset, reader.body, reader.valueStart, reader.valueEnd)
 * ```
 * Bytes may be hostile: every field is checked to lie within its record and every record within the batch.
 * The checksum is not checked here; `validateBatch` and `checkStoredBatch` do that.
 */
import { MillraceError } from '../../core/errors.ts'
import { type Headers, noHeaders } from '../../core/record.ts'
import { type CompressionCodec, codecOfNumber } from '../compression/codec.ts'
import { decompress } from '../compression/compression.ts'
import {
  attributesOf,
  baseOffsetOf,
  baseSequenceOf,
  baseTimestampOf,
  batchSizeBytes,
  CODEC_MASK,
  CONTROL_BIT,
  HEADER_BYTES,
  LOG_APPEND_TIME_BIT,
  lastOffsetDelta,
  MAGIC,
  magicOf,
  maxTimestampOf,
  partitionLeaderEpochOf,
  producerEpochOf,
  producerIdOf,
  recordCountOf,
  TRANSACTIONAL_BIT,
} from './layout.ts'
import { checkHeaders, readHeaders } from './record-headers.ts'

/** Sixteen times Kafka's default of max.message.bytes. */
const DECOMPRESSED_BYTES_MAX = 16 * 1_048_588
const TWO_TO_28 = 2 ** 28

export interface RecordBatchReaderOptions {
  /** How much may come out of a compressed batch: 16 times the largest batch of the topic. */
  readonly decompressedBytesMax?: number
}

export class RecordBatchReader {
  // The batch.
  baseOffset = 0
  lastOffset = -1
  recordCount = 0
  batchStart = 0
  batchEnd = 0
  attributes = 0
  firstTimestampMs = 0
  maxTimestampMs = 0
  producerId = -1
  producerEpoch = -1
  baseSequence = -1
  partitionLeaderEpoch = -1
  compression: CompressionCodec = 'none'

  // The record that `next` has moved to.
  offset = -1
  timestampMs = 0
  /** What the positions below refer to: the bytes given, or the decompressed records. */
  body: Buffer = Buffer.alloc(0)
  /** -1 for a null key. */
  keyStart = -1
  keyEnd = -1
  /** -1 for a null value. */
  valueStart = -1
  valueEnd = -1
  /** Where the record's key length is: what follows depends on neither offset nor timestamp. */
  fieldsStart = 0
  /** Where the record starts (its length field) and ends in `body`. */
  recordStart = 0
  recordEnd = 0

  private readonly decompressedBytesMax: number
  private index = 0
  private bodyEnd = 0
  private cursor = 0
  private bodyStart = 0

  constructor(options: RecordBatchReaderOptions = {}) {
    this.decompressedBytesMax = options.decompressedBytesMax ?? DECOMPRESSED_BYTES_MAX
  }

  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL_BIT) !== 0
  }

  get isControl(): boolean {
    return (this.attributes & CONTROL_BIT) !== 0
  }

  get timestampType(): 'create' | 'append' {
    return (this.attributes & LOG_APPEND_TIME_BIT) === 0 ? 'create' : 'append'
  }

  /** True when all records were walked and nothing is left behind the last. */
  get atEnd(): boolean {
    return this.index === this.recordCount && this.recordEnd === this.bodyEnd
  }

  /**
   * Moves to the batch at `start`, before its first record, and decompresses it if needed.
   *
   * @throws MR_BYTES_TRUNCATED, MR_BYTES_INVALID, MR_COMPRESSION_INVALID, MR_COMPRESSION_UNSUPPORTED
   */
  reset(bytes: Buffer, start = 0): void {
    if (bytes.length - start < HEADER_BYTES) throw truncated(start)
    const end = start + batchSizeBytes(bytes, start)
    if (end < start + HEADER_BYTES) throw invalid('the length of the batch', start)
    if (end > bytes.length) throw truncated(start)
    if (magicOf(bytes, start) !== MAGIC) throw invalid(`the magic number ${magicOf(bytes, start)}`, start)
    const count = recordCountOf(bytes, start)
    if (count < 0) throw invalid('the record count', start)
    this.batchStart = start
    this.batchEnd = end
    this.baseOffset = baseOffsetOf(bytes, start)
    this.lastOffset = this.baseOffset + lastOffsetDelta(bytes, start)
    this.recordCount = count
    this.attributes = attributesOf(bytes, start)
    this.firstTimestampMs = baseTimestampOf(bytes, start)
    this.maxTimestampMs = maxTimestampOf(bytes, start)
    this.producerId = producerIdOf(bytes, start)
    this.producerEpoch = producerEpochOf(bytes, start)
    this.baseSequence = baseSequenceOf(bytes, start)
    this.partitionLeaderEpoch = partitionLeaderEpochOf(bytes, start)
    this.compression = codecOfNumber(this.attributes & CODEC_MASK)
    this.index = 0
    if (this.compression === 'none') {
      this.body = bytes
      this.cursor = start + HEADER_BYTES
      this.bodyEnd = end
    } else {
      const payload = bytes.subarray(start + HEADER_BYTES, end)
      this.body = decompress(this.compression, payload, this.decompressedBytesMax)
      this.cursor = 0
      this.bodyEnd = this.body.length
    }
    this.bodyStart = this.cursor
    this.recordEnd = this.cursor
  }

  /** Goes back before the first record of the batch. */
  rewind(): void {
    this.index = 0
    this.recordEnd = this.bodyStart
  }

  /** Moves to the next record, or returns false. @throws MR_BYTES_INVALID */
  next(): boolean {
    if (this.index === this.recordCount) return false
    const body = this.body
    const start = this.recordEnd
    this.recordStart = start
    this.cursor = start
    const length = this.varint(body)
    const end = this.cursor + length
    if (length < 0 || end > this.bodyEnd) throw invalid('the length of a record', start)
    this.cursor++ // attributes, unused
    const timestampDelta = this.varlong(body)
    const offsetDelta = this.varint(body)
    this.fieldsStart = this.cursor
    const keyLength = this.varint(body)
    if (keyLength < 0) {
      this.keyStart = -1
      this.keyEnd = -1
    } else {
      this.keyStart = this.cursor
      this.cursor += keyLength
      this.keyEnd = this.cursor
    }
    const valueLength = this.varint(body)
    if (valueLength < 0) {
      this.valueStart = -1
      this.valueEnd = -1
    } else {
      this.valueStart = this.cursor
      this.cursor += valueLength
      this.valueEnd = this.cursor
    }
    // One check for all: lengths only ever moved the cursor on. A byte must be left for the header count.
    if (this.cursor >= end || keyLength < -1 || valueLength < -1) throw invalid('a record', start)
    this.recordEnd = end
    this.offset = this.baseOffset + offsetDelta
    this.timestampMs =
      (this.attributes & LOG_APPEND_TIME_BIT) === 0
        ? this.firstTimestampMs + timestampDelta
        : this.maxTimestampMs
    this.index++
    return true
  }

  /** True when the record has headers, without reading them. */
  get hasHeaders(): boolean {
    return this.body[this.cursor] !== 0
  }

  /** The headers of the record; their values are views of `body`. @throws MR_BYTES_INVALID */
  headers(): Headers {
    if (this.body[this.cursor] === 0 && this.cursor + 1 === this.recordEnd) return noHeaders
    return readHeaders(this.body, this.cursor, this.recordEnd)
  }

  /** Checks what `headers` would read, without making anything. @throws MR_BYTES_INVALID */
  checkHeaders(): void {
    checkHeaders(this.body, this.cursor, this.recordEnd)
  }

  /** Reads a varint at the cursor. Bytes beyond the end read as undefined and end as an invalid varint. */
  private varint(body: Buffer): number {
    const first = body[this.cursor]!
    if (first < 0x80) {
      this.cursor++
      return (first >>> 1) ^ -(first & 1)
    }
    const second = body[this.cursor + 1]!
    if (second < 0x80) {
      this.cursor += 2
      const raw = (first & 0x7f) | (second << 7)
      return (raw >>> 1) ^ -(raw & 1)
    }
    return this.longVarint(body)
  }

  private longVarint(body: Buffer): number {
    let raw = 0
    let at = this.cursor
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = body[at++]
      if (byte === undefined) break
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.cursor = at
        return (raw >>> 1) ^ -(raw & 1)
      }
    }
    throw invalid('a varint', this.cursor)
  }

  private varlong(body: Buffer): number {
    const first = body[this.cursor]!
    if (first < 0x80) {
      this.cursor++
      return (first >>> 1) ^ -(first & 1)
    }
    let low = 0
    let high = 0
    let at = this.cursor
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = body[at++]
      if (byte === undefined) break
      if (shift < 28) low |= (byte & 0x7f) << shift
      else high += (byte & 0x7f) * 2 ** (shift - 28)
      if (byte < 0x80) {
        this.cursor = at
        const half = (low >>> 1) + high * (TWO_TO_28 / 2)
        if (half > Number.MAX_SAFE_INTEGER) break
        return (low & 1) === 0 ? half : -half - 1
      }
    }
    throw invalid('a timestamp', this.cursor)
  }
}

function invalid(what: string, at: number): MillraceError {
  return new MillraceError('MR_BYTES_INVALID', `${what} is not sound at byte ${at} of the record batch`)
}

function truncated(start: number): MillraceError {
  return new MillraceError('MR_BYTES_TRUNCATED', `the record batch at byte ${start} is cut off`)
}
