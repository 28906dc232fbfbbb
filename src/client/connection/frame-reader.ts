/**
 * Cuts a stream of bytes into frames: 4 bytes of length, then that many bytes.
 *
 * Each frame gets memory of its own, so what is decoded from it (record batches) can be kept as views. The length
 * is limited before anything is allocated by it.
 */
import { MillraceError } from '../../core/errors.ts'

const LENGTH_BYTES = 4
/** Smaller frames share memory of Node's pool. */
const POOLED_BYTES_MAX = 4096

export class FrameReader {
  private readonly frameBytesMax: number
  private readonly onFrame: (frame: Buffer) => void
  private length = 0
  private lengthBytes = 0
  private frame: Buffer | undefined
  private filled = 0

  constructor(frameBytesMax: number, onFrame: (frame: Buffer) => void) {
    this.frameBytesMax = frameBytesMax
    this.onFrame = onFrame
  }

  /** Takes bytes; they may be overwritten afterwards. @throws MR_LIMIT, and what `onFrame` throws */
  push(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      if (this.frame === undefined) {
        at = this.readLength(bytes, at)
        continue
      }
      const count = Math.min(bytes.length - at, this.length - this.filled)
      bytes.copy(this.frame, this.filled, at, at + count)
      at += count
      this.filled += count
      this.finishIfFull()
    }
  }

  private readLength(bytes: Buffer, start: number): number {
    let at = start
    while (this.lengthBytes < LENGTH_BYTES && at < bytes.length) {
      this.length = (this.length << 8) | bytes[at++]!
      this.lengthBytes++
    }
    if (this.lengthBytes < LENGTH_BYTES) return at
    const { length } = this
    if (length < 0 || length > this.frameBytesMax) {
      throw new MillraceError('MR_LIMIT', `a frame of ${length} bytes was announced`, {
        hint: `At most ${this.frameBytesMax} bytes are taken; does the port speak Kafka's protocol, without TLS?`,
      })
    }
    this.frame = length <= POOLED_BYTES_MAX ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length)
    this.filled = 0
    this.finishIfFull()
    return at
  }

  private finishIfFull(): void {
    const { frame } = this
    if (frame === undefined || this.filled < this.length) return
    this.frame = undefined
    this.length = 0
    this.lengthBytes = 0
    this.onFrame(frame)
  }
}
