import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { z } from 'zod'
import { type StandardSchema, validate } from '../../core/schema.ts'
import type { JsonSchema } from './draw-value.ts'
import { generator } from './generator.ts'

const order = z.object({
  id: z.uuid(),
  state: z.enum(['paid', 'open']),
  cents: z.int().min(1).max(5),
  share: z.number().min(0).max(1),
  note: z.string().min(2).max(4).optional(),
  tags: z.array(z.string()).max(2),
  place: z.union([z.null(), z.object({ lat: z.number().gt(-90).lt(90) })]),
  at: z.iso.datetime(),
})

describe('generated values', () => {
  it('are such as the schema takes, the same for a seed, and others for another', () => {
    const values = generator(order, { seed: 7 }).take(500)
    for (const value of values) assert.doesNotThrow(() => validate(order as StandardSchema, value))
    assert.deepEqual(generator(order, { seed: 7 }).take(500), values)
    assert.notDeepEqual(generator(order, { seed: 8 }).take(500), values)
    const { cents }: { cents: number } = values[0]!
    assert.equal(typeof cents, 'number')
  })

  it('reach every limit and every choice', () => {
    const values = generator(order).take(500)
    const seen = <T>(of: (value: (typeof values)[number]) => T): readonly T[] =>
      [...new Set(values.map(of))].toSorted()
    assert.deepEqual(
      seen(({ cents }) => cents),
      [1, 2, 3, 4, 5],
    )
    assert.deepEqual(
      seen(({ state }) => state),
      ['open', 'paid'],
    )
    assert.deepEqual(
      seen(({ tags }) => tags.length),
      [0, 1, 2],
    )
    assert.deepEqual(
      seen(({ note }) => note === undefined),
      [false, true],
    )
    assert.deepEqual(
      seen(({ place }) => place === null),
      [false, true],
    )
    assert.ok(values.some(({ share }) => share === 0) && values.some(({ share }) => share === 1))
  })

  it('hold rules that no JSON Schema tells, and take fields from the caller', () => {
    const even = z.object({ n: z.int().refine((n) => n % 2 === 0), key: z.string() })
    const values = generator(even, { fields: { key: (_, index) => `key-${index}` } }).take(20)
    assert.ok(values.every(({ n }) => n % 2 === 0))
    assert.deepEqual(
      values.map(({ key }) => key),
      Array.from({ length: 20 }, (_, index) => `key-${index}`),
    )
    const never = generator(z.int().refine(() => false))
    assert.throws(() => never.next(), { code: 'MR_OPTION_INVALID' })
  })

  it('come to an end where the schema goes round', () => {
    interface Tree {
      readonly children: readonly Tree[]
    }
    const tree = {
      type: 'object',
      properties: { children: { type: 'array', items: { $ref: '#' } } },
      required: ['children'],
    }
    const depth = ({ children }: Tree): number => 1 + Math.max(0, ...children.map(depth))
    const depths = (generator(tree).take(50) as readonly Tree[]).map(depth)
    assert.ok(Math.max(...depths) > 1 && Math.max(...depths) < 10)
    assert.throws(() => generator({ $ref: '#' }).next(), { message: 'the schema has no end' })
  })

  it('are steps of a number, also at exclusive limits', () => {
    const schema = { type: 'number', multipleOf: 5, exclusiveMinimum: 0, exclusiveMaximum: 20 }
    const values = generator(schema).take(100) as readonly number[]
    assert.deepEqual(
      [...new Set(values)].toSorted((a, b) => a - b),
      [5, 10, 15],
    )
  })

  const refused: readonly (readonly [string, JsonSchema])[] = [
    ['a pattern', { type: 'string', pattern: '^a' }],
    ['no type', { minimum: 4 }],
    ['allOf', { allOf: [{ type: 'string' }] }],
    ['an empty range', { type: 'integer', minimum: 2, maximum: 1 }],
    ['a reference to nothing', { $ref: '#/$defs/none' }],
  ]
  for (const [what, schema] of refused) {
    it(`are refused by the path of what cannot be drawn: ${what}`, () => {
      const values = generator({ type: 'object', properties: { a: schema }, required: ['a'] })
      assert.throws(() => values.next(), { code: 'MR_OPTION_INVALID', where: 'a' })
    })
  }
})

const integer = { type: 'integer' }
const a = { a: integer }

/** What a JSON Schema may say, and whether values of it can be drawn. */
const schemas: Readonly<Record<string, readonly [JsonSchema, drawn: boolean]>> = {
  'a required field that is no property': [{ type: 'object', properties: a, required: ['a', 'b'] }, true],
  'a required field by the rule for all others': [
    { type: 'object', required: ['b'], additionalProperties: integer },
    true,
  ],
  'a required field that is forbidden': [
    { type: 'object', properties: a, required: ['b'], additionalProperties: false },
    false,
  ],
  'a count of properties': [{ type: 'object', additionalProperties: integer, maxProperties: 1 }, true],
  'names of properties': [
    { type: 'object', additionalProperties: integer, propertyNames: { maxLength: 2 } },
    true,
  ],
  'names to choose from': [
    { type: 'object', additionalProperties: integer, propertyNames: { enum: ['q'] } },
    true,
  ],
  'fields that need each other': [
    { type: 'object', properties: { ...a, b: integer }, dependentRequired: { a: ['b'] } },
    false,
  ],
  'anyOf beside properties': [
    { type: 'object', properties: { ...a, b: integer }, anyOf: [{ required: ['a'] }, { required: ['b'] }] },
    false,
  ],
  'oneOf of types': [{ oneOf: [integer, { type: 'string' }] }, true],
  'oneOf of kinds': [
    {
      oneOf: ['x', 'y'].map((kind) => ({
        type: 'object',
        properties: { kind: { const: kind }, ...a },
        required: ['kind'],
      })),
    },
    true,
  ],
  'oneOf of which both may hold': [{ oneOf: [integer, { type: 'number' }] }, false],
  'a limit beside a reference': [{ $defs: { n: integer }, $ref: '#/$defs/n', minimum: 900 }, false],
  'a reference to an anchor': [{ $defs: { n: { $anchor: 'n', ...integer } }, $ref: '#n' }, false],
  'choices of several types': [{ type: 'string', enum: ['a', 1] }, true],
  'a constant of another type': [{ type: 'string', const: 5 }, false],
  'a count of any items': [{ type: 'array', minItems: 2 }, true],
  'fewer items than are named': [{ type: 'array', prefixItems: [integer, integer], maxItems: 1 }, true],
  'more items than are named': [{ type: 'array', prefixItems: [integer], minItems: 3 }, true],
  anything: [{}, true],
  'a list of anything': [{ type: 'array', items: true, minItems: 1 }, true],
  'a format and a pattern': [{ type: 'string', format: 'email', pattern: '[aeiou]' }, true],
  'a format and a length that it never has': [{ type: 'string', format: 'email', maxLength: 5 }, false],
}

describe('values of a JSON Schema, which nobody validates', () => {
  for (const [what, [schema, drawn]] of Object.entries(schemas)) {
    it(`are ${drawn ? 'all legal' : 'refused rather than wrong'}: ${what}`, () => {
      const values = generator(schema, { seed: 1 })
      if (!drawn) {
        assert.throws(() => values.next(), { code: 'MR_OPTION_INVALID' })
        return
      }
      const legal = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)
      const wrong = values.take(200).filter((value) => !legal(value))
      assert.deepEqual(wrong.slice(0, 3), [])
    })
  }

  it('are refused by name when a schema of a library has no JSON Schema', () => {
    assert.throws(() => generator(z.object({ at: z.date() })), { code: 'MR_OPTION_INVALID', message: /Date/ })
  })
})
