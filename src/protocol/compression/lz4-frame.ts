/**
 * LZ4 frames (lz4_Frame_format.md) as Kafka wants them: independent blocks of 64 KiB, a header checksum, no
 * other checksums.
 *
 * Frames are read with linked blocks, content size and checksums too. Output grows block by block up to the
 * limit; no announced size is allocated. A skippable frame or one with a dictionary is refused.
 */
import { corrupt, tooLarge } from './codec.ts'
import { compressLz4Block, decompressLz4Block, lz4BlockSizeMax } from './lz4-block.ts'
import { xxhash32 } from './xxhash32.ts'

const FRAME_MAGIC = 0x184d2204
const BLOCK_BYTES = 64 * 1024
const UNCOMPRESSED_BIT = 0x8000_0000
/** Nothing in a block grows more than that: one byte of a match length stands for 255. */
const GROWTH_MAX = 256

/** Compresses into one frame. Faster than the native packages that npm has, and it cannot crash the process. */
export function compressLz4(bytes: Buffer): Buffer {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES)
  const into = Buffer.allocUnsafe(11 + blocks * (4 + lz4BlockSizeMax(BLOCK_BYTES)))
  into.writeUInt32LE(FRAME_MAGIC, 0)
  into[4] = 0x60
  into[5] = 0x40
  into[6] = xxhash32(into, 4, 6) >>> 8
  let at = 7
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const end = Math.min(bytes.length, start + BLOCK_BYTES)
    const written = compressLz4Block(bytes, start, end, into, at + 4)
    if (written - at - 4 < end - start) {
      into.writeUInt32LE(written - at - 4, at)
      at = written
    } else {
      into.writeUInt32LE(UNCOMPRESSED_BIT + (end - start), at)
      bytes.copy(into, at + 4, start, end)
      at += 4 + (end - start)
    }
  }
  into.writeUInt32LE(0, at)
  return into.subarray(0, at + 4)
}

interface FrameHeader {
  readonly end: number
  readonly independent: boolean
  readonly blockChecksums: boolean
  readonly contentChecksum: boolean
  readonly contentBytes: number
  readonly blockBytesMax: number
}

function readHeader(bytes: Buffer): FrameHeader {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== FRAME_MAGIC) throw corrupt('lz4', 'not a frame')
  const flags = bytes[4]!
  const blockSize = (bytes[5]! >> 4) & 7
  if (flags >> 6 !== 1 || (flags & 0x03) !== 0 || (bytes[5]! & 0x8f) !== 0 || blockSize < 4) {
    throw corrupt('lz4', 'a frame of a kind that is not read')
  }
  const hasSize = (flags & 0x08) !== 0
  const checksumAt = hasSize ? 14 : 6
  if (bytes.length <= checksumAt) throw corrupt('lz4', 'ends within the frame header')
  // Old Kafka clients took the magic into this checksum; format v2 never allows that.
  if (((xxhash32(bytes, 4, checksumAt) >>> 8) & 0xff) !== bytes[checksumAt]) {
    throw corrupt('lz4', 'the frame header does not match its checksum')
  }
  return {
    end: checksumAt + 1,
    independent: (flags & 0x20) !== 0,
    blockChecksums: (flags & 0x10) !== 0,
    contentChecksum: (flags & 0x04) !== 0,
    contentBytes: hasSize ? Number(bytes.readBigUInt64LE(6)) : -1,
    blockBytesMax: 1 << (8 + 2 * blockSize),
  }
}

/** An output that grows up to a limit. */
class Output {
  bytes: Buffer
  length = 0
  private readonly bytesMax: number

  constructor(initialBytes: number, bytesMax: number) {
    this.bytes = Buffer.allocUnsafe(Math.min(initialBytes, bytesMax))
    this.bytesMax = bytesMax
  }

  /** Makes room for up to `count` more bytes and returns where writing must end. */
  room(count: number): number {
    const wanted = Math.min(this.length + count, this.bytesMax)
    if (wanted > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.bytesMax, Math.max(wanted, this.bytes.length * 2)))
      this.bytes.copy(grown, 0, 0, this.length)
      this.bytes = grown
    }
    return wanted
  }
}

/** @throws MR_COMPRESSION_INVALID when the bytes are not a sound frame or grow past `bytesMax` */
export function decompressLz4(bytes: Buffer, bytesMax: number): Buffer {
  const header = readHeader(bytes)
  const out = new Output(Math.max(bytes.length * 4, 1024), bytesMax)
  let at = header.end
  for (;;) {
    if (bytes.length - at < 4) throw corrupt('lz4', 'ends before its end mark')
    const size = bytes.readUInt32LE(at)
    at += 4
    if (size === 0) break
    const length = size % UNCOMPRESSED_BIT
    const after = at + length + (header.blockChecksums ? 4 : 0)
    if (length > header.blockBytesMax || after > bytes.length)
      throw corrupt('lz4', `a block of ${length} bytes`)
    if (header.blockChecksums && xxhash32(bytes, at, at + length) !== bytes.readUInt32LE(at + length)) {
      throw corrupt('lz4', 'a block does not match its checksum')
    }
    readBlock(bytes, at, at + length, size >= UNCOMPRESSED_BIT, header, out, bytesMax)
    at = after
  }
  const content = out.bytes.subarray(0, out.length)
  if (header.contentBytes >= 0 && header.contentBytes !== out.length)
    throw corrupt('lz4', 'is not as long as it says')
  if (header.contentChecksum && (bytes.length - at < 4 || xxhash32(content) !== bytes.readUInt32LE(at))) {
    throw corrupt('lz4', 'the content does not match its checksum')
  }
  return content
}

function readBlock(
  bytes: Buffer,
  start: number,
  end: number,
  plain: boolean,
  header: FrameHeader,
  out: Output,
  bytesMax: number,
): void {
  if (plain) {
    if (end - start > bytesMax - out.length) throw tooLarge('lz4', bytesMax)
    out.room(end - start)
    bytes.copy(out.bytes, out.length, start, end)
    out.length += end - start
    return
  }
  const growth = Math.min(header.blockBytesMax, (end - start) * GROWTH_MAX)
  const limit = out.room(growth)
  const history = header.independent ? out.length : Math.max(0, out.length - 0xffff)
  const written = decompressLz4Block(bytes, start, end, out.bytes, out.length, limit, history)
  if (written < 0) {
    throw limit < out.length + growth ? tooLarge('lz4', bytesMax) : corrupt('lz4', 'a block is not sound')
  }
  out.length = written
}
