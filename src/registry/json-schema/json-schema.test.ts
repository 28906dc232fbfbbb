import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { jsonSchemaSerde } from '../serdes.ts'
import { bytesOf, eachWithRegistry, readAmongOthers } from '../serdes-fixture.ts'

const schema = {
  title: 'Order',
  type: 'object',
  properties: { id: { type: 'string' }, cents: { type: 'integer', 'connect.type': 'int64' } },
  required: ['id'],
}
const topic = 'orders'

describe('JSON Schema', () => {
  const world = eachWithRegistry()

  it('writes the id and plain JSON, and reads it back', async () => {
    const serde = await jsonSchemaSerde<object>(world.registry, { topic, schema })
    const bytes = bytesOf(serde, { id: 'A', cents: 1 })
    assert.equal(bytes.toString('latin1'), '\0\0\0\0\x01{"id":"A","cents":1}')
    fc.assert(
      fc.property(fc.record({ id: fc.string({ unit: 'grapheme' }), cents: fc.integer() }), (value) => {
        assert.deepEqual(readAmongOthers(serde, bytesOf(serde, value)), { ...value })
      }),
    )
  })

  it('takes no value that the schema refuses, in either direction', async () => {
    const serde = await jsonSchemaSerde<unknown>(world.registry, { topic, schema })
    assert.throws(() => bytesOf(serde, { id: 'A', cents: 0.5 }), {
      code: 'MR_RECORD_INVALID',
      message: 'schema 1 of "orders-value": /cents must be integer',
    })
    assert.throws(() => bytesOf(serde, undefined), { code: 'MR_RECORD_INVALID' })
    const loose = await jsonSchemaSerde<unknown>(world.registry, { topic, schema, validate: false })
    const bytes = bytesOf(loose, { cents: 1 })
    assert.throws(() => serde.read(bytes, 0, bytes.length), {
      message: /the value must have required property 'id'/,
    })
    assert.deepEqual(loose.read(bytes, 0, bytes.length), { cents: 1 })
  })

  it('says where the text stops being JSON', async () => {
    const serde = await jsonSchemaSerde<unknown>(world.registry, { topic, schema })
    assert.throws(() => readAmongOthers(serde, Buffer.from('\0\0\0\0\x01{"id":"A",}', 'latin1')), {
      code: 'MR_RECORD_INVALID',
      message: /^schema 1 of "orders-value": not JSON: .*position 10/,
    })
  })

  it('follows references, by name and by address', async () => {
    const { fake, registry } = world
    const city = { $id: 'http://example.com/city.json', type: 'string', maxLength: 5 }
    fake.put('city', { schema: JSON.stringify(city), schemaType: 'JSON' })
    for (const [$id, name] of [
      [undefined, 'city.json'],
      ['http://example.com/order.json', 'city.json'],
      ['http://example.com/order.json', 'http://example.com/city.json'],
    ] as const) {
      const referring = { ...($id !== undefined && { $id }), properties: { to: { $ref: name } } }
      const references = [{ name, subject: 'city', version: 1 }]
      const serde = await jsonSchemaSerde<unknown>(registry, { topic, schema: referring, references })
      assert.deepEqual(readAmongOthers(serde, bytesOf(serde, { to: 'Ulm' })), { to: 'Ulm' })
      assert.throws(() => bytesOf(serde, { to: 'Augsburg' }), { message: /\/to must NOT have more than 5/ })
      await assert.rejects(jsonSchemaSerde(registry, { topic, schema: referring }), {
        code: 'MR_SCHEMA_INVALID',
      })
    }
  })

  it('knows the drafts from 7 on', async () => {
    const tuple = [{ type: 'string' }, { type: 'number' }]
    for (const [$schema, keyword] of [
      [undefined, 'items'],
      ['http://json-schema.org/draft-07/schema#', 'items'],
      ['https://json-schema.org/draft/2019-09/schema', 'items'],
      ['https://json-schema.org/draft/2020-12/schema', 'prefixItems'],
    ] as const) {
      const drafted = { ...($schema !== undefined && { $schema }), [keyword]: tuple }
      const serde = await jsonSchemaSerde<unknown>(world.registry, { topic, schema: drafted })
      assert.deepEqual(readAmongOthers(serde, bytesOf(serde, ['a', 1])), ['a', 1])
      assert.throws(() => bytesOf(serde, ['a', 'b']), { message: /\/1 must be number/ })
    }
    const draft4 = { $schema: 'http://json-schema.org/draft-04/schema#', type: 'string' }
    await assert.rejects(jsonSchemaSerde(world.registry, { topic, schema: draft4 }), {
      code: 'MR_SCHEMA_INVALID',
    })
  })

  it('names subjects by the title', async () => {
    const naming = { schema, topic, subjectNaming: 'topic-record' } as const
    assert.equal((await jsonSchemaSerde(world.registry, naming)).subject, 'orders-Order')
    await assert.rejects(
      jsonSchemaSerde(world.registry, { ...naming, schema: { type: 'string' }, registration: 'lookup' }),
      {
        code: 'MR_OPTION_INVALID',
      },
    )
  })
})
