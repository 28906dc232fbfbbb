/**
 * Builds record batches (format v2): records are appended as bytes, `seal` writes the header before them.
 *
 * A record is
 * ```
 * length varint | attributes int8 = 0 | timestampDelta varlong | offsetDelta varint
 * keyLength varint | key | valueLength varint | value | headerCount varint | { keyLength key valueLength value }*
 * ```
 * so its size is summed up first. Nothing is allocated per record. Small keys and values are copied together
 * with what lies behind them in their buffer: one built-in copy of up to COPY_WHOLE_MAX bytes costs less than
 * making a view or a loop over bytes, and the next field overwrites the surplus.
 */
import { ByteWriter } from '../../core/byte-writer.ts'
import { invariant } from '../../core/invariant.ts'
import { type Headers, noHeaders } from '../../core/record.ts'
import { type CompressionCodec, codecNumber } from '../compression/codec.ts'
import { compress } from '../compression/compression.ts'
import {
  CONTROL_BIT,
  HEADER_BYTES,
  MAGIC,
  MAGIC_AT,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  PREFIX_BYTES,
  setAttributes,
  setBaseOffset,
  setBaseTimestamp,
  setBatchLength,
  setLastOffsetDelta,
  setMaxTimestamp,
  setPartitionLeaderEpoch,
  setProducer,
  setRecordCount,
  TRANSACTIONAL_BIT,
  writeCrc,
} from './layout.ts'
import { headersSize, writeHeaders } from './record-headers.ts'
import { uvarintSize, varlongSize, writeUvarint, writeVarlong, zigzag } from './varint.ts'

const INITIAL_BYTES = 16 * 1024
/** Up to here the whole memory behind a writer is copied. */
const COPY_WHOLE_MAX = 1024
/** Up to here a loop over bytes beats a built-in copy. */
const COPY_LOOP_MAX = 8
/** A record's own fields without key, value and headers: length, attributes, deltas, two lengths, header count. */
const RECORD_OVERHEAD_MAX = 5 + 1 + 10 + 5 + 5 + 5 + 5

export interface RecordBatchBuilderOptions {
  /** 'none' if not given. */
  readonly compression?: CompressionCodec
  /** gzip 1 to 9, zstd 1 to 22; the codec's default if not given. */
  readonly compressionLevel?: number
  /** Memory to start with; it grows. */
  readonly initialBytes?: number
}

export interface SealOptions {
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  /** Marks of transactions; see control-batch.ts. */
  readonly control?: boolean
  readonly partitionLeaderEpoch?: number
  readonly baseOffset?: number
}

/** The most bytes that a record can take in a batch, for asking before `append`. */
export function recordBytesMax(keyBytes: number, valueBytes: number, headers: Headers = noHeaders): number {
  return RECORD_OVERHEAD_MAX + keyBytes + valueBytes + (headers.length === 0 ? 0 : headersSize(headers))
}

export class RecordBatchBuilder {
  readonly compression: CompressionCodec
  /** Records so far. */
  recordCount = 0
  private readonly level: number | undefined
  private readonly initialBytes: number
  private bytes: Buffer
  private length = HEADER_BYTES
  private baseTimestampMs = 0
  private maxTimestampMs = 0
  /** The batch as it was sealed, with room for the header; undefined while records are taken. */
  private sealed: Buffer | undefined
  private givenAway = false

  constructor(options: RecordBatchBuilderOptions = {}) {
    this.compression = options.compression ?? 'none'
    this.level = options.compressionLevel
    this.initialBytes = Math.max(options.initialBytes ?? INITIAL_BYTES, HEADER_BYTES)
    this.bytes = Buffer.allocUnsafeSlow(this.initialBytes)
  }

  /** Bytes of the batch so far, uncompressed, with its header. */
  get sizeBytes(): number {
    return this.length
  }

  get isEmpty(): boolean {
    return this.recordCount === 0
  }

  /** The timestamp of the first record. */
  get firstTimestampMs(): number {
    return this.baseTimestampMs
  }

  /**
   * Adds a record. A ByteWriter stands for the bytes written to it.
   *
   * `timestampMs` is a whole number of milliseconds.
   */
  append(
    timestampMs: number,
    key: ByteWriter | Uint8Array | null,
    value: ByteWriter | Uint8Array | null,
    headers: Headers = noHeaders,
  ): void {
    const first = this.recordCount === 0
    const delta = first ? 0 : timestampMs - this.baseTimestampMs
    const deltaFits = (delta | 0) === delta
    if (first || !deltaFits || this.sealed !== undefined) this.checkState(timestampMs)
    if (first) {
      this.baseTimestampMs = timestampMs
      this.maxTimestampMs = timestampMs
    } else if (timestampMs > this.maxTimestampMs) this.maxTimestampMs = timestampMs

    const keyBytes = key === null ? 0 : key.length
    const valueBytes = value === null ? 0 : value.length
    const keyCode = key === null ? 1 : keyBytes * 2
    const valueCode = value === null ? 1 : valueBytes * 2
    const deltaCode = deltaFits ? zigzag(delta) : 0
    const offsetCode = this.recordCount * 2
    const headersBytes = headers.length === 0 ? 1 : headersSize(headers)
    const size =
      1 +
      (deltaFits ? uvarintSize(deltaCode) : varlongSize(delta)) +
      uvarintSize(offsetCode) +
      uvarintSize(keyCode) +
      keyBytes +
      uvarintSize(valueCode) +
      valueBytes +
      headersBytes
    // Room for what a whole copy may write behind the last field.
    const needed = this.length + 5 + size + COPY_WHOLE_MAX
    if (needed > this.bytes.length) this.grow(needed)
    const bytes = this.bytes
    let at = writeUvarint(bytes, this.length, size * 2)
    bytes[at++] = 0
    at = deltaFits ? writeUvarint(bytes, at, deltaCode) : writeVarlong(bytes, at, delta)
    at = writeUvarint(bytes, at, offsetCode)
    at = writeUvarint(bytes, at, keyCode)
    if (keyBytes > 0) at = copyBytes(key as ByteWriter | Uint8Array, keyBytes, bytes, at)
    at = writeUvarint(bytes, at, valueCode)
    if (valueBytes > 0) at = copyBytes(value as ByteWriter | Uint8Array, valueBytes, bytes, at)
    if (headers.length === 0) bytes[at++] = 0
    else at = writeHeaders(headers, bytes, at)
    this.length = at
    this.recordCount++
  }

  /**
   * The batch. The memory belongs to the caller; later calls of `append` or `reset` do not touch it.
   *
   * May be called again with other numbers, for a retry: records and compression are kept, the header is new,
   * and so is the memory.
   */
  seal(options: SealOptions = {}): Buffer {
    invariant(this.recordCount > 0, 'a batch that is sealed has records')
    const first = this.sealed === undefined
    const body = this.sealed ?? this.finish()
    this.sealed = body
    const batch = first ? body : Buffer.from(body)
    const attributes =
      codecNumber(this.compression) |
      (options.transactional === true ? TRANSACTIONAL_BIT : 0) |
      (options.control === true ? CONTROL_BIT : 0)
    setBaseOffset(batch, 0, options.baseOffset ?? 0)
    setBatchLength(batch, 0, batch.length - PREFIX_BYTES)
    setPartitionLeaderEpoch(batch, 0, options.partitionLeaderEpoch ?? -1)
    batch[MAGIC_AT] = MAGIC
    setAttributes(batch, 0, attributes)
    setLastOffsetDelta(batch, 0, this.recordCount - 1)
    setBaseTimestamp(batch, 0, this.baseTimestampMs)
    setMaxTimestamp(batch, 0, this.maxTimestampMs)
    setProducer(batch, 0, {
      id: options.producerId ?? NO_PRODUCER_ID,
      epoch: options.producerEpoch ?? NO_PRODUCER_EPOCH,
      baseSequence: options.baseSequence ?? NO_SEQUENCE,
    })
    setRecordCount(batch, 0, this.recordCount)
    writeCrc(batch, 0, batch.length)
    return batch
  }

  /** Forgets all records. */
  reset(): void {
    if (this.givenAway) this.bytes = Buffer.allocUnsafeSlow(this.initialBytes)
    this.givenAway = false
    this.sealed = undefined
    this.recordCount = 0
    this.length = HEADER_BYTES
  }

  /** The records as they are sent, behind room for the header. */
  private finish(): Buffer {
    if (this.compression !== 'none') {
      const payload = compress(this.compression, this.bytes.subarray(HEADER_BYTES, this.length), this.level)
      const batch = Buffer.allocUnsafeSlow(HEADER_BYTES + payload.length)
      batch.set(payload, HEADER_BYTES)
      return batch
    }
    const batch = this.bytes.subarray(0, this.length)
    // A small batch must not hold on to a large memory while it waits to be sent.
    if (this.length < this.bytes.length / 2) return Buffer.from(batch)
    this.givenAway = true
    return batch
  }

  private checkState(timestampMs: number): void {
    invariant(this.sealed === undefined, 'no record is added to a sealed batch')
    invariant(Number.isSafeInteger(timestampMs), 'a timestamp is a whole number of milliseconds')
  }

  private grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }
}

/** Copies the first `count` bytes and returns where the next field goes. */
function copyBytes(from: ByteWriter | Uint8Array, count: number, into: Buffer, at: number): number {
  const memory = from instanceof ByteWriter ? from.buffer : from
  if (count <= COPY_LOOP_MAX) for (let i = 0; i < count; i++) into[at + i] = memory[i]!
  else if (memory.length <= COPY_WHOLE_MAX || memory.length === count) into.set(memory, at)
  else into.set(memory.subarray(0, count), at)
  return at + count
}
