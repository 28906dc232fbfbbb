/**
 * One value of a JSON Schema (draft 2020-12). One draw in eight is a limit of its range: the least, the greatest, the
 * shortest, the longest.
 *
 * It knows `type`, `enum`, `const`, `anyOf`, `oneOf`, `$ref` within the schema, `properties`, `required`, `items`,
 * `prefixItems`, `additionalProperties` with a schema, the limits of numbers, lengths and counts, `multipleOf`, and the
 * formats in `formats`. Anything else that limits values is refused, not passed over.
 */
import { MillraceError } from '../../core/errors.ts'
import { formatUuid, randomUnit, randomUuid } from '../../platform/random.ts'
import type { SimulatedRandom } from '../../platform/simulated/random.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

export interface DrawOptions {
  readonly random: SimulatedRandom
  readonly fields: Readonly<Record<string, (random: SimulatedRandom, index: number) => unknown>>
  readonly index: number
}

interface Place extends DrawOptions {
  readonly root: JsonSchema
  readonly path: string
  readonly depth: number
}

const EDGE = 1 / 8
/** Deeper, whatever may be left out is left out. */
const DEPTH_FULL = 4
const DEPTH_MAX = 64
const refusedKeywords = [
  'allOf',
  'not',
  'if',
  'patternProperties',
  'contains',
  'uniqueItems',
  'minProperties',
]

const dateTime = (random: SimulatedRandom): string =>
  new Date(random.within([0, 4_102_444_799]) * 1000 + random.within([0, 999])).toISOString()
const formats: Readonly<Record<string, (random: SimulatedRandom) => string>> = {
  'date-time': dateTime,
  date: (random) => dateTime(random).slice(0, 10),
  time: (random) => dateTime(random).slice(11),
  uuid: (random) => formatUuid(randomUuid(random)),
  email: (random) => `${word(random)}@${word(random)}.example`,
  uri: (random) => `https://${word(random)}.example/${word(random)}`,
  hostname: (random) => `${word(random)}.example`,
  ipv4: (random) => Array.from({ length: 4 }, () => random.within([0, 255])).join('.'),
}

/** @throws MR_OPTION_INVALID with the path of what cannot be drawn */
export function drawValue(schema: JsonSchema, options: DrawOptions): unknown {
  return draw(schema, { ...options, root: schema, path: '', depth: 0 })
}

function draw(schema: JsonSchema | boolean, place: Place): unknown {
  const { random, fields, path, index } = place
  const own = fields[path]
  if (own !== undefined) return own(random, index)
  if (place.depth > DEPTH_MAX) throw refused(place, 'the schema has no end')
  if (typeof schema === 'boolean') return schema ? null : fail(place, 'no value is legal')
  const keyword = refusedKeywords.find((name) => schema[name] !== undefined && schema[name] !== false)
  if (keyword !== undefined) throw refused(place, `"${keyword}" cannot be drawn`)
  const { $ref: ref, const: fixed, enum: values } = schema
  const variants = schema['anyOf'] ?? schema['oneOf']
  if (typeof ref === 'string') return draw(resolve(ref, place), { ...place, depth: place.depth + 1 })
  if (fixed !== undefined) return fixed
  if (Array.isArray(values)) return pick(values, random)
  if (Array.isArray(variants)) return draw(pick(shallow(variants, place), random), place)
  const { type } = schema
  return ofType(Array.isArray(type) ? pick(type, random) : type, schema, place)
}

function ofType(type: unknown, schema: JsonSchema, place: Place): unknown {
  switch (type) {
    case 'null':
      return null
    case 'boolean':
      return place.random.chance(0.5)
    case 'integer':
    case 'number':
      return drawNumber(schema, type, place)
    case 'string':
      return drawString(schema, place)
    case 'array':
      return drawArray(schema, place)
    case 'object':
      return drawObject(schema, place)
    default:
      throw refused(place, type === undefined ? 'no type is given' : `no type "${String(type)}" is known`)
  }
}

function drawNumber(schema: JsonSchema, type: 'integer' | 'number', place: Place): number {
  const step = numberOf(schema, 'multipleOf') ?? (type === 'integer' ? 1 : undefined)
  const above = numberOf(schema, 'exclusiveMinimum')
  const below = numberOf(schema, 'exclusiveMaximum')
  const least = Math.max(numberOf(schema, 'minimum') ?? -Infinity, above ?? -Infinity)
  const most = Math.min(numberOf(schema, 'maximum') ?? Infinity, below ?? Infinity)
  const [from, to] = [
    Number.isFinite(least) ? least : Math.min(-1000, most - 1000),
    Number.isFinite(most) ? most : Math.max(1000, least + 1000),
  ]
  const legal = (value: number): boolean => value >= from && value <= to && value !== above && value !== below
  const { random } = place
  if (step === undefined) {
    const value = random.chance(EDGE) ? pick([from, to, 0].filter(legal), random) : undefined
    const drawn = value ?? from + randomUnit(random) * (to - from)
    return legal(drawn) ? drawn : legal((from + to) / 2) ? (from + to) / 2 : fail(place, 'no number is legal')
  }
  const [first, last] = [Math.ceil(from / step), Math.floor(to / step)]
  const low = legal(first * step) ? first : first + 1
  const high = legal(last * step) ? last : last - 1
  if (low > high) throw refused(place, 'no number is legal')
  const [near, far] = [Math.max(low, -100), Math.min(high, 100)]
  if (random.chance(EDGE)) return pick([low, high], random) * step
  return random.within(near <= far && random.chance(0.5) ? [near, far] : [low, high]) * step
}

const characters = [...'abcdefghijklmnopqrstuvwxyz', ...'ABCXYZ0189 _-"\\\n', 'é', 'ß', '日', '😀']

function drawString(schema: JsonSchema, place: Place): string {
  const { random } = place
  const format = formats[String(schema['format'])]
  if (format !== undefined) return format(random)
  if (schema['pattern'] !== undefined || schema['format'] !== undefined) {
    throw refused(place, `texts of ${JSON.stringify(schema['format'] ?? schema['pattern'])} cannot be drawn`)
  }
  const length = drawCount(schema, 'Length', 12, place)
  return Array.from({ length }, () => pick(characters, random)).join('')
}

function drawArray(schema: JsonSchema, place: Place): unknown[] {
  const prefix = (schema['prefixItems'] ?? []) as readonly JsonSchema[]
  const items = schema['items'] as JsonSchema | boolean | undefined
  const rest =
    items === undefined || items === false ? 0 : drawCount(schema, 'Items', 4, place) - prefix.length
  const below = (at: number): Place => ({ ...place, path: pathOf(place, String(at)), depth: place.depth + 1 })
  return [
    ...prefix.map((one, at) => draw(one, below(at))),
    ...Array.from({ length: Math.max(0, rest) }, (_, at) => draw(items!, below(prefix.length + at))),
  ]
}

function drawObject(schema: JsonSchema, place: Place): Readonly<Record<string, unknown>> {
  const { random, depth } = place
  const properties = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>)
  const required = new Set(schema['required'] as readonly string[] | undefined)
  const drawn: [string, unknown][] = []
  const add = (name: string, of: JsonSchema): void => {
    drawn.push([name, draw(of, { ...place, path: pathOf(place, name), depth: depth + 1 })])
  }
  for (const [name, of] of properties) {
    if (required.has(name) || (depth < DEPTH_FULL && random.chance(0.7))) add(name, of)
  }
  const more = schema['additionalProperties']
  if (typeof more === 'object' && more !== null && depth < DEPTH_FULL) {
    const known = new Set(properties.map(([name]) => name))
    for (let left = random.within([0, 3]); left > 0; left--) {
      const name = word(random)
      if (!known.has(name)) add(name, more as JsonSchema)
      known.add(name)
    }
  }
  return Object.fromEntries(drawn)
}

/** A length or count between the schema's limits, if it says some. */
function drawCount(schema: JsonSchema, of: 'Length' | 'Items', spread: number, place: Place): number {
  const least = numberOf(schema, `min${of}`) ?? 0
  const most = numberOf(schema, `max${of}`) ?? least + spread
  if (least > most) throw refused(place, `min${of} is above max${of}`)
  if (place.depth > DEPTH_FULL) return least
  const { random } = place
  return random.chance(EDGE)
    ? pick([least, most], random)
    : random.within([least, Math.min(most, least + spread)])
}

/** Variants that lead no deeper, once the value is deep enough. */
function shallow(variants: readonly JsonSchema[], { depth }: Place): readonly JsonSchema[] {
  const flat = variants.filter(
    ({ type, $ref }) => $ref === undefined && type !== 'object' && type !== 'array',
  )
  return depth > DEPTH_FULL && flat.length > 0 ? flat : variants
}

function resolve(ref: string, place: Place): JsonSchema {
  let at: unknown = ref.startsWith('#') ? place.root : undefined
  for (const step of ref.split('/').slice(1)) {
    at = (at as JsonSchema | undefined)?.[
      decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
    ]
  }
  return at === undefined ? fail(place, `"${ref}" leads nowhere`) : (at as JsonSchema)
}

function numberOf(schema: JsonSchema, name: string): number | undefined {
  const value = schema[name]
  return typeof value === 'number' ? value : undefined
}

function pick<T>(from: readonly T[], random: SimulatedRandom): T {
  return from[random.within([0, from.length - 1])]!
}

function word(random: SimulatedRandom): string {
  return Array.from({ length: random.within([1, 8]) }, () => characters[random.within([0, 25])]).join('')
}

const pathOf = ({ path }: Place, name: string): string => (path === '' ? name : `${path}.${name}`)

function refused({ path }: Place, message: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', message, {
    where: path === '' ? 'the value itself' : path,
    hint: 'Say in `fields` how it is drawn.',
  })
}

function fail(place: Place, message: string): never {
  throw refused(place, message)
}
