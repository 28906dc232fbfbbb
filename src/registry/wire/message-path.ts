/**
 * Which message of a Protobuf file a record holds: its place among the file's messages, then its place among those
 * nested in that one, and so on. Zigzag varints behind a count; `[0]`, the first message, is written as one byte 0.
 */
import type { ByteReader } from '../../core/byte-reader.ts'
import { ByteWriter } from '../../core/byte-writer.ts'
import { MillraceError } from '../../core/errors.ts'

export type MessagePath = readonly number[]

const DEPTH_MAX = 100

export const firstMessage: MessagePath = [0]

export function messagePathBytes(path: MessagePath): Buffer {
  const writer = new ByteWriter(8)
  if (path.length === 1 && path[0] === 0) writer.uint8(0)
  else {
    writer.uvarint(path.length << 1)
    for (const index of path) writer.uvarint(index << 1)
  }
  return writer.take()
}

/** @throws MR_RECORD_INVALID, MR_BYTES_TRUNCATED, MR_BYTES_INVALID */
export function readMessagePath(reader: ByteReader): MessagePath {
  const count = reader.varint()
  if (count === 0) return firstMessage
  if (count < 0 || count > DEPTH_MAX)
    throw new MillraceError('MR_RECORD_INVALID', `the path to the message has ${count} steps`)
  return Array.from({ length: count }, () => reader.varint())
}
