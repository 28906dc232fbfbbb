/**
 * Compresses and decompresses what follows the header of a record batch.
 *
 * Decompression is bounded: by the caller's limit, and above 1 MiB by a ratio of 1000 : 1, so that a few bytes
 * from a stranger never cost much memory. Output comes in pieces; no announced size is allocated.
 */
import zlib from 'node:zlib'
import { MillraceError, messageOf } from '../../core/errors.ts'
import { type CompressionCodec, corrupt, tooLarge } from './codec.ts'
import { compressLz4, decompressLz4 } from './lz4-frame.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'

/** Up to here any ratio is allowed. */
const RATIO_FREE_BYTES = 1024 * 1024
const RATIO_MAX = 1000
const PIECE_BYTES = 64 * 1024

/** How far `compressedBytes` may grow when the caller allows `bytesMax`. */
export function decompressionLimit(compressedBytes: number, bytesMax: number): number {
  return Math.min(bytesMax, Math.max(RATIO_FREE_BYTES, compressedBytes * RATIO_MAX))
}

/** Compresses `bytes`. `level` is that of gzip (1 to 9) or zstd (1 to 22); the codec's default if not given. */
export function compress(codec: CompressionCodec, bytes: Buffer, level?: number): Buffer {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return zlib.gzipSync(bytes, level === undefined ? {} : { level })
    case 'snappy':
      return compressSnappy(bytes)
    case 'lz4':
      return compressLz4(bytes)
    case 'zstd':
      return zlib.zstdCompressSync(bytes, {
        params: level === undefined ? {} : { [zlib.constants.ZSTD_c_compressionLevel]: level },
      })
  }
}

/**
 * The bytes that `compress` was given.
 *
 * @throws MR_COMPRESSION_INVALID when they are not sound, or would be more than `bytesMax` or 1000 times as many
 */
export function decompress(codec: CompressionCodec, bytes: Buffer, bytesMax: number): Buffer {
  const limit = decompressionLimit(bytes.length, bytesMax)
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return inflate('gzip', limit, () =>
        zlib.gunzipSync(bytes, { maxOutputLength: limit, chunkSize: PIECE_BYTES }),
      )
    case 'snappy':
      return decompressSnappy(bytes, limit)
    case 'lz4':
      return decompressLz4(bytes, limit)
    case 'zstd':
      return inflate('zstd', limit, () =>
        zlib.zstdDecompressSync(bytes, { maxOutputLength: limit, chunkSize: PIECE_BYTES }),
      )
  }
}

function inflate(codec: CompressionCodec, limit: number, run: () => Buffer): Buffer {
  try {
    return run()
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(codec, limit)
    throw corrupt(codec, messageOf(cause), cause)
  }
}
