import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { avroSerde } from '../serdes.ts'
import { bytesOf, eachWithRegistry, plain, readAmongOthers } from '../serdes-fixture.ts'

interface Order {
  readonly id: string
  readonly cents: number
}

const record = (fields: readonly unknown[]): object => ({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields,
})
const id = { name: 'id', type: 'string' }
const cents = { name: 'cents', type: 'long' }
const orderSchema = record([id, cents])
const topic = 'orders'

describe('Avro', () => {
  const world = eachWithRegistry()

  it('writes magic byte, id and payload, and reads them back, without a request for each', async () => {
    const serde = await avroSerde<Order>(world.registry, { topic, schema: orderSchema })
    assert.equal(serde.subject, 'orders-value')
    const requests = world.fake.requests.length
    const bytes = bytesOf(serde, { id: 'A', cents: 150 })
    assert.equal(bytes.toString('hex'), '0000000001' + '0241' + 'ac02')
    assert.deepEqual(plain(readAmongOthers(serde, bytes)), { id: 'A', cents: 150 })
    assert.equal(world.fake.requests.length, requests)
  })

  it('gives back every value, however small the memory is at first', async () => {
    const serde = await avroSerde<Order>(world.registry, { topic, schema: orderSchema })
    fc.assert(
      fc.property(fc.string({ maxLength: 3000, unit: 'binary' }), fc.maxSafeInteger(), (text, number) => {
        const value = { id: text, cents: number }
        assert.deepEqual(plain(readAmongOthers(serde, bytesOf(serde, value))), value)
      }),
    )
  })

  it('reads what older and newer versions wrote as its own, with defaults', async () => {
    const old = await avroSerde<{ id: string }>(world.registry, { topic, schema: record([id]) })
    const added = { name: 'currency', type: 'string', default: 'EUR' }
    const own = await avroSerde<Order>(world.registry, {
      topic,
      schema: record([id, { ...cents, default: 0 }, added]),
    })
    const newest = await avroSerde<unknown>(world.registry, {
      topic,
      schema: record([
        { name: 'note', type: ['null', 'string'], default: null },
        id,
        { ...cents, type: 'int' },
      ]),
    })
    assert.deepEqual(plain(own.read(bytesOf(old, { id: 'A' }), 0, 7)), { id: 'A', cents: 0, currency: 'EUR' })
    const later = bytesOf(newest, { id: 'B', cents: 7 })
    // It came after the serde was made.
    assert.throws(() => own.read(later, 0, later.length), { code: 'MR_SCHEMA_NOT_LOADED', retriable: true })
    await own.load(later)
    assert.deepEqual(plain(readAmongOthers(own, later)), { id: 'B', cents: 7, currency: 'EUR' })
  })

  it('names a schema that its own cannot be read from', async () => {
    const other = await avroSerde<unknown>(world.registry, { topic, schema: record([id]) })
    const bytes = bytesOf(other, { id: 'A' })
    const strict = await avroSerde<Order>(world.registry, { topic, schema: orderSchema })
    assert.throws(() => strict.read(bytes, 0, bytes.length), {
      code: 'MR_SCHEMA_INCOMPATIBLE',
      message: /^schema 1 of "orders-value": /,
    })
  })

  it('has unions as values, wrapped only where their branches look alike', async () => {
    const schema = record([
      { name: 'note', type: ['null', 'string', 'double'], default: null },
      { name: 'count', type: ['int', 'long'] },
    ])
    const serde = await avroSerde<unknown>(world.registry, { topic, schema })
    for (const note of [null, 'x', 1.5]) {
      const value = { note, count: { int: 3 } }
      assert.deepEqual(plain(readAmongOthers(serde, bytesOf(serde, value))), value)
    }
    const filledIn = readAmongOthers(serde, bytesOf(serde, { count: { long: 4 } }))
    assert.deepEqual(plain(filledIn), { note: null, count: { long: 4 } })
  })

  it('keeps decimals exact, as texts', async () => {
    const bytes = { type: 'bytes', logicalType: 'decimal', precision: 30, scale: 2 }
    const fixed = { type: 'fixed', name: 'D', size: 5, logicalType: 'decimal', precision: 11, scale: 3 }
    const schema = record([
      { name: 'bytes', type: bytes },
      { name: 'fixed', type: fixed },
    ])
    const serde = await avroSerde<{ bytes: unknown; fixed: unknown }>(world.registry, { topic, schema })
    const back = (value: { bytes: unknown; fixed: unknown }) =>
      plain(readAmongOthers(serde, bytesOf(serde, value)))
    assert.deepEqual(back({ bytes: '-12.3', fixed: 7n }), { bytes: '-12.30', fixed: '7.000' })
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 28n), 10n ** 28n), fc.integer(), (large, small) => {
        const digits = String(large < 0n ? -large : large).padStart(3, '0')
        const text = `${large < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
        const { bytes: one, fixed: other } = back({ bytes: text, fixed: small / 1000 }) as Record<
          string,
          string
        >
        assert.equal(one, text)
        assert.equal(Number(other), small / 1000)
      }),
    )
    for (const wrong of ['1.234', '1e3', '', '12345678901234567890123456789012', Number.NaN, {}, undefined])
      assert.throws(() => bytesOf(serde, { bytes: wrong, fixed: '0' }), { code: 'MR_RECORD_INVALID' })
  })

  it('does not take a decimal of another scale for its own', async () => {
    const schema = (scale: number): object =>
      record([{ name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale } }])
    const two = await avroSerde<unknown>(world.registry, { topic, schema: schema(2) })
    const four = await avroSerde<unknown>(world.registry, { topic, schema: schema(4) })
    const bytes = bytesOf(two, { price: '1.25' })
    assert.throws(() => four.read(bytes, 0, bytes.length), { code: 'MR_SCHEMA_INCOMPATIBLE' })
  })

  it('has timestamps as milliseconds, and longs as bigints when told', async () => {
    const schema = record([{ name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } }, cents])
    const serde = await avroSerde<unknown>(world.registry, { topic, schema })
    const value = { at: 1_700_000_000_000, cents: 5 }
    assert.deepEqual(plain(readAmongOthers(serde, bytesOf(serde, value))), value)
    const exact = await avroSerde<unknown>(world.registry, { topic, schema: orderSchema, longs: 'bigint' })
    const large = { id: 'A', cents: 2n ** 63n - 1n }
    const bytes = bytesOf(exact, large)
    assert.deepEqual(plain(readAmongOthers(exact, bytes)), large)
    const numbers = await avroSerde<unknown>(world.registry, { topic, schema: orderSchema })
    assert.throws(() => numbers.read(bytes, 0, bytes.length), { code: 'MR_RECORD_INVALID' })
  })

  it('refuses values that are not of the schema, and says which field', async () => {
    const serde = await avroSerde<unknown>(world.registry, { topic, schema: orderSchema })
    const { ByteWriter } = await import('../../core/byte-writer.ts')
    const writer = new ByteWriter()
    writer.utf8('before')
    assert.throws(() => serde.write({ id: 'A', cents: 'many' }, writer), {
      code: 'MR_RECORD_INVALID',
      message: /^schema 1 of "orders-value": cents: "many" is not long/,
    })
    assert.equal(writer.bytes().toString(), 'before')
    assert.throws(() => bytesOf(serde, undefined), { code: 'MR_RECORD_INVALID' })
  })

  it('refuses bytes that are cut, too long, or something else, and says where', async () => {
    const serde = await avroSerde<Order>(world.registry, { topic, schema: orderSchema })
    const bytes = bytesOf(serde, { id: 'ABC', cents: 150 })
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => readAmongOthers(serde, bytes.subarray(0, length)), { code: 'MR_RECORD_INVALID' })
    assert.throws(() => readAmongOthers(serde, Buffer.concat([bytes, Buffer.from('x')])), {
      message: /the value ends at byte 6, and 1 more follow/,
      context: { schema: 1, subject: 'orders-value', url: world.registry.where },
    })
    assert.throws(() => readAmongOthers(serde, Buffer.from('{"id":"A"}')), {
      code: 'MR_RECORD_INVALID',
      message: /byte 0 is 123/,
    })
    assert.throws(() => readAmongOthers(serde, bytes.subarray(0, 3)), { message: /cut off.*only 3 bytes/ })
  })

  it('takes types from the schemas that it refers to', async () => {
    const { registry } = world
    const address = { type: 'record', name: 'shop.Address', fields: [{ name: 'city', type: 'string' }] }
    const text = JSON.stringify(address)
    await registry.register('address', { schemaType: 'AVRO', schema: text, references: [] })
    const schema = record([{ name: 'to', type: 'shop.Address' }])
    const references = [{ name: 'shop.Address', subject: 'address', version: 1 }]
    const serde = await avroSerde<unknown>(registry, { topic, schema, references })
    const bytes = bytesOf(serde, { to: { city: 'Ulm' } })
    const reading = await avroSerde<unknown>(registry)
    await reading.load(bytes)
    assert.deepEqual(plain(reading.read(bytes, 0, bytes.length)), { to: { city: 'Ulm' } })
    await assert.rejects(avroSerde(registry, { topic, schema }), { code: 'MR_SCHEMA_INVALID' })
  })

  it('refuses schemas that are none', async () => {
    for (const schema of [
      '{',
      '"nothing"',
      { type: 'record', name: 'R', fields: [{ name: 'a-b', type: 'int' }] },
    ])
      await assert.rejects(avroSerde(world.registry, { topic, schema }), { code: 'MR_SCHEMA_INVALID' })
  })
})
