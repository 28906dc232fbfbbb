/** The compression codecs of Kafka, in the order of their numbers in a batch's attributes. */
import { MillraceError } from '../../core/errors.ts'

export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type CompressionCodec = (typeof codecs)[number]

/** The number of a codec in a batch's attributes. */
export const codecNumber = (codec: CompressionCodec): number => codecs.indexOf(codec)

/** @throws MR_COMPRESSION_UNSUPPORTED for a number that Kafka has not given to a codec */
export function codecOfNumber(number: number): CompressionCodec {
  const codec = codecs[number]
  if (codec === undefined) {
    throw new MillraceError('MR_COMPRESSION_UNSUPPORTED', `no compression codec has the number ${number}`)
  }
  return codec
}

/** The error for compressed bytes that cannot be read. */
export function corrupt(codec: CompressionCodec, what: string, cause?: unknown): MillraceError {
  return new MillraceError(
    'MR_COMPRESSION_INVALID',
    `${codec}: ${what}`,
    cause === undefined ? {} : { cause },
  )
}

/** The error for compressed bytes that grow past their limit: a decompression bomb, or a limit set too low. */
export function tooLarge(codec: CompressionCodec, bytesMax: number): MillraceError {
  return new MillraceError('MR_COMPRESSION_INVALID', `${codec}: grows past the limit of ${bytesMax} bytes`, {
    hint: 'Raise max.message.bytes of the topic if the data is meant to be that large; 16 times as much may come out.',
    context: { bytesMax },
  })
}
