/** Schemas with a real registry, and bytes in both directions with Confluent's own serialisers. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ByteWriter } from '../../src/core/byte-writer.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import {
  avroSerde,
  jsonSchemaSerde,
  protobufSerde,
  type RegistrySerde,
  type SchemaRegistry,
  schemaRegistry,
  typedProducer,
} from '../../src/registry/index.ts'
import { FakeRegistry } from '../../src/registry/registry-fixture.ts'
import { type Apicurio, startApicurio } from './apicurio.ts'
import { askConfluent, type ConfluentOrder, type SchemaKind } from './confluent.ts'
import { apicurio, confluentSerialisers, installProgram, missingPrograms } from './programs.ts'

interface Case {
  readonly type: SchemaKind
  readonly schema?: string
  readonly message?: string
  readonly value: unknown
  open(registry: SchemaRegistry, topic: string): Promise<RegistrySerde<unknown>>
}

const avroSchema = JSON.stringify({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'cents', type: 'long' },
    { name: 'note', type: ['null', 'string'], default: null },
    { name: 'lines', type: { type: 'array', items: { type: 'map', values: 'double' } } },
    { name: 'state', type: { type: 'enum', name: 'State', symbols: ['OPEN', 'PAID'] } },
  ],
})
const jsonSchema = JSON.stringify({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Order',
  type: 'object',
  properties: { id: { type: 'string' }, cents: { type: 'integer' } },
  required: ['id'],
})
const avroValue = { id: 'A-ü', cents: -(2 ** 53) + 1, note: 'x', lines: [{ a: 0.5 }, {}], state: 'PAID' }

const cases: Readonly<Record<string, Case>> = {
  avro: {
    type: 'avro',
    schema: avroSchema,
    value: avroValue,
    open: (registry, topic) => avroSerde(registry, { topic, schema: avroSchema }),
  },
  json: {
    type: 'json',
    schema: jsonSchema,
    value: { id: 'A-ü', cents: 7 },
    open: (registry, topic) => jsonSchemaSerde(registry, { topic, schema: jsonSchema }),
  },
  'protobuf, the second message': {
    type: 'protobuf',
    message: 'shop.Order',
    value: { orderId: 'A-ü', cents: '-9007199254740993', lines: [{ sku: 'x' }] },
    open: (registry, topic) => protobufSerde(registry, { topic, registration: 'latest', message: 'Order' }),
  },
  'protobuf, a nested message': {
    type: 'protobuf',
    message: 'shop.Order.Line',
    value: { sku: 'x' },
    open: (registry, topic) => protobufSerde(registry, { topic, registration: 'latest', message: 'Line' }),
  },
}

/** The machine may have much else to do. */
const patient = { requestTimeoutMs: 60_000, timeoutMs: 120_000 }

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

function orderOf(one: Case, topic: string, idIn: 'prefix' | 'header'): Omit<ConfluentOrder, 'do'> {
  const { message, schema, type } = one
  return {
    type,
    topic,
    in: idIn,
    ...(schema !== undefined && { schema }),
    ...(message !== undefined && { message }),
  }
}

/**
 * All cases with one registry, in one form. They write first, so that Protobuf has the schema that they register: they
 * cannot read one that is a text, unless the registry makes a descriptor of it.
 */
async function exchange(home: string, url: string, idIn: 'prefix' | 'header'): Promise<void> {
  const registry = schemaRegistry({ url, ...patient })
  const all = Object.entries(cases).map(([name, one], at) => {
    return { ...one, name, topic: `orders-${idIn}-${at}` }
  })
  const written = await askConfluent(
    home,
    url,
    all.map((one) => ({ do: 'write' as const, ...orderOf(one, one.topic, idIn), value: one.value })),
  )
  const reads: ConfluentOrder[] = []
  for (const [at, one] of all.entries()) {
    const { name, topic, value } = one
    const { bytes = '', error, headers = {} } = written[at]!
    assert.equal(error, undefined, `${name}: they write`)
    const serde = await one.open(registry, topic)
    const theirs = Buffer.from(bytes, 'base64')
    const mark = idIn === 'header' ? Buffer.from(headers['__value_schema_id']!, 'base64') : undefined
    assert.deepEqual(plain(serde.read(theirs, 0, theirs.length, mark)), value, `${name}: we read theirs`)
    const ours = encodedBy(serde, topic, idIn, value)
    reads.push({ do: 'read', ...orderOf(one, topic, idIn), ...ours })
    // The same schema, so the same mark as well.
    if (one.type === 'protobuf') assert.deepEqual({ bytes, headers }, ours, `${name}: the bytes are the same`)
  }
  const read = await askConfluent(home, url, reads)
  for (const [at, { name, value }] of all.entries())
    assert.deepEqual(read[at], { value }, `${name}: they read ours`)
  registry.close()
}

function encodedBy(serde: RegistrySerde<unknown>, topic: string, idIn: 'prefix' | 'header', value: unknown) {
  const sending = { send: () => assert.fail('nothing is sent') }
  const record = typedProducer<never, unknown>(sending, { topic, value: serde, idIn }).encode({ value })
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  const headers = (record.headers ?? []).map((header) => [header.key, text(header.value!)])
  return {
    bytes: text(record.value as Buffer),
    headers: Object.fromEntries(headers) as Record<string, string>,
  }
}

describe('schemas with Apicurio', { skip: missingPrograms(apicurio) ?? false }, () => {
  let server: Apicurio
  let registry: SchemaRegistry
  before(async () => {
    server = await startApicurio(await installProgram(apicurio))
    registry = schemaRegistry({ url: server.url, ...patient })
  })
  after(async () => {
    registry?.close()
    await server?.close()
  })

  it('registers, finds, and gives back schemas and their versions', async () => {
    const first = { schemaType: 'AVRO', schema: '"string"', references: [] } as const
    const second = { ...first, schema: '["null","string"]' }
    const { id } = await registry.register('rest-value', first)
    const other = await registry.register('rest-value', second)
    assert.notEqual(other.id, id)
    assert.equal((await registry.lookup('rest-value', first)).id, id)
    assert.deepEqual(await registry.versions('rest-value'), [1, 2])
    assert.equal((await registry.version('rest-value', 'latest')).schema, second.schema)
    assert.ok((await registry.subjects()).includes('rest-value'))
    const fresh = schemaRegistry({ url: server.url, ...patient })
    assert.equal((await fresh.schemaById(id!)).schema, first.schema)
    await assert.rejects(fresh.schemaById(999_999), { code: 'MR_SCHEMA_UNKNOWN' })
    await assert.rejects(fresh.versions('nowhere'), { code: 'MR_SCHEMA_UNKNOWN' })
    await assert.rejects(fresh.lookup('rest-value', { ...first, schema: '"int"' }), {
      code: 'MR_SCHEMA_UNKNOWN',
    })
    assert.equal(await registry.compatibility(), 'NONE')
    assert.deepEqual(await registry.deleteSubject('rest-value'), [1, 2])
    await assert.rejects(registry.versions('rest-value'), { code: 'MR_SCHEMA_UNKNOWN' })
  })

  it('keeps a subject compatible', async () => {
    const schema = (type: string) => ({
      schemaType: 'AVRO' as const,
      schema: JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'x', type }] }),
      references: [],
    })
    assert.equal((await registry.isCompatible('kept-value', schema('int'))).compatible, true)
    await registry.register('kept-value', schema('int'))
    await registry.setCompatibility('BACKWARD', 'kept-value')
    assert.equal(await registry.compatibility('kept-value'), 'BACKWARD')
    assert.equal((await registry.isCompatible('kept-value', schema('string'))).compatible, false)
    assert.equal((await registry.isCompatible('kept-value', schema('long'))).compatible, true)
    await assert.rejects(registry.register('kept-value', schema('string')), {
      code: 'MR_SCHEMA_INCOMPATIBLE',
    })
  })

  it('reads with references', async () => {
    const address = JSON.stringify({
      type: 'record',
      name: 'Address',
      namespace: 'shop',
      fields: [{ name: 'city', type: 'string' }],
    })
    await registry.register('shop.Address', { schemaType: 'AVRO', schema: address, references: [] })
    const schema = { type: 'record', name: 'Parcel', fields: [{ name: 'to', type: 'shop.Address' }] }
    const references = [{ name: 'shop.Address', subject: 'shop.Address', version: 1 }]
    const writing = await avroSerde<unknown>(registry, { topic: 'parcels', schema, references })
    const writer = new ByteWriter()
    writing.write({ to: { city: 'Ulm' } }, writer)
    const fresh = schemaRegistry({ url: server.url, ...patient })
    const reading = await avroSerde<unknown>(fresh)
    await reading.load(writer.bytes())
    assert.deepEqual(plain(reading.read(writer.bytes(), 0, writer.length)), { to: { city: 'Ulm' } })
  })

  const skip = missingPrograms(confluentSerialisers) ?? false
  it("exchanges records with Confluent's serialisers", { skip }, async () => {
    await exchange(await installProgram(confluentSerialisers), server.url, 'prefix')
  })
})

describe('ids in headers', { skip: missingPrograms(confluentSerialisers) ?? false }, () => {
  // Apicurio gives no GUIDs; the bytes are what is tried here, not the registry.
  const fake = new FakeRegistry()
  after(() => fake.close())

  it("are exchanged with Confluent's serialisers", async () => {
    const port = await fake.listen(nodePlatform().net)
    await exchange(await installProgram(confluentSerialisers), `http://127.0.0.1:${port}`, 'header')
  })
})
