/**
 * Many records in little memory: bytes in chunks, everything else in typed arrays by the record's index.
 *
 * A record's key and value lie together in one chunk. Nothing is allocated per record but headers that are not shared.
 */
import { crc32 } from 'node:zlib'
import { MillraceError } from '../../core/errors.ts'
import type { Headers } from '../../core/record.ts'
import { formatSize } from '../../core/size.ts'

const CHUNK_BYTES = 4 * 2 ** 20
const CAPACITY_FIRST = 4096
/** Of the typed arrays below, per record. */
const INDEX_BYTES = 8 + 4 + 4 + 4 + 4 + 4 + 2
/** What headers of their own cost a record, about. */
const HEADERS_BYTES = 200

export class RecordArena {
  count = 0
  /** Of chunks and indexes. */
  bytes = 0
  times = new Float64Array(CAPACITY_FIRST)
  private readonly bytesMax: number
  private readonly chunks: Buffer[] = []
  private readonly headers: Headers[] = []
  private chunkUsed = CHUNK_BYTES
  private chunkOf = new Uint32Array(CAPACITY_FIRST)
  private startOf = new Uint32Array(CAPACITY_FIRST)
  /** -1 for a null key. */
  private keyLengthOf = new Int32Array(CAPACITY_FIRST)
  private valueLengthOf = new Uint32Array(CAPACITY_FIRST)
  private headersOf = new Uint32Array(CAPACITY_FIRST)
  /** Twice the channel's number, plus one if it is optional. */
  private channelOf = new Uint16Array(CAPACITY_FIRST)

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** Adds a record and returns its index. `keyStart` is -1 for a null key. @throws MR_LIMIT */
  add(
    bytes: Buffer,
    record: {
      readonly timestampMs: number
      readonly keyStart: number
      readonly keyEnd: number
      readonly valueStart: number
      readonly valueEnd: number
      readonly headers: Headers
    },
    channel: { readonly number: number; readonly required: boolean },
  ): number {
    const keyLength = record.keyStart < 0 ? -1 : record.keyEnd - record.keyStart
    const keyBytes = Math.max(0, keyLength)
    const valueLength = record.valueEnd - record.valueStart
    const index = this.count
    if (index === this.times.length) this.grow()
    this.bytes += INDEX_BYTES
    const chunk = this.chunkFor(keyBytes + valueLength)
    const start = this.chunkUsed
    if (keyBytes > 0) bytes.copy(chunk, start, record.keyStart, record.keyEnd)
    bytes.copy(chunk, start + keyBytes, record.valueStart, record.valueEnd)
    this.chunkUsed += keyBytes + valueLength
    this.times[index] = record.timestampMs
    this.chunkOf[index] = this.chunks.length - 1
    this.startOf[index] = start
    this.keyLengthOf[index] = keyLength
    this.valueLengthOf[index] = valueLength
    this.headersOf[index] = this.internHeaders(record.headers)
    this.channelOf[index] = channel.number * 2 + (channel.required ? 0 : 1)
    this.count++
    return index
  }

  channel(index: number): number {
    return this.channelOf[index]! >> 1
  }

  isRequired(index: number): boolean {
    return (this.channelOf[index]! & 1) === 0
  }

  /** Views into the arena. */
  record(index: number): { readonly key: Buffer | null; readonly value: Buffer; readonly headers: Headers } {
    const chunk = this.chunks[this.chunkOf[index]!]!
    const start = this.startOf[index]!
    const keyLength = this.keyLengthOf[index]!
    const valueStart = start + Math.max(0, keyLength)
    return {
      key: keyLength < 0 ? null : chunk.subarray(start, valueStart),
      value: chunk.subarray(valueStart, valueStart + this.valueLengthOf[index]!),
      headers: this.headers[this.headersOf[index]!]!,
    }
  }

  /** Stands for times, channels and sizes of all records and their order; not for ids that change with each run. */
  digest(): string {
    const { count } = this
    const arrays = [this.times, this.channelOf, this.keyLengthOf, this.valueLengthOf]
    const checksum = arrays.reduce((crc, array) => crc32(bytesOf(array.subarray(0, count)), crc), 0)
    return `${count}-${checksum.toString(16).padStart(8, '0')}`
  }

  private chunkFor(size: number): Buffer {
    const last = this.chunks.at(-1)
    if (last !== undefined && this.chunkUsed + size <= last.length) return last
    const length = Math.max(CHUNK_BYTES, size)
    this.bytes += length
    if (this.bytes > this.bytesMax) {
      throw new MillraceError(
        'MR_LIMIT',
        `the events to replay take more than ${formatSize(this.bytesMax)}`,
        {
          context: { replayBytesMax: this.bytesMax, records: this.count },
          hint: 'Raise replay.bytesMax, give the source fewer files at once, or run the agent without replay.',
        },
      )
    }
    const chunk = Buffer.allocUnsafeSlow(length)
    this.chunks.push(chunk)
    this.chunkUsed = 0
    return chunk
  }

  /** The events of a file mostly share their headers. */
  private internHeaders(headers: Headers): number {
    if (this.headers.at(-1) !== headers) {
      this.headers.push(headers)
      this.bytes += HEADERS_BYTES
    }
    return this.headers.length - 1
  }

  private grow(): void {
    const capacity = this.times.length * 2
    this.times = grown(this.times, new Float64Array(capacity))
    this.chunkOf = grown(this.chunkOf, new Uint32Array(capacity))
    this.startOf = grown(this.startOf, new Uint32Array(capacity))
    this.keyLengthOf = grown(this.keyLengthOf, new Int32Array(capacity))
    this.valueLengthOf = grown(this.valueLengthOf, new Uint32Array(capacity))
    this.headersOf = grown(this.headersOf, new Uint32Array(capacity))
    this.channelOf = grown(this.channelOf, new Uint16Array(capacity))
  }
}

type AnyArray =
  | Float64Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>

function grown<A extends AnyArray>(from: A, into: A): A {
  into.set(from)
  return into
}

function bytesOf(array: AnyArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
