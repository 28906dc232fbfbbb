import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ByteWriter } from '../core/byte-writer.ts'
import type { StoredRecord } from '../core/record.ts'
import { json, stringSerde } from '../core/serde.ts'
import { until } from '../platform/clock.ts'
import { nodePlatform } from '../platform/node/platform.ts'
import { loadPackage } from './format.ts'
import { avroSerde, jsonSchemaSerde, protobufSerde } from './serdes.ts'
import { bytesOf, eachWithRegistry, plain } from './serdes-fixture.ts'
import { typedRecords } from './typed-consumer.ts'
import { typedProducer } from './typed-producer.ts'

const schema = { type: 'record', name: 'Order', namespace: 'shop', fields: [{ name: 'id', type: 'string' }] }
const topic = 'orders'
const { clock } = nodePlatform()

function stored(value: Uint8Array | null, more: Partial<StoredRecord> = {}): StoredRecord {
  return { topic, partition: 2, offset: 5, timestampMs: 7, key: null, value, headers: [], ...more }
}

async function all<T>(records: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const record of records) found.push(record)
  return found
}

describe('a serde with a registry', () => {
  const world = eachWithRegistry()

  it('gets its id as it is told', async () => {
    const { fake, registry } = world
    await assert.rejects(avroSerde(registry, { topic, schema, registration: 'lookup' }), {
      code: 'MR_SCHEMA_UNKNOWN',
    })
    await assert.rejects(avroSerde(registry, { topic, registration: 'latest' }), {
      code: 'MR_SCHEMA_UNKNOWN',
    })
    assert.equal((await avroSerde(registry, { topic, schema })).schemaId, 1)
    fake.put('orders-value', { schema: '"string"' })
    assert.equal((await avroSerde(registry, { topic, schema, registration: 'lookup' })).schemaId, 1)
    const latest = await avroSerde<string>(registry, { topic, registration: 'latest' })
    assert.equal(latest.schemaId, 2)
    assert.equal(bytesOf(latest, 'A').toString('hex'), '00000000020241')
    const none = await avroSerde<unknown>(registry, { topic, schema, registration: 'none' })
    assert.throws(() => bytesOf(none, { id: 'A' }), { code: 'MR_OPTION_INVALID' })
  })

  it('names its subject by the strategy', async () => {
    const { registry } = world
    const open = async (options: object) => (await avroSerde(registry, { schema, ...options })).subject
    assert.equal(await open({ topic }), 'orders-value')
    assert.equal(await open({ topic, part: 'key' }), 'orders-key')
    assert.equal(await open({ subjectNaming: 'record' }), 'shop.Order')
    assert.equal(await open({ topic, subjectNaming: 'topic-record' }), 'orders-shop.Order')
    assert.equal(await open({ subject: 'mine' }), 'mine')
    const own = ({ part, recordName }: { part: string; recordName: string | undefined }) =>
      `${recordName}/${part}`
    assert.equal(await open({ subjectNaming: own }), 'shop.Order/value')
    await assert.rejects(open({}), { code: 'MR_OPTION_INVALID' })
    const proto = { schema: 'syntax = "proto3"; package a.b; message C {}', subjectNaming: 'record' } as const
    assert.equal((await protobufSerde(registry, proto)).subject, 'a.b.C')
  })

  it('says at once that a schema is on its way, and reads when it is there', async () => {
    const { fake, registry } = world
    const serde = await avroSerde<unknown>(registry, { topic, schema })
    const id = fake.put('other', { schema: '"string"' })
    const reading = await avroSerde<unknown>(registry)
    const bytes = Buffer.from([0, 0, 0, 0, id, 2, 65])
    const read = (): unknown => reading.read(bytes, 0, bytes.length)
    assert.throws(read, {
      code: 'MR_SCHEMA_NOT_LOADED',
      retriable: true,
      context: { schema: id, subject: null, url: registry.where },
    })
    const isThere = (): boolean => {
      try {
        return read() === 'A'
      } catch {
        return false
      }
    }
    await until(clock, isThere, { what: 'the schema', timeoutMs: 30_000 })
    const requests = fake.requests.length
    for (let round = 0; round < 1000; round++) read()
    assert.equal(fake.requests.length, requests)
    assert.equal(serde.name, 'avro')
  })

  it('knows a schema that is not there, with its id, without asking for each record', async () => {
    const { fake, registry } = world
    const serde = await avroSerde<unknown>(registry, { topic, schema })
    const bytes = Buffer.from([0, 0, 0, 3, 232, 2, 65])
    await assert.rejects(serde.load(bytes), { code: 'MR_SCHEMA_UNKNOWN' })
    const requests = fake.requests.length
    for (let round = 0; round < 100; round++) {
      assert.throws(() => serde.read(bytes, 0, bytes.length), {
        code: 'MR_SCHEMA_UNKNOWN',
        message: /^schema 1000 of "orders-value": schema 1000 is not in the registry/,
        retriable: false,
        context: {
          status: 404,
          errorCode: 40403,
          url: registry.where,
          schema: 1000,
          subject: 'orders-value',
        },
      })
    }
    await assert.rejects(serde.load(bytes), { code: 'MR_SCHEMA_UNKNOWN' })
    assert.equal(fake.requests.length, requests)
  })

  it('tells the last failure while no registry answers, and recovers', async () => {
    const { fake, registry } = world
    const serde = await avroSerde<unknown>(registry)
    fake.put('x', { schema: '"string"' })
    fake.script = () => 'cut'
    const bytes = Buffer.from([0, 0, 0, 0, 1, 2, 65])
    await assert.rejects(serde.load(bytes), { code: 'MR_REGISTRY_UNREACHABLE', retriable: true })
    assert.throws(() => serde.read(bytes, 0, bytes.length), {
      code: 'MR_SCHEMA_NOT_LOADED',
      message: /the last attempt: schema 1: /,
    })
    fake.script = () => undefined
    // The one that was begun by reading may fail still.
    const loads = async (): Promise<boolean> =>
      serde.load(bytes).then(
        () => true,
        () => false,
      )
    await until(clock, loads, { what: 'the schema', timeoutMs: 30_000 })
    assert.equal(serde.read(bytes, 0, bytes.length), 'A')
  })

  it('does not read a schema of another type', async () => {
    const { registry } = world
    const writing = await jsonSchemaSerde<unknown>(registry, { topic, schema: { type: 'string' } })
    const bytes = bytesOf(writing, 'A')
    await assert.rejects((await avroSerde(registry)).load(bytes), {
      code: 'MR_SCHEMA_INCOMPATIBLE',
      message: /is of the type JSON, and AVRO is read/,
    })
  })

  it('loads no more of the versions than it is told', async () => {
    const { fake, registry } = world
    for (const name of ['"int"', '"long"', '"string"']) fake.put('orders-value', { schema: name })
    await avroSerde(registry, { topic, preloadedVersions: 2 })
    const paths = fake.requests.map(({ path }) => path)
    assert.deepEqual(paths.slice(1), [
      '/subjects/orders-value/versions/2',
      '/subjects/orders-value/versions/3',
    ])
  })

  it('says which package to install', async () => {
    const load = (): Promise<unknown> => import(`${'avsc'}-is-not-there`)
    await assert.rejects(loadPackage('avsc', 'Avro', load), {
      code: 'MR_DEPENDENCY_MISSING',
      hint: 'Install it: npm install avsc',
    })
    const broken = Promise.reject(new RangeError('of its own'))
    await assert.rejects(
      loadPackage('avsc', 'Avro', () => broken),
      RangeError,
    )
  })
})

describe('typed records', () => {
  const world = eachWithRegistry()

  it('are written in the form that is asked for, and read in either', async () => {
    const { registry } = world
    const serde = await avroSerde<{ id: string }>(registry, { topic, schema })
    const sending = { send: () => assert.fail('nothing is sent') }
    const reading = await avroSerde<{ id: string }>(registry)
    for (const idIn of ['prefix', 'header'] as const) {
      const producer = typedProducer(sending, { topic, key: serde, value: serde, idIn })
      const { headers, key, value } = producer.encode({ key: { id: 'K' }, value: { id: 'A' }, partition: 1 })
      assert.equal((value as Buffer).toString('hex'), idIn === 'prefix' ? '00000000010241' : '0241')
      assert.deepEqual(
        headers?.map((header) => [header.key, header.value?.length, header.value?.[0]]),
        idIn === 'prefix'
          ? []
          : [
              ['__key_schema_id', 17, 1],
              ['__value_schema_id', 17, 1],
            ],
      )
      const record = stored(value as Buffer, { key: key as Buffer, headers: headers! })
      const [read] = await all(typedRecords([record], { key: reading, value: reading }))
      assert.deepEqual(plain([read?.key, read?.value]), [{ id: 'K' }, { id: 'A' }])
    }
  })

  it('carry the path to a Protobuf message in the header too', async () => {
    const { registry } = world
    const proto = 'syntax = "proto3"; message A {} message B { string id = 1; }'
    const serde = await protobufSerde<{ id: string }>(registry, { topic, schema: proto, message: 'B' })
    const sending = { send: () => assert.fail('nothing is sent') }
    const { headers, value } = typedProducer(sending, { topic, value: serde, idIn: 'header' }).encode({
      value: { id: 'A' },
    })
    assert.equal((value as Buffer).toString('hex'), '0a0141')
    assert.equal(Buffer.from(headers![0]!.value!).toString('hex').slice(-4), '0202')
    const reading = await protobufSerde<unknown>(registry)
    const [read] = await all(
      typedRecords([stored(value as Buffer, { headers: headers! })], { key: stringSerde, value: reading }),
    )
    assert.deepEqual(read?.value, { id: 'A' })
  })

  it('may not have a GUID, and then say so', async () => {
    world.fake.givesGuids = false
    const serde = await avroSerde<{ id: string }>(world.registry, { topic, schema })
    assert.throws(() => serde.writePayload({ id: 'A' }, new ByteWriter()), {
      code: 'MR_OPTION_INVALID',
      message: 'the registry gave no GUID for the schema',
    })
  })

  it('wait for schemas, and put aside what cannot be read, with its place', async () => {
    const { fake, registry } = world
    const reading = await avroSerde<string>(registry)
    fake.put('x', { schema: '"string"' })
    const good = Buffer.from([0, 0, 0, 0, 1, 2, 65])
    const unknown = Buffer.from([0, 0, 0, 0, 9, 2, 65])
    const records = [stored(good), stored(unknown), stored(Buffer.from('{}'), { offset: 6 }), stored(null)]
    const aside: string[] = []
    const options = { key: stringSerde, value: reading }
    const read = await all(
      typedRecords(records, {
        ...options,
        onInvalid: async (record, error) => {
          await clock.nextTurn()
          aside.push(`${error.code} ${error.where} ${record.offset}`)
        },
      }),
    )
    assert.deepEqual(
      read.map(({ value }) => value),
      ['A', null],
    )
    assert.deepEqual(aside, ['MR_SCHEMA_UNKNOWN orders/2@5 5', 'MR_RECORD_INVALID orders/2@6 6'])
    assert.equal((await all(typedRecords(records, { ...options, onInvalid: 'skip' }))).length, 2)
    await assert.rejects(all(typedRecords(records, options)), {
      code: 'MR_SCHEMA_UNKNOWN',
      where: 'orders/2@5',
    })
  })

  it('are not passed over because no registry answers', async () => {
    const { fake, registry } = world
    const reading = await avroSerde<string>(registry)
    fake.script = () => 'cut'
    const records = [stored(Buffer.from([0, 0, 0, 0, 1, 2, 65]))]
    await assert.rejects(
      all(typedRecords(records, { key: stringSerde, value: reading, onInvalid: 'skip' })),
      {
        code: 'MR_REGISTRY_UNREACHABLE',
      },
    )
  })

  it('are sent with other serdes as well', async () => {
    const sent: unknown[] = []
    const sending = {
      send: async (record: unknown) => {
        sent.push(record)
        return { topic, partition: 0, offset: 0, timestampMs: 0 } as never
      },
    }
    const producer = typedProducer(sending, { topic, key: stringSerde, value: json<number>() })
    await producer.send({ key: 'K', value: 5, timestampMs: 9, headers: [{ key: 'h', value: null }] })
    await producer.send({ value: null })
    await producer.send([{ value: 1 }, { value: 2 }])
    assert.deepEqual(sent, [
      {
        topic,
        key: Buffer.from('K'),
        value: Buffer.from('5'),
        headers: [{ key: 'h', value: null }],
        timestampMs: 9,
      },
      { topic, key: null, value: null, headers: [] },
      [
        { topic, key: null, value: Buffer.from('1'), headers: [] },
        { topic, key: null, value: Buffer.from('2'), headers: [] },
      ],
    ])
    await assert.rejects(
      typedProducer(sending, { topic, value: stringSerde }).send({ key: 'K' as never, value: 'x' }),
      {
        code: 'MR_OPTION_INVALID',
      },
    )
  })
})
