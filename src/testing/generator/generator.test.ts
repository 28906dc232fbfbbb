import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
    ['no type', {}],
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
