/**
 * Request frames: 4 bytes of length, header, body.
 *
 * A client encodes; a broker reads the header (`request-header.ts`) and then the body with `decodeRequest`.
 * `completeRequest` stands for encoding and decoding where both ends live in one process.
 */
import type { ByteReader } from '../../core/byte-reader.ts'
import { requestHeader, requestHeaderVersion } from '../apis/header.ts'
import type { AnyApi, RequestInput, RequestOf } from '../schema/message.ts'
import { planOf } from '../schema/plan.ts'
import { frameInvalid } from './errors.ts'
import { FrameWriter } from './frame-writer.ts'

export interface RequestEnvelope {
  /** Comes back in the answer. */
  readonly correlationId: number
  /** A name for the broker's logs and quotas. */
  readonly clientId: string | null
}

const frame = new FrameWriter()

function writeRequest(api: AnyApi, version: number, envelope: RequestEnvelope, body: unknown): void {
  const plan = planOf(api.request, version)
  frame.start()
  const lengthAt = frame.out.reserve(4)
  planOf(requestHeader, requestHeaderVersion(api, version)).write(frame, {
    requestApiKey: api.key,
    requestApiVersion: version,
    correlationId: envelope.correlationId,
    clientId: envelope.clientId,
  })
  plan.write(frame, body)
  frame.setLength(lengthAt)
}

/**
 * The whole frame in one Buffer; record bytes are copied once.
 * @throws MR_PROTOCOL_VERSION_UNSUPPORTED, MR_PROTOCOL_VALUE_INVALID, MR_PROTOCOL_FIELD_UNSUPPORTED, MR_LIMIT
 */
export function encodeRequest<A extends AnyApi>(
  api: A,
  version: number,
  envelope: RequestEnvelope,
  body: RequestInput<A>,
): Buffer {
  writeRequest(api, version, envelope, body)
  return frame.toBuffer()
}

/**
 * The frame in pieces, in order, for a gathering write: byte values of 4 KiB or more are the caller's own
 * memory, not copies, and must not change until they are sent. Throws as `encodeRequest`.
 */
export function encodeRequestChunks<A extends AnyApi>(
  api: A,
  version: number,
  envelope: RequestEnvelope,
  body: RequestInput<A>,
): Buffer[] {
  writeRequest(api, version, envelope, body)
  return frame.toChunks()
}

/**
 * The body of a request, where `reader` stands after the header. Record bytes are views of the frame.
 * Bytes after the body are left in the reader: Kafka ignores them.
 * @throws MR_PROTOCOL_VERSION_UNSUPPORTED, MR_PROTOCOL_REQUEST_INVALID
 */
export function decodeRequest<A extends AnyApi>(api: A, version: number, reader: ByteReader): RequestOf<A> {
  const plan = planOf(api.request, version)
  try {
    return plan.read(reader) as RequestOf<A>
  } catch (error) {
    throw frameInvalid(error, api.request.name, version)
  }
}

/**
 * What the broker would decode if `body` were sent in this version, without bytes between.
 * Byte values are handed over, not copied. Throws as `encodeRequest`.
 */
export function completeRequest<A extends AnyApi>(
  api: A,
  version: number,
  body: RequestInput<A>,
): RequestOf<A> {
  return planOf(api.request, version).complete(body) as RequestOf<A>
}
