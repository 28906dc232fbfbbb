/**
 * Reads values from bytes that may be hostile: every read checks that the bytes are there.
 *
 * Big-endian as in Kafka's protocol. No read allocates by a length that was only announced.
 */
import './buffer-methods.ts'
import { MillraceError } from './errors.ts'

export class ByteReader {
  readonly buffer: Buffer
  /** Where the next value starts. */
  at: number
  readonly end: number
  private readonly view: DataView

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.view = new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.byteLength)
    this.at = start
    this.end = end
  }

  get remaining(): number {
    return this.end - this.at
  }

  /** Moves on by `count` bytes and returns where they start. @throws MR_BYTES_TRUNCATED */
  advance(count: number): number {
    const start = this.at
    if (count < 0 || count > this.end - start) {
      throw new MillraceError(
        'MR_BYTES_TRUNCATED',
        `${count} bytes announced at ${start}, ${this.end - start} left`,
      )
    }
    this.at = start + count
    return start
  }

  int8(): number {
    return this.view.getInt8(this.advance(1))
  }

  uint8(): number {
    return this.view.getUint8(this.advance(1))
  }

  int16(): number {
    return this.view.getInt16(this.advance(2))
  }

  uint16(): number {
    return this.view.getUint16(this.advance(2))
  }

  int32(): number {
    return this.view.getInt32(this.advance(4))
  }

  uint32(): number {
    return this.view.getUint32(this.advance(4))
  }

  int64(): bigint {
    return this.view.getBigInt64(this.advance(8))
  }

  float64(): number {
    return this.view.getFloat64(this.advance(8))
  }

  /** Unsigned LEB128 of at most 32 bits. @throws MR_BYTES_INVALID when it is longer */
  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.uint8()
      if (shift === 28 && byte > 0x0f) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new MillraceError('MR_BYTES_INVALID', `a varint of more than 32 bits ends at ${this.at}`)
  }

  /** Zigzag LEB128 of 32 bits. */
  varint(): number {
    const raw = this.uvarint()
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** Zigzag LEB128 of 64 bits. @throws MR_BYTES_INVALID when it does not fit 53 bits */
  varlong(): number {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.uint8()
      const bits = byte & 0x7f
      if (shift < 28) low += bits * 2 ** shift
      else high += bits * 2 ** (shift - 28)
      if (byte < 0x80) {
        // raw = low + high * 2^28; zigzag: even numbers are not negative.
        const odd = low % 2 === 1
        const half = (low - (odd ? 1 : 0)) / 2 + high * 2 ** 27
        if (half > Number.MAX_SAFE_INTEGER) break
        return odd ? -half - 1 : half
      }
    }
    throw new MillraceError('MR_BYTES_INVALID', `a varlong of more than 53 bits ends at ${this.at}`)
  }

  /** A view of the next `count` bytes; it shares memory with the source. */
  bytes(count: number): Buffer {
    const start = this.advance(count)
    return this.buffer.subarray(start, start + count)
  }

  /** The next `count` bytes as UTF-8 text. */
  utf8(count: number): string {
    const start = this.advance(count)
    return this.buffer.utf8Slice(start, start + count)
  }
}
