/**
 * Snappy as Kafka's Java client writes it (xerial framing) and as librdkafka does (one raw block).
 *
 * ```
 * 82 'SNAPPY' 00 | version int32 = 1 | compatible int32 = 1 | { length int32 | raw block }*
 * ```
 * Blocks are compressed by `snappyjs`. They are decompressed here, because that library neither bounds its
 * output nor survives hostile input (a literal of a negative length makes it loop for ever).
 */
import snappyjs from 'snappyjs'
import { corrupt, tooLarge } from './codec.ts'

const FRAME_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const FRAME_HEADER_BYTES = 16
const BLOCK_BYTES = 32 * 1024
/** A copy of 64 bytes takes 3, so nothing grows more than that. */
const GROWTH_MAX = 22
const LOOP_BYTES_MAX = 24

/** Compresses into xerial's framing with blocks of 32 KiB, as Java does. */
export function compressSnappy(bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  FRAME_MAGIC.copy(header)
  header.writeInt32BE(1, 8)
  header.writeInt32BE(1, 12)
  const parts: Uint8Array[] = [header]
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const block = snappyjs.compress(bytes.subarray(start, Math.min(bytes.length, start + BLOCK_BYTES)))
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length, 0)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

/** @throws MR_COMPRESSION_INVALID when the bytes are not sound or grow past `bytesMax` */
export function decompressSnappy(bytes: Buffer, bytesMax: number): Buffer {
  if (bytes.length < FRAME_HEADER_BYTES || !bytes.subarray(0, 8).equals(FRAME_MAGIC)) {
    return decompressBlock(bytes, bytesMax)
  }
  const parts: Buffer[] = []
  let total = 0
  for (let at = FRAME_HEADER_BYTES; at < bytes.length; ) {
    if (bytes.length - at < 4) throw corrupt('snappy', 'ends within the length of a block')
    const length = bytes.readInt32BE(at)
    at += 4
    if (length <= 0 || length > bytes.length - at) throw corrupt('snappy', `a block of ${length} bytes`)
    const part = decompressBlock(bytes.subarray(at, at + length), bytesMax - total)
    parts.push(part)
    total += part.length
    at += length
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, total)
}

function decompressBlock(bytes: Buffer, bytesMax: number): Buffer {
  let length = 0
  let at = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]
    if (byte === undefined || shift > 28) throw corrupt('snappy', 'no length at the start')
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  if (length > bytesMax) throw tooLarge('snappy', bytesMax)
  if (length > bytes.length * GROWTH_MAX) throw corrupt('snappy', `${length} bytes announced`)
  const into = Buffer.allocUnsafe(length)
  if (decompressElements(bytes, at, into) !== length) throw corrupt('snappy', 'the block is not sound')
  return into
}

/** Bytes that follow a tag: the last ones of a long literal's length, or of a copy's distance. */
const copyExtraBytes = [0, 1, 2, 4]

/** Little-endian unsigned number of `count` bytes. */
function littleEndian(source: Buffer, at: number, count: number): number {
  let value = 0
  for (let i = count - 1; i >= 0; i--) value = value * 256 + source[at + i]!
  return value
}

/** Returns the number of bytes written, or -1. */
function decompressElements(source: Buffer, start: number, into: Buffer): number {
  const end = source.length
  const limit = into.length
  let from = start
  let next = 0
  while (from < end) {
    const tag = source[from++]!
    const kind = tag & 3
    let count = (tag >> 2) + 1
    if (kind === 0) {
      if (count > 60) {
        const lengthBytes = count - 60
        if (lengthBytes > end - from) return -1
        count = littleEndian(source, from, lengthBytes) + 1
        from += lengthBytes
      }
      if (count > end - from || count > limit - next) return -1
      if (count <= LOOP_BYTES_MAX) for (let i = 0; i < count; i++) into[next + i] = source[from + i]!
      else into.set(source.subarray(from, from + count), next)
      from += count
      next += count
      continue
    }
    const extra = copyExtraBytes[kind]!
    if (extra > end - from) return -1
    let distance: number
    if (kind === 1) {
      distance = ((tag & 0xe0) << 3) | source[from]!
      count = ((tag >> 2) & 7) + 4
    } else if (kind === 2) distance = source[from]! | (source[from + 1]! << 8)
    else distance = littleEndian(source, from, 4)
    from += extra
    if (distance === 0 || distance > next || count > limit - next) return -1
    for (let i = 0, match = next - distance; i < count; i++) into[next + i] = into[match + i]!
    next += count
  }
  return next
}
