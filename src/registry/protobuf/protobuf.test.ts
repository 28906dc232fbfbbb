import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { protobufSerde } from '../serdes.ts'
import { bytesOf, eachWithRegistry, readAmongOthers } from '../serdes-fixture.ts'

const schema = `
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
enum State { OPEN = 0; PAID = 1; }
message Order {
  string order_id = 1;
  sint64 cents = 2;
  State state = 3;
  repeated Line lines = 4;
  map<string, int32> counts = 5;
  google.protobuf.Timestamp at = 6;
  bytes raw = 7;
  message Line { string sku = 1; }
  message Note { string text = 1; }
}
message Customer { string name = 1; }
`
const topic = 'orders'
const order = {
  orderId: 'A',
  cents: '-7',
  state: 'PAID',
  lines: [{ sku: 'x' }, { sku: '' }],
  counts: { a: 1 },
  at: { seconds: '1700000000', nanos: 5 },
  raw: Buffer.from([0, 255]),
}

describe('Protobuf', () => {
  const world = eachWithRegistry()

  it('writes id, path and message, and reads them back', async () => {
    const serde = await protobufSerde<unknown>(world.registry, { topic, schema })
    const bytes = bytesOf(serde, order)
    assert.equal(bytes.subarray(0, 6).toString('hex'), '000000000100')
    assert.deepEqual(readAmongOthers(serde, bytes), order)
    assert.deepEqual(readAmongOthers(serde, bytesOf(serde, {})), {
      orderId: '',
      cents: '0',
      state: 'OPEN',
      lines: [],
      counts: {},
      at: null,
      raw: Buffer.alloc(0),
    })
  })

  it('writes the path to every message of the file', async () => {
    const paths = { 'shop.Order': '00', Line: '040000', Note: '040002', Customer: '0202' }
    for (const [message, path] of Object.entries(paths)) {
      const serde = await protobufSerde<unknown>(world.registry, { topic, schema, message })
      const bytes = bytesOf(serde, {})
      assert.equal(bytes.subarray(5).toString('hex'), path)
      const other = await protobufSerde<object>(world.registry, { topic })
      const keys = Object.keys(readAmongOthers(other, bytes))
      assert.deepEqual(keys, Object.keys(readAmongOthers(serde, bytes) as object))
    }
    await assert.rejects(protobufSerde(world.registry, { topic, schema, message: 'Invoice' }), {
      code: 'MR_SCHEMA_INVALID',
      hint: 'It has shop.Order, shop.Order.Line, shop.Order.Note, shop.Customer.',
    })
  })

  it('has 64 bits exactly, as a text or a bigint', async () => {
    const text = await protobufSerde<{ cents: unknown }>(world.registry, { topic, schema })
    const whole = await protobufSerde<{ cents: unknown }>(world.registry, { topic, schema, longs: 'bigint' })
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (cents) => {
        assert.equal(readAmongOthers(whole, bytesOf(whole, { cents })).cents, cents)
        assert.equal(readAmongOthers(text, bytesOf(text, { cents: String(cents) })).cents, String(cents))
      }),
    )
  })

  it('refuses what does not fit, and says which field', async () => {
    const serde = await protobufSerde<unknown>(world.registry, { topic, schema })
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [{ order_id: 'A' }, /order_id: "Order" has no such field/],
      [{ orderId: 5 }, /orderId: 5 is not string/],
      [{ cents: 'many' }, /cents: "many" is not sint64/],
      [{ cents: 2 ** 60 }, /cents/],
      [{ cents: 2n ** 63n }, /cents: 9223372036854775808n is not sint64/],
      [{ state: 'LOST' }, /state: "LOST" is not one of OPEN, PAID/],
      [{ lines: { sku: 'x' } }, /lines: .* is not an array/],
      [{ lines: [{ sku: 1 }] }, /lines\.0\.sku: 1 is not string/],
      [{ counts: { a: 1.5 } }, /counts\.a: 1\.5 is not int32/],
      [{ at: 'now' }, /at: "now" is not Timestamp/],
      ['text', /the value: "text" is not Order/],
      [null, /the value: null is not Order/],
    ]
    for (const [value, message] of wrong)
      assert.throws(() => bytesOf(serde, value), { code: 'MR_RECORD_INVALID', message })
  })

  it('reads newer messages as its own, and no other message', async () => {
    const newer = schema.replace('bytes raw = 7;', 'bytes raw = 7; string note = 8;')
    const writing = await protobufSerde<unknown>(world.registry, { topic, schema: newer })
    const reading = await protobufSerde<unknown>(world.registry, { topic, schema })
    const bytes = bytesOf(writing, { ...order, note: 'x' })
    assert.deepEqual(readAmongOthers(reading, bytes), order)
    const customers = await protobufSerde<unknown>(world.registry, { topic, schema, message: 'Customer' })
    const customer = bytesOf(customers, { name: 'A' })
    assert.throws(() => reading.read(customer, 0, customer.length), {
      code: 'MR_SCHEMA_INCOMPATIBLE',
      message: /it holds a shop\.Customer, not a shop\.Order/,
    })
  })

  it('refuses bytes that are cut or name no message, and says where', async () => {
    const serde = await protobufSerde<unknown>(world.registry, { topic, schema })
    const bytes = bytesOf(serde, order)
    for (const length of [0, 1, 4, 5, bytes.length - 1])
      assert.throws(() => readAmongOthers(serde, bytes.subarray(0, length)), { code: 'MR_RECORD_INVALID' })
    assert.throws(() => readAmongOthers(serde, bytes.subarray(0, -1)), { message: /at byte \d+ of \d+/ })
    const mark = bytes.subarray(0, 5)
    for (const path of ['0a', '0208', '01', 'ffffffff0f', 'ffffffffff'])
      assert.throws(
        () => readAmongOthers(serde, Buffer.concat([mark, Buffer.from(path, 'hex')])),
        MillraceLike,
      )
  })

  it('imports what is among its references, and what Google and Confluent have', async () => {
    const { fake, registry } = world
    const money = 'syntax = "proto3"; package shop; message Money { int32 cents = 1; }'
    fake.put('money', { schema: money, schemaType: 'PROTOBUF' })
    const imports = ['shop/money.proto', 'confluent/type/decimal.proto', 'confluent/meta.proto']
    const importing = `syntax = "proto3"; package shop;
      ${imports.map((name) => `import "${name}";`).join('\n')}
      message Bill { Money sum = 1; confluent.type.Decimal rate = 2; }`
    const references = [{ name: 'shop/money.proto', subject: 'money', version: 1 }]
    const serde = await protobufSerde<unknown>(registry, { topic, schema: importing, references })
    const bill = { sum: { cents: 5 }, rate: { value: Buffer.from([1]), precision: 2, scale: 1 } }
    const bytes = bytesOf(serde, bill)
    assert.equal(bytes[5], 0)
    assert.deepEqual(readAmongOthers(serde, bytes), bill)
    await assert.rejects(protobufSerde(registry, { topic, schema: importing }), {
      code: 'MR_SCHEMA_INVALID',
      message: /imports "shop\/money\.proto", which is not there/,
    })
    await assert.rejects(protobufSerde(registry, { topic, schema: 'message {' }), {
      code: 'MR_SCHEMA_INVALID',
    })
  })

  it('reads a schema that is kept as a descriptor', async () => {
    const module = await import('protobufjs')
    const descriptor = await import('protobufjs/ext/descriptor.js')
    const set = module.default.parse(schema.replaceAll(/.*google.*\n/g, '')).root.toDescriptor('proto3')
    const file = (set as unknown as { file: { package?: string }[] }).file.find(
      (one) => one.package === 'shop',
    )!
    const coded = Buffer.from(descriptor.default.FileDescriptorProto.encode(file).finish()).toString('base64')
    world.fake.put('orders-value', { schema: coded, schemaType: 'PROTOBUF' })
    const reading = await protobufSerde<unknown>(world.registry, { topic })
    const bytes = Buffer.concat([Buffer.from('00000000010202', 'hex'), Buffer.from('0a0141', 'hex')])
    assert.deepEqual(readAmongOthers(reading, bytes), { name: 'A' })
  })
})

const MillraceLike = { name: 'MillraceError' }
