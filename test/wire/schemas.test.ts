/**
 * Holds the tables of src/protocol/ against Kafka's own schema files (reference material, not part of this
 * repository): set MILLRACE_KAFKA_SCHEMAS to a folder with the JSON files of kafka-clients' `common/message/`.
 *
 * 1. Every file has a table and every table a file; key, versions and every field agree, in order.
 * 2. For each version, values made from the JSON are encoded by a small encoder that reads nothing but the JSON,
 *    and the bytes must be those of the tables.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { apis } from '../../src/protocol/apis/register.ts'
import { decodeMessage, encodeMessage } from '../../src/protocol/codec/message.ts'
import { messages } from '../../src/protocol/messages/register.ts'
import type { AnyApi, AnyMessage } from '../../src/protocol/schema/message.ts'
import type { Fields, FieldType } from '../../src/protocol/schema/types.ts'

interface JsonField {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly flexibleVersions?: string
  readonly default?: string | number | boolean | null
  readonly tag?: number
  readonly ignorable?: boolean
  readonly fields?: readonly JsonField[]
}

interface JsonMessage {
  readonly apiKey?: number
  readonly type: string
  readonly name: string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly latestVersionUnstable?: boolean
  readonly fields: readonly JsonField[]
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly JsonField[] }[]
}

type Range = readonly [first: number, last: number]
type Value = Readonly<Record<string, unknown>>

const repository = fileURLToPath(new URL('../..', import.meta.url))
const folder =
  process.env['MILLRACE_KAFKA_SCHEMAS'] ?? join(repository, '../shared/reference/kafka-message-schemas')
const skip = existsSync(folder) ? false : `no Kafka schema files in ${folder} (set MILLRACE_KAFKA_SCHEMAS)`

function loadSchemas(): JsonMessage[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const lines = readFileSync(join(folder, file), 'utf8').split('\n')
      return JSON.parse(lines.filter((line) => !line.trim().startsWith('//')).join('\n')) as JsonMessage
    })
}

const schemas = skip === false ? loadSchemas() : []

const nowhere: Range = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

function rangeOf(text: string | undefined): Range {
  if (text === undefined || text === 'none') return nowhere
  const [, first, open, last] = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text) ?? assert.fail(`not a range: ${text}`)
  return [Number(first), open ? Number.POSITIVE_INFINITY : Number(last ?? first)]
}

function clip(a: Range, b: Range): Range {
  const both: Range = [Math.max(a[0], b[0]), Math.min(a[1], b[1])]
  return both[0] <= both[1] ? both : nowhere
}

const within = (version: number, [first, last]: Range) => version >= first && version <= last
const lowerFirst = (name: string) => name.charAt(0).toLowerCase() + name.slice(1)

/** `[]Name` and `Name` both have the fields of `Name`. */
function fieldsOf(message: JsonMessage, field: JsonField): readonly JsonField[] | undefined {
  const base = field.type.replace('[]', '')
  if (!/^[A-Z]/.test(base)) return undefined
  return field.fields ?? message.commonStructs?.find((struct) => struct.name === base)?.fields
}

function tableOf(schema: JsonMessage): { message: AnyMessage; api: AnyApi | undefined } {
  const api = apis.find((one) => one.key === schema.apiKey)
  const known = api === undefined ? messages : [api.request, api.response]
  const message = known.find((one) => one.name === schema.name)
  return { message: message ?? assert.fail(`no table for ${schema.name}`), api }
}

/** One line per field, the same for both sides: what it is called, where it is, what it holds. */
interface Row {
  readonly path: string
  readonly type: string
  readonly versions: Range
  readonly nullable: Range
  readonly tag: number | undefined
  readonly default: string
  readonly ignorable: boolean
  readonly compact: boolean
}

function rowsOfJson(schema: JsonMessage, fields: readonly JsonField[], around: Range, path = ''): Row[] {
  return fields.flatMap((field) => {
    const inner = fieldsOf(schema, field)
    const versions = clip(rangeOf(field.versions), around)
    const row: Row = {
      path: path + lowerFirst(field.name),
      type: inner === undefined ? field.type : field.type.replace(/[A-Z].*/, 'struct'),
      versions,
      nullable: clip(rangeOf(field.nullableVersions), versions),
      tag: field.tag,
      default: textOfDefault(defaultOfJson(schema, field)),
      ignorable: field.ignorable ?? false,
      compact: field.flexibleVersions !== 'none',
    }
    return [row, ...(inner === undefined ? [] : rowsOfJson(schema, inner, versions, `${row.path}.`))]
  })
}

function nameOfType(type: FieldType): string {
  return type.kind === 'array' ? `[]${nameOfType(type.element)}` : type.kind
}

function rowsOfTable(fields: Fields, around: Range, path = ''): Row[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const versions = clip([field.since, field.until], around)
    const row: Row = {
      path: path + name,
      type: nameOfType(field.type),
      versions,
      nullable: clip([field.nullableSince, Number.POSITIVE_INFINITY], versions),
      tag: field.tag,
      default: textOfDefault(field.default),
      ignorable: field.ignorable,
      compact: field.compact,
    }
    const inner = field.type.kind === 'array' ? field.type.element : field.type
    return inner.kind === 'struct' ? [row, ...rowsOfTable(inner.fields, versions, `${row.path}.`)] : [row]
  })
}

function defaultOfJson(schema: JsonMessage, field: JsonField): unknown {
  const stated = field.default
  if (String(stated) === 'null') return null
  if (field.type.startsWith('[]')) return []
  switch (field.type) {
    case 'bool':
      return String(stated) === 'true'
    case 'string':
      return stated ?? ''
    case 'int64':
      return BigInt(stated === undefined ? 0 : String(stated))
    case 'bytes':
      return Buffer.alloc(0)
    case 'records':
      return null
    case 'uuid':
      return Buffer.alloc(16)
  }
  const inner = fieldsOf(schema, field)
  if (inner === undefined) return Number(stated ?? 0)
  return Object.fromEntries(inner.map((one) => [lowerFirst(one.name), defaultOfJson(schema, one)]))
}

function textOfDefault(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part))
}

/** A small generator of numbers, so that a failure comes again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), state | 1) + 0x6d2b_79f5) | 0
    return ((state ^ (state >>> 14)) >>> 0) % below
  }
}

/** Reads nothing but the JSON: the second opinion on what the bytes should be. */
class JsonEncoder {
  readonly schema: JsonMessage
  readonly version: number
  readonly flexible: boolean
  readonly random: (below: number) => number

  constructor(schema: JsonMessage, version: number, random: (below: number) => number) {
    this.schema = schema
    this.version = version
    this.flexible = within(version, rangeOf(schema.flexibleVersions))
    this.random = random
  }

  /** Values for the fields that the version has; `sent` may leave out what `full` has at its default. */
  struct(fields: readonly JsonField[]): { sent: Value; full: Value; bytes: Buffer } {
    const sent: Record<string, unknown> = {}
    const full: Record<string, unknown> = {}
    const parts: Buffer[] = []
    const tagged: { tag: number; bytes: Buffer }[] = []
    for (const field of fields) {
      const name = lowerFirst(field.name)
      const standard = defaultOfJson(this.schema, field)
      full[name] = standard
      if (!within(this.version, rangeOf(field.versions))) continue
      const leftOut = field.tag !== undefined && this.random(3) === 0
      if (leftOut) continue
      const made = this.field(field)
      sent[name] = made.sent
      full[name] = made.full
      if (field.tag === undefined) parts.push(made.bytes)
      else if (textOfDefault(made.full) !== textOfDefault(standard))
        tagged.push({ tag: field.tag, bytes: made.bytes })
    }
    if (this.flexible) {
      tagged.sort((a, b) => a.tag - b.tag)
      parts.push(varint(tagged.length))
      for (const { tag, bytes } of tagged) parts.push(varint(tag), varint(bytes.length), bytes)
    }
    return { sent, full, bytes: Buffer.concat(parts) }
  }

  field(field: JsonField): { sent: unknown; full: unknown; bytes: Buffer } {
    const compact = this.flexible && field.flexibleVersions !== 'none'
    const nullable = within(this.version, rangeOf(field.nullableVersions))
    const isNull = nullable && this.random(3) === 0
    if (!field.type.startsWith('[]')) return this.value(field, field.type, isNull, compact, nullable)
    const type = field.type.slice(2)
    if (isNull) return { sent: null, full: null, bytes: compact ? varint(0) : int(-1, 4) }
    const items = Array.from({ length: this.random(3) }, () => this.value(field, type, false, compact, false))
    const prefix = compact ? varint(items.length + 1) : int(items.length, 4)
    return {
      sent: items.map((item) => item.sent),
      full: items.map((item) => item.full),
      bytes: Buffer.concat([prefix, ...items.map((item) => item.bytes)]),
    }
  }

  value(field: JsonField, type: string, isNull: boolean, compact: boolean, nullable: boolean) {
    const plain = (value: unknown, bytes: Buffer) => ({ sent: value, full: value, bytes })
    const bits = this.random(2 ** 32)
    switch (type) {
      case 'bool':
        return plain(bits % 2 === 1, int(bits % 2, 1))
      case 'int8':
        return plain((bits << 24) >> 24, int((bits << 24) >> 24, 1))
      case 'int16':
        return plain((bits << 16) >> 16, int((bits << 16) >> 16, 2))
      case 'uint16':
        return plain(bits & 0xffff, Buffer.from([(bits >> 8) & 0xff, bits & 0xff]))
      case 'int32':
        return plain(bits | 0, int(bits | 0, 4))
      case 'int64': {
        const bytes = Buffer.concat([int(bits | 0, 4), int(this.random(2 ** 32) | 0, 4)])
        return plain(bytes.readBigInt64BE(), bytes)
      }
      case 'float64': {
        const bytes = Buffer.alloc(8)
        bytes.writeDoubleBE(bits / 7)
        return plain(bits / 7, bytes)
      }
      case 'uuid': {
        const bytes = Buffer.from(Array.from({ length: 16 }, () => this.random(256)))
        return plain(bytes, bytes)
      }
      case 'string': {
        if (isNull) return plain(null, compact ? varint(0) : int(-1, 2))
        const text = 'µ-'.repeat(this.random(60)) + bits
        const bytes = Buffer.from(text)
        return plain(text, Buffer.concat([compact ? varint(bytes.length + 1) : int(bytes.length, 2), bytes]))
      }
      case 'bytes':
      case 'records': {
        if (isNull) return plain(null, compact ? varint(0) : int(-1, 4))
        const bytes = Buffer.alloc(this.random(3) === 0 ? 5000 : this.random(9), bits)
        return plain(bytes, Buffer.concat([compact ? varint(bytes.length + 1) : int(bytes.length, 4), bytes]))
      }
    }
    if (isNull) return plain(null, int(-1, 1))
    const inner = fieldsOf(this.schema, field) ?? assert.fail(`no fields for ${type}`)
    const made = this.struct(inner)
    return nullable ? { ...made, bytes: Buffer.concat([int(1, 1), made.bytes]) } : made
  }
}

function int(value: number, width: number): Buffer {
  const bytes = Buffer.alloc(width)
  bytes.writeIntBE(value, 0, width)
  return bytes
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

describe("Kafka's schema files", { skip }, () => {
  it('are all there, and every table has one', () => {
    const ours = [
      ...apis.flatMap((api) => [api.request.name, api.response.name]),
      ...messages.map((m) => m.name),
    ]
    assert.deepEqual(ours.sort(), schemas.map((schema) => schema.name).sort())
    assert.ok(schemas.length > 100, 'the folder holds the schemas of all APIs')
  })

  for (const schema of schemas) {
    const valid = rangeOf(schema.validVersions)
    it(`${schema.name}: the table has the same key, versions and fields`, () => {
      const { message, api } = tableOf(schema)
      const [flexibleFrom] = rangeOf(schema.flexibleVersions)
      assert.deepEqual(message.versions, valid)
      assert.equal(message.flexibleFrom, flexibleFrom)
      if (schema.type === 'request') {
        assert.equal(api?.latestStable, schema.latestVersionUnstable ? valid[1] - 1 : valid[1])
      }
      assert.deepEqual(rowsOfTable(message.fields, valid), rowsOfJson(schema, schema.fields, valid))
    })

    it(`${schema.name}: every version has the bytes that the schema asks for`, () => {
      const { message } = tableOf(schema)
      for (let version = valid[0]; version <= valid[1]; version++) {
        for (let round = 0; round < 12; round++) {
          const encoder = new JsonEncoder(schema, version, randomFrom(1 + round * 7919 + version))
          const { sent, full, bytes } = encoder.struct(schema.fields)
          const what = `v${version} round ${round}`
          assert.equal(encodeMessage(message, version, sent).toString('hex'), bytes.toString('hex'), what)
          assert.deepEqual(decodeMessage(message, version, bytes), full, what)
        }
      }
    })
  }
})
