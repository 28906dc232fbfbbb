/**
 * Cuts a stream of bytes into frames: four bytes of length, then as many bytes.
 *
 * 1. `push(chunk)` lends a chunk; `next()` hands out frame after frame, as views of the chunk where a frame lies
 *    in it whole, else of memory that the assembler holds.
 * 2. `keep()` copies what was not handed out, because the chunk is only lent.
 *
 * Held memory grows with the bytes that came, never to a length that was only announced.
 */
import { MillraceError } from '../../core/errors.ts'

const LENGTH_BYTES = 4
const FIRST_HELD_BYTES = 4096

const none: Buffer = Buffer.alloc(0)

export class FrameAssembler {
  /** The largest frame that may be announced. */
  frameBytesMax: number
  private chunk: Buffer = none
  private chunkAt = 0
  private held: Buffer = none
  private heldStart = 0
  private heldEnd = 0

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax
  }

  /** Memory that is held for frames not yet handed out. */
  get heldBytes(): number {
    return this.held.length
  }

  /** True while a frame has begun and is not whole; call after `next()` gave undefined. */
  get isMidFrame(): boolean {
    return this.heldEnd > this.heldStart || this.chunkAt < this.chunk.length
  }

  push(chunk: Buffer): void {
    this.chunk = chunk
    this.chunkAt = 0
  }

  /**
   * The next whole frame without its length, valid until the next call; undefined when more bytes are needed.
   *
   * @throws MR_LIMIT when a frame announces an illegal length
   */
  next(): Buffer | undefined {
    return this.heldEnd > this.heldStart ? this.nextHeld() : this.nextLent()
  }

  /** Copies what is left of the chunk. */
  keep(): void {
    const { chunk, chunkAt } = this
    if (chunkAt < chunk.length) this.hold(chunk.length - chunkAt)
    else if (this.heldStart === this.heldEnd) this.held = none
    this.chunk = none
    this.chunkAt = 0
  }

  private nextLent(): Buffer | undefined {
    // The last held frame is done with.
    this.held = none
    this.heldStart = 0
    this.heldEnd = 0
    const { chunk, chunkAt } = this
    if (chunk.length - chunkAt < LENGTH_BYTES) return undefined
    const end = chunkAt + LENGTH_BYTES + this.checkedLength(chunk.readInt32BE(chunkAt))
    if (end > chunk.length) return undefined
    this.chunkAt = end
    return chunk.subarray(chunkAt + LENGTH_BYTES, end)
  }

  private nextHeld(): Buffer | undefined {
    if (!this.holdUpTo(LENGTH_BYTES)) return undefined
    const length = this.checkedLength(this.held.readInt32BE(this.heldStart))
    if (!this.holdUpTo(LENGTH_BYTES + length)) return undefined
    const start = this.heldStart + LENGTH_BYTES
    this.heldStart = start + length
    return this.held.subarray(start, start + length)
  }

  /** Takes bytes from the chunk until `count` are held; false when the chunk has too few. */
  private holdUpTo(count: number): boolean {
    const missing = count - (this.heldEnd - this.heldStart)
    if (missing <= 0) return true
    const present = Math.min(missing, this.chunk.length - this.chunkAt)
    if (present > 0) this.hold(present)
    return present === missing
  }

  private hold(count: number): void {
    if (this.heldEnd + count > this.held.length) this.makeRoom(count)
    this.chunk.copy(this.held, this.heldEnd, this.chunkAt, this.chunkAt + count)
    this.chunkAt += count
    this.heldEnd += count
  }

  private makeRoom(count: number): void {
    const present = this.heldEnd - this.heldStart
    const needed = present + count
    const limit = this.frameBytesMax + LENGTH_BYTES
    const size = Math.max(needed, Math.min(Math.max(this.held.length * 2, FIRST_HELD_BYTES), limit))
    const grown = Buffer.allocUnsafeSlow(size)
    this.held.copy(grown, 0, this.heldStart, this.heldEnd)
    this.held = grown
    this.heldStart = 0
    this.heldEnd = present
  }

  private checkedLength(length: number): number {
    if (length > 0 && length <= this.frameBytesMax) return length
    throw new MillraceError(
      'MR_LIMIT',
      `a request of ${length} bytes; legal are 1 to ${this.frameBytesMax}`,
      {
        hint: 'Raise socket.request.max.bytes if requests are meant to be that large.',
      },
    )
  }
}
