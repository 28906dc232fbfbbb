/**
 * Values by a schema, from a seed: the same seed gives the same values on every machine.
 *
 * A schema is a JSON Schema, or a Standard Schema that can say its JSON Schema (zod 4.2 and newer, arktype, valibot by
 * its package for it). Values are what the schema takes in. Those of a Standard Schema are validated by it, and drawn
 * again when it refuses them, so that rules which no JSON Schema tells hold too.
 */
import { MillraceError, messageOf } from '../../core/errors.ts'
import { formatIssues, type StandardSchema } from '../../core/schema.ts'
import { type Seed, type SimulatedRandom, simulatedRandom } from '../../platform/simulated/random.ts'
import { drawValue, type JsonSchema } from './draw-value.ts'

export interface GeneratorOptions {
  /** Default 0. */
  readonly seed?: Seed
  /**
   * Fields that are drawn in another way, by their path, such as `customer.id`; `index` counts the values from 0 on.
   */
  readonly fields?: Readonly<Record<string, (random: SimulatedRandom, index: number) => unknown>>
}

export interface Generator<T> {
  next(): T
  /** The next `count` values. */
  take(count: number): readonly T[]
}

/** Standard JSON Schema, as far as it is used. */
interface WithJsonSchema {
  readonly input: (options: { readonly target: 'draft-2020-12' }) => Readonly<Record<string, unknown>>
}

type InputOf<S> = S extends StandardSchema<infer Input, infer _Output> ? Input : unknown

/** Values in a row may be refused so often before the schema is given up. */
const REFUSED_MAX = 1000

/**
 * A generator of values that a schema takes in.
 *
 * @throws MR_OPTION_INVALID for what it cannot draw, by the path of the field, when the first value is drawn; also when
 *   the schema refuses a thousand values in a row
 */
export function generator<const S extends StandardSchema | JsonSchema>(
  schema: S,
  options: GeneratorOptions = {},
): Generator<InputOf<S>> {
  const { seed = 0, fields = {} } = options
  const random = simulatedRandom(seed)
  const root = jsonSchemaOf(schema)
  let index = 0
  const next = (): InputOf<S> => {
    let refused = ''
    for (let draw = 0; draw < REFUSED_MAX; draw++) {
      const value = drawValue(root, { random, fields, index, strict: !isStandard(schema) })
      const issues = issuesOf(schema, value)
      if (issues === undefined) {
        index++
        return value as InputOf<S>
      }
      refused = issues
    }
    throw new MillraceError('MR_OPTION_INVALID', `the schema refuses what is drawn: ${refused}`, {
      hint: 'Say in `fields` how the field is drawn.',
    })
  }
  return { next, take: (count) => Array.from({ length: count }, next) }
}

function jsonSchemaOf(schema: StandardSchema | JsonSchema): JsonSchema {
  if (!isStandard(schema)) return schema
  const standard = schema['~standard'] as { readonly vendor: string; readonly jsonSchema?: WithJsonSchema }
  if (standard.jsonSchema !== undefined) {
    try {
      return standard.jsonSchema.input({ target: 'draft-2020-12' })
    } catch (cause) {
      throw new MillraceError('MR_OPTION_INVALID', `the schema has no JSON Schema: ${messageOf(cause)}`, {
        cause,
        hint: 'Give the JSON Schema itself to `generator`.',
      })
    }
  }
  throw new MillraceError('MR_OPTION_INVALID', `the ${standard.vendor} schema does not say its JSON Schema`, {
    hint: 'Give the JSON Schema itself to `generator`.',
  })
}

function issuesOf(schema: StandardSchema | JsonSchema, value: unknown): string | undefined {
  if (!isStandard(schema)) return undefined
  const result = schema['~standard'].validate(value)
  if (!(result instanceof Promise))
    return result.issues === undefined ? undefined : formatIssues(result.issues)
  throw new MillraceError('MR_SCHEMA_ASYNC', 'a schema of generated values validates asynchronously')
}

function isStandard(schema: StandardSchema | JsonSchema): schema is StandardSchema {
  return '~standard' in schema
}
