/**
 * Single messages without a frame: bytes that stand inside a request or a record.
 *
 * The `Versioned` forms put the version in front as an int16, as the consumer protocol, the coordinators'
 * records and control records do.
 */
import { ByteReader } from '../../core/byte-reader.ts'
import type { AnyMessage, InputOf, ValueOf } from '../schema/message.ts'
import { planOf } from '../schema/plan.ts'
import { FrameWriter } from './frame-writer.ts'

const frame = new FrameWriter()

/** The bytes of `value`. @throws MR_PROTOCOL_VALUE_INVALID, MR_PROTOCOL_FIELD_UNSUPPORTED */
export function encodeMessage<M extends AnyMessage>(message: M, version: number, value: InputOf<M>): Buffer {
  const plan = planOf(message, version)
  frame.start()
  plan.write(frame, value)
  return frame.toBuffer()
}

/**
 * Reads one message where `reader` stands; bytes after it are left.
 * @throws MR_BYTES_TRUNCATED, MR_BYTES_INVALID with the field's path as `where`
 */
export function readMessage<M extends AnyMessage>(
  message: M,
  version: number,
  reader: ByteReader,
): ValueOf<M> {
  return planOf(message, version).read(reader) as ValueOf<M>
}

export function decodeMessage<M extends AnyMessage>(
  message: M,
  version: number,
  bytes: Uint8Array,
): ValueOf<M> {
  return readMessage(message, version, new ByteReader(bytes))
}

/** The version as an int16, then the bytes of `value`. */
export function encodeVersioned<M extends AnyMessage>(
  message: M,
  version: number,
  value: InputOf<M>,
): Buffer {
  const plan = planOf(message, version)
  frame.start()
  frame.out.int16(version)
  plan.write(frame, value)
  return frame.toBuffer()
}

/** The version that stands in front of a versioned message. */
export function versionOf(bytes: Uint8Array): number {
  return new ByteReader(bytes).int16()
}

/**
 * Reads a message with its version in front.
 *
 * With `newer: 'as-highest'` a version above the table's is read as the table's last, which is how the
 * consumer protocol evolves: newer versions only append. Otherwise it throws.
 * @throws MR_PROTOCOL_VERSION_UNSUPPORTED, MR_BYTES_TRUNCATED, MR_BYTES_INVALID
 */
export function decodeVersioned<M extends AnyMessage>(
  message: M,
  bytes: Uint8Array,
  options: { readonly newer?: 'as-highest' } = {},
): ValueOf<M> {
  const reader = new ByteReader(bytes)
  const announced = reader.int16()
  const highest = message.versions[1]
  const version = options.newer === 'as-highest' && announced > highest ? highest : announced
  return readMessage(message, version, reader)
}
