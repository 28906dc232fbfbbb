/**
 * A growing buffer to which values are appended, big-endian as in Kafka's protocol.
 *
 * One writer is reused for many values: `clear()` keeps the memory. `bytes()` is a view that the next
 * write may overwrite; `take()` gives the memory away.
 */
import './buffer-methods.ts'
import { invariant } from './invariant.ts'

export class ByteWriter {
  /** The memory; only the first `length` bytes count. */
  buffer: Buffer
  length = 0
  private view: DataView

  constructor(initialBytes = 256) {
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
    this.view = new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.byteLength)
  }

  clear(): void {
    this.length = 0
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    const needed = this.length + count
    if (needed <= this.buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(grown, 0, 0, this.length)
    this.buffer = grown
    this.view = new DataView(grown.buffer, grown.byteOffset, grown.byteLength)
  }

  /** Moves the end on by `count` bytes of any content and returns where they start. */
  reserve(count: number): number {
    this.ensure(count)
    const start = this.length
    this.length += count
    return start
  }

  /** Cuts off everything from `length` on. */
  truncate(length: number): void {
    invariant(length >= 0 && length <= this.length, 'a writer is only ever cut shorter')
    this.length = length
  }

  int8(value: number): void {
    this.ensure(1)
    this.view.setInt8(this.length, value)
    this.length += 1
  }

  uint8(value: number): void {
    this.ensure(1)
    this.view.setUint8(this.length, value)
    this.length += 1
  }

  int16(value: number): void {
    this.ensure(2)
    this.view.setInt16(this.length, value)
    this.length += 2
  }

  uint16(value: number): void {
    this.ensure(2)
    this.view.setUint16(this.length, value)
    this.length += 2
  }

  int32(value: number): void {
    this.ensure(4)
    this.view.setInt32(this.length, value)
    this.length += 4
  }

  uint32(value: number): void {
    this.ensure(4)
    this.view.setUint32(this.length, value)
    this.length += 4
  }

  int64(value: bigint): void {
    this.ensure(8)
    this.view.setBigInt64(this.length, value)
    this.length += 8
  }

  /** A whole number within ±2^53 as 64 bits, without a bigint. */
  int64Number(value: number): void {
    this.ensure(8)
    this.setInt64Number(this.length, value)
    this.length += 8
  }

  float64(value: number): void {
    this.ensure(8)
    this.view.setFloat64(this.length, value)
    this.length += 8
  }

  setInt32(at: number, value: number): void {
    this.view.setInt32(at, value)
  }

  setUint32(at: number, value: number): void {
    this.view.setUint32(at, value)
  }

  setInt64Number(at: number, value: number): void {
    const high = Math.floor(value / 0x1_0000_0000)
    this.view.setInt32(at, high)
    this.view.setUint32(at + 4, value - high * 0x1_0000_0000)
  }

  /** Unsigned LEB128, at most 32 bits. */
  uvarint(value: number): void {
    this.ensure(5)
    let rest = value >>> 0
    while (rest > 0x7f) {
      this.buffer[this.length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.buffer[this.length++] = rest
  }

  /** Zigzag LEB128 of a 32-bit number. */
  varint(value: number): void {
    this.uvarint((value << 1) ^ (value >> 31))
  }

  /** Zigzag LEB128 of a whole number within ±2^53. */
  varlong(value: number): void {
    if (value >= -0x4000_0000 && value < 0x4000_0000) {
      this.varint(value)
      return
    }
    this.ensure(10)
    let rest = value >= 0 ? BigInt(value) << 1n : (BigInt(-value) << 1n) - 1n
    while (rest > 0x7fn) {
      this.buffer[this.length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.buffer[this.length++] = Number(rest)
  }

  /** Bytes `start` to `end` of `source`, without a length. */
  raw(source: Uint8Array, start = 0, end = source.length): void {
    const count = end - start
    this.ensure(count)
    if (start === 0 && end === source.length) this.buffer.set(source, this.length)
    else if (source instanceof Buffer) source.copy(this.buffer, this.length, start, end)
    else this.buffer.set(source.subarray(start, end), this.length)
    this.length += count
  }

  /** A text as UTF-8, without a length. Returns the number of bytes written. */
  utf8(text: string): number {
    this.ensure(text.length * 3)
    const written = this.buffer.utf8Write(text, this.length)
    this.length += written
    return written
  }

  /** What was written, as a view: valid until the next write or `clear()`. */
  bytes(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  /** A copy of what was written. */
  copy(): Buffer {
    return Buffer.from(this.bytes())
  }

  /** Gives the memory away with what was written, and starts anew with `initialBytes`. */
  take(initialBytes = 256): Buffer {
    const taken = this.bytes()
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
    this.view = new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.byteLength)
    this.length = 0
    return taken
  }
}
