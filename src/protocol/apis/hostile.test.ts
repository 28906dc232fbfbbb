/**
 * Bytes that no correct peer sends: whatever they are, decoding ends with a value or a MillraceError, and its work is
 * bounded by the bytes that came. Work is counted (reads of the byte reader), not timed: every value that decoding
 * makes costs at least one read, so the count bounds time and memory alike.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ByteReader } from '../../core/byte-reader.ts'
import { isMillraceError } from '../../core/errors.ts'
import { encodeMessage, readMessage } from '../codec/message.ts'
import { decodeRequest, encodeRequest } from '../codec/request.ts'
import { decodeRequestHeader } from '../codec/request-header.ts'
import { groupRecords, transactionRecords } from '../coordinator-records/register.ts'
import { messages } from '../messages/register.ts'
import { type Form, layoutOf } from '../schema/layout.ts'
import type { AnyMessage } from '../schema/message.ts'
import type { Fields, FieldType } from '../schema/types.ts'
import { fetch } from './fetch.ts'
import { apis } from './register.ts'

/** Counts the reads; each one is a value, a length, or a tag. */
class CountingReader extends ByteReader {
  reads = 0

  override advance(count: number): number {
    this.reads += 1
    return super.advance(count)
  }
}

/** Reads that a byte may cost: most values take several bytes, an empty string or array one. */
const READS_PER_BYTE = 3
const READS_FREE = 64

const everything: readonly AnyMessage[] = [
  ...apis.flatMap((api) => [api.request, api.response]),
  ...messages,
  ...new Set([...groupRecords, ...transactionRecords].flatMap(({ key, value }) => [key, value])),
]

function versionsOf(message: AnyMessage): number[] {
  const [first, last] = message.versions
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

/** A value with something in every field that the version has. */
function sampleOf(type: FieldType, form: Form): unknown {
  switch (type.kind) {
    case 'bool':
      return true
    case 'int64':
      return 77n
    case 'string':
      return 'text'
    case 'bytes':
    case 'records':
      return Buffer.from([1, 2, 3])
    case 'uuid':
      return Buffer.alloc(16, 9)
    case 'array':
      return [sampleOf(type.element, form), sampleOf(type.element, form)]
    case 'struct':
      return sampleStruct(type.fields, form)
    default:
      return 5
  }
}

function sampleStruct(fields: Fields, form: Form): Record<string, unknown> {
  const { plain, tagged } = layoutOf(fields, form)
  return Object.fromEntries([...plain, ...tagged].map(({ name, spec }) => [name, sampleOf(spec.type, form)]))
}

function sampleBytes(message: AnyMessage, version: number): Buffer {
  const form = { version, flexible: version >= message.flexibleFrom }
  return encodeMessage(message, version, sampleStruct(message.fields, form))
}

/** Decodes and holds the outcome against the promise; returns the error, if there was one. */
function decode(message: AnyMessage, version: number, bytes: Buffer): unknown {
  const reader = new CountingReader(bytes)
  let failure: unknown
  try {
    readMessage(message, version, reader)
  } catch (error) {
    const named = isMillraceError(error, 'MR_BYTES_TRUNCATED') || isMillraceError(error, 'MR_BYTES_INVALID')
    if (!named) throw error
    failure = error
  }
  assert.ok(
    reader.reads <= bytes.length * READS_PER_BYTE + READS_FREE,
    `${message.name} v${version}: ${reader.reads} reads for ${bytes.length} bytes`,
  )
  return failure
}

/** Written over what is there: as an int32, an int16, and as the most negative ones. */
const fixedLengths = [
  [0x7f, 0xff, 0xff, 0xff],
  [0x7f, 0xff],
  [0x80, 0, 0, 0],
  [0xff, 0xfe],
].map((b) => Buffer.from(b))
/** In place of one byte: compact lengths of 2^31 - 1 and 2^32 - 1, and one that has more than 32 bits. */
const compactLengths = [0x07, 0x0f, 0xff].map((last) => Buffer.from([0xff, 0xff, 0xff, 0xff, last]))

describe('hostile bytes', () => {
  for (const message of everything) {
    it(`${message.name}: cut off at any byte, it is refused`, () => {
      for (const version of versionsOf(message)) {
        const bytes = sampleBytes(message, version)
        assert.equal(decode(message, version, bytes), undefined)
        for (let end = 0; end < bytes.length; end++) {
          const cut = decode(message, version, bytes.subarray(0, end))
          assert.ok(isMillraceError(cut), `v${version} cut at ${end} of ${bytes.length}`)
        }
      }
    })

    it(`${message.name}: a length of 2^31-1 at any place costs no more than the bytes that are there`, () => {
      for (const version of versionsOf(message)) {
        const bytes = sampleBytes(message, version)
        for (let at = 0; at < bytes.length; at++) {
          for (const length of fixedLengths) {
            const replaced = Buffer.from(bytes)
            length.copy(replaced, at)
            decode(message, version, replaced)
          }
          for (const length of compactLengths) {
            decode(message, version, Buffer.concat([bytes.subarray(0, at), length, bytes.subarray(at + 1)]))
          }
        }
      }
    })

    it(`${message.name}: noise and repeated bytes are read in linear work`, () => {
      const fills = [0x00, 0x01, 0x02, 0x03, 0x7f, 0x80, 0xff].map((byte) => Buffer.alloc(4096, byte))
      for (const version of versionsOf(message)) {
        for (const fill of fills) decode(message, version, fill)
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
            decode(message, version, Buffer.from(noise))
          }),
          { numRuns: 10 },
        )
      }
    })
  }

  it('an array with the most elements that its bytes can hold is read in linear work', () => {
    for (const message of everything) {
      for (const version of versionsOf(message)) {
        const bytes = sampleBytes(message, version)
        // Every length prefix in turn announces what the rest of 64 KiB of zeros can hold as one-byte elements.
        for (let at = 0; at < Math.min(bytes.length, 64); at++) {
          const head = bytes.subarray(0, at)
          decode(
            message,
            version,
            Buffer.concat([head, Buffer.from([0x81, 0x80, 0x01]), Buffer.alloc(65_536)]),
          )
          decode(message, version, Buffer.concat([head, Buffer.from([0, 0, 0x40, 0]), Buffer.alloc(65_536)]))
        }
      }
    }
  })

  it('mutated request frames give a value or MR_PROTOCOL_REQUEST_INVALID or MR_PROTOCOL_VERSION_UNSUPPORTED', () => {
    const frames = apis.flatMap((api) =>
      versionsOf(api.request).map((version) => {
        const form = { version, flexible: version >= api.flexibleFrom }
        const body = sampleStruct(api.request.fields, form)
        return encodeRequest(api, version, { correlationId: 1, clientId: 'client' }, body)
      }),
    )
    const mutation = fc.record({ at: fc.nat(400), byte: fc.nat(255) })
    fc.assert(
      fc.property(
        fc.constantFrom(...frames),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        (frame, mutations) => {
          const bytes = Buffer.from(frame)
          for (const { at, byte } of mutations) bytes[4 + (at % (bytes.length - 4))] = byte
          const reader = new CountingReader(bytes, 4)
          try {
            const { api, version } = decodeRequestHeader(reader)
            decodeRequest(api, version, reader)
          } catch (error) {
            const named =
              isMillraceError(error, 'MR_PROTOCOL_REQUEST_INVALID') ||
              isMillraceError(error, 'MR_PROTOCOL_VERSION_UNSUPPORTED')
            if (!named) throw error
          }
          assert.ok(reader.reads <= bytes.length * READS_PER_BYTE + READS_FREE)
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('says which field cannot be read', () => {
    const bytes = sampleBytes(fetch.request, 12)
    bytes[bytes.indexOf('text') - 1] = 0
    assert.throws(
      () => decodeRequest(fetch, 12, new ByteReader(bytes)),
      (error) =>
        isMillraceError(error, 'MR_PROTOCOL_REQUEST_INVALID') &&
        error.where === 'FetchRequest v12, field "topics.topic"' &&
        error.message === '"topics.topic" is null' &&
        isMillraceError(error.cause, 'MR_BYTES_INVALID'),
    )
  })

  it('counts the elements that fit before it reads the first one', () => {
    const bytes = Buffer.alloc(1024)
    const body = encodeMessage(fetch.request, 4, { maxWaitMs: 1, minBytes: 1, topics: [] })
    body.copy(bytes)
    bytes.writeInt32BE(0x7fff_ffff, body.length - 4)
    const reader = new CountingReader(bytes)
    assert.throws(
      () => readMessage(fetch.request, 4, reader),
      (error) => isMillraceError(error, 'MR_BYTES_TRUNCATED') && error.where === 'topics',
    )
    assert.equal(reader.at, body.length, 'nothing behind the length was read')
  })
})
