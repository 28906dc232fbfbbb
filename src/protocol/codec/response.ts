/**
 * Response frames: 4 bytes of length, header, body. Answers come in the order of the requests, so a client
 * knows which API and version the next frame has; the correlation id only confirms it.
 */
import type { ByteReader } from '../../core/byte-reader.ts'
import { responseHeader, responseHeaderVersion } from '../apis/header.ts'
import type { AnyApi, ResponseInput, ResponseOf } from '../schema/message.ts'
import { planOf } from '../schema/plan.ts'
import { frameInvalid } from './errors.ts'
import { FrameWriter } from './frame-writer.ts'

const frame = new FrameWriter()

function writeResponse(api: AnyApi, version: number, correlationId: number, body: unknown): void {
  const plan = planOf(api.response, version)
  frame.start()
  const lengthAt = frame.out.reserve(4)
  planOf(responseHeader, responseHeaderVersion(api, version)).write(frame, { correlationId })
  plan.write(frame, body)
  frame.setLength(lengthAt)
}

/**
 * The whole frame in one Buffer; record bytes are copied once.
 * @throws MR_PROTOCOL_VERSION_UNSUPPORTED, MR_PROTOCOL_VALUE_INVALID, MR_PROTOCOL_FIELD_UNSUPPORTED, MR_LIMIT
 */
export function encodeResponse<A extends AnyApi>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseInput<A>,
): Buffer {
  writeResponse(api, version, correlationId, body)
  return frame.toBuffer()
}

/**
 * The frame in pieces, in order, for a gathering write: byte values of 4 KiB or more are the caller's own
 * memory, not copies, and must not change until they are sent. Throws as `encodeResponse`.
 */
export function encodeResponseChunks<A extends AnyApi>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseInput<A>,
): Buffer[] {
  writeResponse(api, version, correlationId, body)
  return frame.toChunks()
}

/**
 * Reads the header of the answer to a request of `api` in `version`, where `reader` stands after the length.
 * Returns the correlation id.
 * @throws MR_PROTOCOL_REQUEST_INVALID
 */
export function decodeResponseHeader(api: AnyApi, version: number, reader: ByteReader): number {
  const plan = planOf(responseHeader, responseHeaderVersion(api, version))
  try {
    return (plan.read(reader) as { correlationId: number }).correlationId
  } catch (error) {
    throw frameInvalid(error, responseHeader.name)
  }
}

/**
 * The body of a response, where `reader` stands after the header. Record bytes are views of the frame.
 * @throws MR_PROTOCOL_VERSION_UNSUPPORTED, MR_PROTOCOL_REQUEST_INVALID
 */
export function decodeResponse<A extends AnyApi>(api: A, version: number, reader: ByteReader): ResponseOf<A> {
  const plan = planOf(api.response, version)
  try {
    return plan.read(reader) as ResponseOf<A>
  } catch (error) {
    throw frameInvalid(error, api.response.name, version)
  }
}

/**
 * What the client would decode if `body` were answered in this version, without bytes between.
 * Byte values are handed over, not copied. Throws as `encodeResponse`.
 */
export function completeResponse<A extends AnyApi>(
  api: A,
  version: number,
  body: ResponseInput<A>,
): ResponseOf<A> {
  return planOf(api.response, version).complete(body) as ResponseOf<A>
}
