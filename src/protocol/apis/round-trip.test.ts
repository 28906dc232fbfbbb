/**
 * Every message in every version reads back what was written: values are made from the tables themselves, with
 * nulls where they are allowed and tagged fields there or not. That the tables are right is another test's work
 * (test/wire/schemas.test.ts); this one holds for whatever a table says.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ByteReader } from '../../core/byte-reader.ts'
import { decodeMessage, encodeMessage } from '../codec/message.ts'
import { completeRequest, decodeRequest, encodeRequest, encodeRequestChunks } from '../codec/request.ts'
import { decodeRequestHeader } from '../codec/request-header.ts'
import {
  completeResponse,
  decodeResponse,
  decodeResponseHeader,
  encodeResponse,
  encodeResponseChunks,
} from '../codec/response.ts'
import { groupRecords, transactionRecords } from '../coordinator-records/register.ts'
import { messages } from '../messages/register.ts'
import { type Form, isNullable, layoutOf, type NamedField } from '../schema/layout.ts'
import type { AnyMessage } from '../schema/message.ts'
import { planOf } from '../schema/plan.ts'
import type { Fields, FieldType } from '../schema/types.ts'
import { apis } from './register.ts'

type Value = Record<string, unknown>

const integer = (min: number, max: number) => fc.integer({ min, max })
const smallBytes = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))
const largeBytes = fc.constant(Buffer.alloc(5000, 7))

function arbitraryOf(type: FieldType, form: Form): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean()
    case 'int8':
      return integer(-0x80, 0x7f)
    case 'int16':
      return integer(-0x8000, 0x7fff)
    case 'uint16':
      return integer(0, 0xffff)
    case 'int32':
      return integer(-0x8000_0000, 0x7fff_ffff)
    case 'uint32':
      return integer(0, 0xffff_ffff)
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    case 'float64':
      return fc.double()
    case 'string':
      return fc.oneof({ weight: 9, arbitrary: fc.string({ unit: 'binary' }) }, fc.constant('ü'.repeat(200)))
    case 'bytes':
    case 'records':
      return fc.oneof({ weight: 4, arbitrary: smallBytes }, largeBytes)
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes))
    case 'array':
      return fc.array(arbitraryOf(type.element, form), { maxLength: 3 })
    case 'struct':
      return structArbitrary(type.fields, form)
  }
}

function structArbitrary(fields: Fields, form: Form): fc.Arbitrary<Value> {
  const { plain, tagged } = layoutOf(fields, form)
  const one = ({ name, spec }: NamedField) => {
    const value = arbitraryOf(spec.type, form)
    return [name, isNullable(spec, form) ? fc.option(value, { freq: 3 }) : value] as const
  }
  return fc.record(Object.fromEntries([...plain, ...tagged].map(one)), {
    requiredKeys: plain.map((field) => field.name),
    noNullPrototype: true,
  })
}

function formOf(message: AnyMessage, version: number): Form {
  return { version, flexible: version >= message.flexibleFrom }
}

/** What decoding should give: the value, with the default for every field that it leaves out. */
function filled(fields: Fields, value: Value): Value {
  const entries = Object.entries(fields).map(([name, spec]) => {
    const given = value[name]
    if (given === undefined) return [name, spec.default]
    if (given === null) return [name, null]
    if (spec.type.kind === 'struct') return [name, filled(spec.type.fields, given as Value)]
    if (spec.type.kind === 'array' && spec.type.element.kind === 'struct') {
      const inner = spec.type.element.fields
      return [name, (given as Value[]).map((element) => filled(inner, element))]
    }
    return [name, given]
  })
  return Object.fromEntries(entries) as Value
}

function versionsOf(message: AnyMessage): number[] {
  const [first, last] = message.versions
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

const runs = { numRuns: 25 }

describe('messages in every version', () => {
  for (const api of apis) {
    it(`${api.name}: requests come back, in one piece and in chunks`, () => {
      for (const version of versionsOf(api.request)) {
        const value = structArbitrary(api.request.fields, formOf(api.request, version))
        const envelope = fc.record({
          correlationId: integer(-0x8000_0000, 0x7fff_ffff),
          clientId: fc.option(fc.string()),
        })
        fc.assert(
          fc.property(value, envelope, (body, sent) => {
            const frame = encodeRequest(api, version, sent, body)
            assert.deepEqual(Buffer.concat(encodeRequestChunks(api, version, sent, body)), frame)
            assert.equal(frame.readInt32BE(0), frame.length - 4)
            const reader = new ByteReader(frame, 4)
            assert.deepEqual(decodeRequestHeader(reader), { api, version, ...sent })
            const decoded = decodeRequest(api, version, reader)
            assert.equal(reader.remaining, 0)
            assert.deepEqual(decoded, filled(api.request.fields, body))
            assert.deepEqual(encodeRequest(api, version, sent, decoded), frame)
            assert.deepEqual(completeRequest(api, version, body), decoded)
          }),
          runs,
        )
      }
    })

    it(`${api.name}: responses come back, in one piece and in chunks`, () => {
      for (const version of versionsOf(api.response)) {
        const value = structArbitrary(api.response.fields, formOf(api.response, version))
        fc.assert(
          fc.property(value, integer(-0x8000_0000, 0x7fff_ffff), (body, correlationId) => {
            const frame = encodeResponse(api, version, correlationId, body)
            assert.deepEqual(Buffer.concat(encodeResponseChunks(api, version, correlationId, body)), frame)
            assert.equal(frame.readInt32BE(0), frame.length - 4)
            const reader = new ByteReader(frame, 4)
            assert.equal(decodeResponseHeader(api, version, reader), correlationId)
            const decoded = decodeResponse(api, version, reader)
            assert.equal(reader.remaining, 0)
            assert.deepEqual(decoded, filled(api.response.fields, body))
            assert.deepEqual(encodeResponse(api, version, correlationId, decoded), frame)
            assert.deepEqual(completeResponse(api, version, body), decoded)
          }),
          runs,
        )
      }
    })
  }

  const others = [
    ...messages,
    ...[...groupRecords, ...transactionRecords].flatMap(({ key, value }) => [key, value]),
  ]
  for (const message of new Set(others)) {
    it(`${message.name} comes back`, () => {
      for (const version of versionsOf(message)) {
        fc.assert(
          fc.property(structArbitrary(message.fields, formOf(message, version)), (value) => {
            const bytes = encodeMessage(message, version, value)
            const decoded = decodeMessage(message, version, bytes)
            assert.deepEqual(decoded, filled(message.fields, value))
            assert.deepEqual(encodeMessage(message, version, decoded), bytes)
            assert.deepEqual(planOf(message, version).complete(value), decoded)
          }),
          runs,
        )
      }
    })
  }

  it('has something to come back: nulls, tagged fields and large records are among the values', () => {
    const form = { version: 16, flexible: true }
    const fetch = apis.find((api) => api.name === 'Fetch')!
    const texts = fc
      .sample(structArbitrary(fetch.response.fields, form), { numRuns: 300, seed: 1 })
      .map((value) => ({
        value,
        partitions: (value['responses'] as Value[]).flatMap((topic) => topic['partitions'] as Value[]),
      }))
    const partitions = texts.flatMap((one) => one.partitions)
    assert.ok(texts.some(({ value }) => value['nodeEndpoints'] !== undefined))
    assert.ok(texts.some(({ value }) => value['nodeEndpoints'] === undefined))
    assert.ok(partitions.some((partition) => partition['records'] === null))
    assert.ok(partitions.some((partition) => (partition['records'] as Buffer | null)?.length === 5000))
    assert.ok(partitions.some((partition) => partition['divergingEpoch'] !== undefined))
  })
})
