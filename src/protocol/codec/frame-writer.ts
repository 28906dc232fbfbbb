/**
 * Collects the bytes of one frame: small values in a buffer of its own, large byte values by reference.
 *
 * 1. `start()`; fields write to `out`; `bytes()` keeps a value of REFERENCE_FROM_BYTES or more as a reference
 *    with the place where it belongs (record bytes are not copied).
 * 2. `toChunks()` hands out the pieces in order, for a gathering write; `toBuffer()` joins them with one copy.
 *
 * Both copy what is in `out`, so one writer serves all frames. Not re-entrant: encoding never waits.
 */
import { ByteWriter } from '../../core/byte-writer.ts'
import { MillraceError } from '../../core/errors.ts'

const REFERENCE_FROM_BYTES = 4096
const INITIAL_BYTES = 4096
/** A writer that grew past this gives its memory back after the frame. */
const KEPT_BYTES_MAX = 1 << 20
const FRAME_BYTES_MAX = 0x7fff_ffff

export class FrameWriter {
  out = new ByteWriter(INITIAL_BYTES)
  private readonly places: number[] = []
  private readonly references: Uint8Array[] = []
  private referencedBytes = 0
  /** Over 0 inside a tagged field, whose size is only known afterwards: everything is copied there. */
  private taggedDepth = 0

  /** Begins anew; what was not taken is dropped. */
  start(): void {
    if (this.out.buffer.length > KEPT_BYTES_MAX) this.out = new ByteWriter(INITIAL_BYTES)
    else this.out.clear()
    this.dropReferences()
    this.taggedDepth = 0
  }

  /** Bytes of the frame so far. */
  get length(): number {
    return this.out.length + this.referencedBytes
  }

  /** Appends bytes without a length, by reference if they are large. */
  bytes(value: Uint8Array): void {
    if (value.length < REFERENCE_FROM_BYTES || this.taggedDepth > 0) {
      this.out.raw(value)
      return
    }
    this.places.push(this.out.length)
    this.references.push(value)
    this.referencedBytes += value.length
  }

  /** Begins a value whose size goes before it; `endTagged` takes what this returns. */
  beginTagged(): number {
    this.taggedDepth += 1
    return this.out.length
  }

  /** Puts the size of what was written since `begin` in front of it, as an unsigned varint. */
  endTagged(begin: number): void {
    const { out } = this
    const size = out.length - begin
    const prefixBytes = uvarintBytes(size)
    out.reserve(prefixBytes)
    out.buffer.copyWithin(begin + prefixBytes, begin, begin + size)
    out.truncate(begin)
    out.uvarint(size)
    out.reserve(size)
    this.taggedDepth -= 1
  }

  /** Writes how many bytes follow the four at `at`. */
  setLength(at: number): void {
    this.out.setInt32(at, this.checkedLength() - at - 4)
  }

  /** The frame in one piece. Large values are copied once. */
  toBuffer(): Buffer {
    const total = this.checkedLength()
    const { out, places, references } = this
    const frame = Buffer.allocUnsafe(total)
    let from = 0
    let at = 0
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!
      const reference = references[i]!
      out.buffer.copy(frame, at, from, place)
      at += place - from
      frame.set(reference, at)
      at += reference.length
      from = place
    }
    out.buffer.copy(frame, at, from, out.length)
    this.dropReferences()
    return frame
  }

  /** The frame in pieces. Large values are the caller's own bytes: they must not change until they are sent. */
  toChunks(): Buffer[] {
    this.checkedLength()
    const { places, references } = this
    const own = Buffer.allocUnsafe(this.out.length)
    this.out.buffer.copy(own, 0, 0, own.length)
    if (places.length === 0) return [own]
    const chunks: Buffer[] = []
    let from = 0
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!
      if (place > from) chunks.push(own.subarray(from, place))
      chunks.push(asBuffer(references[i]!))
      from = place
    }
    if (from < own.length) chunks.push(own.subarray(from))
    this.dropReferences()
    return chunks
  }

  private checkedLength(): number {
    const total = this.length
    if (total <= FRAME_BYTES_MAX) return total
    throw new MillraceError('MR_LIMIT', `a frame of ${total} bytes is more than the protocol can announce`)
  }

  private dropReferences(): void {
    this.places.length = 0
    this.references.length = 0
    this.referencedBytes = 0
  }
}

/** A Buffer over the same memory. */
export function asBuffer(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function uvarintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  return value < 0x1000_0000 ? 4 : 5
}
