/**
 * The bytes of a spooled file in pieces, unpacked if its name ends in `.gz`.
 *
 * The checksum is the CRC-32 of the file's bytes as they are on the disk. Pieces are never reused: events keep
 * views of them.
 */
import { crc32 } from 'node:zlib'
import type { MillraceError } from '../../core/errors.ts'
import type { Disk, DiskFile } from '../../platform/disk.ts'
import { PieceGunzip } from './gunzip.ts'

export const PIECE_BYTES = 64 * 1024

export function isPacked(name: string): boolean {
  return name.toLowerCase().endsWith('.gz')
}

export class FilePieces {
  /** Bytes read from the disk so far, and their checksum. */
  rawBytes = 0
  checksum = 0
  private readonly file: DiskFile
  private readonly gunzip: PieceGunzip | undefined
  private finished = false

  /** @throws MR_FILE_NOT_FOUND, MR_DISK_FAILED */
  constructor(disk: Disk, path: string) {
    this.file = disk.open(path, 'read')
    this.gunzip = isPacked(path) ? new PieceGunzip() : undefined
  }

  /** Set when the rest of the file cannot be unpacked; `next` then ends. */
  get damage(): MillraceError | undefined {
    return this.gunzip?.damage
  }

  /** The next bytes, at least one, or undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    while (!this.finished) {
      const raw = this.readRaw()
      this.finished = raw.length === 0
      const piece = await this.unpack(raw)
      if (piece.length > 0) return piece
    }
    return undefined
  }

  /** Reads on to the end of the file without unpacking, for the checksum. */
  readToEnd(): void {
    while (this.readRaw().length > 0);
    this.finished = true
  }

  close(): void {
    this.gunzip?.close()
    this.file.close()
  }

  private readRaw(): Buffer {
    const raw = Buffer.allocUnsafeSlow(PIECE_BYTES)
    const count = this.file.read(raw, 0, PIECE_BYTES, this.rawBytes)
    const piece = raw.subarray(0, count)
    this.rawBytes += count
    this.checksum = crc32(piece, this.checksum)
    return piece
  }

  private async unpack(raw: Buffer): Promise<Buffer> {
    if (this.gunzip === undefined) return raw
    return raw.length === 0 ? this.gunzip.finish() : this.gunzip.unpack(raw)
  }
}

/** The checksum of a file's first `count` bytes, and how many of them there are. */
export function checksumOfFile(
  disk: Disk,
  path: string,
  count = Number.POSITIVE_INFINITY,
): { readonly checksum: number; readonly bytes: number } {
  const file = disk.open(path, 'read')
  try {
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
    let checksum = 0
    let bytes = 0
    while (bytes < count) {
      const got = file.read(piece, 0, Math.min(PIECE_BYTES, count - bytes), bytes)
      if (got === 0) break
      checksum = crc32(piece.subarray(0, got), checksum)
      bytes += got
    }
    return { checksum, bytes }
  } finally {
    file.close()
  }
}
