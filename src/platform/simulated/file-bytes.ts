/** The bytes of a simulated file, growing as it is written. */
export class FileBytes {
  private buffer: Buffer
  private count: number

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.buffer = Buffer.from(bytes)
    this.count = bytes.length
  }

  get length(): number {
    return this.count
  }

  read(into: Uint8Array, at: number, count: number, position: number): number {
    const there = Math.max(0, Math.min(count, this.count - position))
    into.set(this.buffer.subarray(position, position + there), at)
    return there
  }

  /** A gap between the end of the file and `position` reads as zeros. */
  write(bytes: Uint8Array, position: number): void {
    this.resize(Math.max(this.count, position + bytes.length))
    this.buffer.set(bytes, position)
  }

  /** Cuts the file, or grows it with zeros. */
  resize(length: number): void {
    if (length > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(length, this.buffer.length * 2, 512))
      this.buffer.copy(larger, 0, 0, this.count)
      this.buffer = larger
    }
    if (length < this.count) this.buffer.fill(0, length, this.count)
    this.count = length
  }

  flipBit(bit: number): void {
    const at = bit >> 3
    if (at < this.count) this.buffer[at] = this.buffer[at]! ^ (1 << (bit & 7))
  }

  clone(): FileBytes {
    return new FileBytes(this.buffer.subarray(0, this.count))
  }
}
