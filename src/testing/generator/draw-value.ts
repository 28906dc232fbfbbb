/**
 * One value of a JSON Schema (draft 2020-12). One draw in eight is a limit of its range: the least, the greatest, the
 * shortest, the longest.
 *
 * It knows `type`, `enum`, `const`, `anyOf`, `oneOf`, `$ref` within the schema, `properties`, `required`, `items`,
 * `prefixItems`, `additionalProperties` with a schema, `propertyNames`, the limits of numbers, lengths and counts,
 * `multipleOf`, and the formats of `draw-text.ts`. Anything else that limits values is refused, not passed over.
 */
import { MillraceError } from '../../core/errors.ts'
import { randomUnit } from '../../platform/random.ts'
import type { SimulatedRandom } from '../../platform/simulated/random.ts'
import { drawCharacters, drawFormatted, drawWord } from './draw-text.ts'
import {
  areDisjoint,
  isOfType,
  type JsonSchema,
  keywordBeside,
  keywordNotDrawn,
  takesAnything,
} from './schema-limits.ts'

export type { JsonSchema }

export interface DrawOptions {
  readonly random: SimulatedRandom
  readonly fields: Readonly<Record<string, (random: SimulatedRandom, index: number) => unknown>>
  readonly index: number
  /** Nobody validates the value: what is not heeded is refused. */
  readonly strict: boolean
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

/** @throws MR_OPTION_INVALID with the path of what cannot be drawn */
export function drawValue(schema: JsonSchema, options: DrawOptions): unknown {
  return draw(schema, { ...options, root: schema, path: '', depth: 0 })
}

function draw(schema: JsonSchema | boolean, place: Place): unknown {
  const { random, fields, path, index } = place
  const own = fields[path]
  if (own !== undefined) return own(random, index)
  if (place.depth > DEPTH_MAX) throw refused(place, 'the schema has no end')
  if (typeof schema === 'boolean') return schema ? drawAnything(random) : fail(place, 'no value is legal')
  const keyword = refusedKeywords.find((name) => schema[name] !== undefined && schema[name] !== false)
  if (keyword !== undefined) throw refused(place, `"${keyword}" cannot be drawn`)
  const { $ref: ref, const: fixed, enum: values, type } = schema
  if (typeof ref === 'string') {
    refuseBeside(schema, ['$ref'], place)
    return draw(resolve(ref, place), { ...place, depth: place.depth + 1 })
  }
  if (fixed !== undefined || Array.isArray(values)) {
    refuseBeside(schema, ['const', 'enum', 'type'], place)
    const legal = (fixed === undefined ? (values as readonly unknown[]) : [fixed]).filter((value) =>
      isOfType(value, type),
    )
    return legal.length === 0 ? fail(place, 'no value is legal') : pick(legal, random)
  }
  for (const name of ['anyOf', 'oneOf']) {
    const variants = schema[name]
    if (!Array.isArray(variants)) continue
    refuseBeside(schema, [name], place)
    if (name === 'oneOf') refuseOverlap(variants, place)
    return draw(pick(shallow(variants, place), random), place)
  }
  if (takesAnything(schema)) return drawAnything(random)
  const one = Array.isArray(type) ? pick(type, random) : type
  const more = place.strict ? keywordNotDrawn(schema, String(one)) : undefined
  if (more !== undefined) throw refused(place, `"${more}" cannot be drawn`)
  return ofType(one, schema, place)
}

function drawAnything(random: SimulatedRandom): unknown {
  return pick([null, true, false, random.within([-1000, 1000]), drawWord(random)], random)
}

/** What stands beside a keyword that decides by itself would be passed over. */
function refuseBeside(schema: JsonSchema, chosen: readonly string[], place: Place): void {
  const more = place.strict ? keywordBeside(schema, chosen) : undefined
  const name = chosen.find((one) => one in schema)
  if (more !== undefined) throw refused(place, `"${more}" beside "${name}" cannot be drawn`)
}

/** A value that two variants take is not legal. */
function refuseOverlap(variants: readonly JsonSchema[], place: Place): void {
  if (!place.strict) return
  const found = variants.map((one) => (typeof one['$ref'] === 'string' ? resolve(one['$ref'], place) : one))
  for (const [at, one] of found.entries()) {
    if (!found.slice(0, at).some((other) => !areDisjoint(one, other))) continue
    throw refused(place, '"oneOf" cannot be drawn where more than one may hold')
  }
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

function drawString(schema: JsonSchema, place: Place): string {
  const { random } = place
  const { format, pattern } = schema
  if (format === undefined && pattern === undefined)
    return drawCharacters(random, drawCount(schema, 'Length', 12, place))
  const least = numberOf(schema, 'minLength') ?? 0
  const most = numberOf(schema, 'maxLength') ?? Number.POSITIVE_INFINITY
  const matching = typeof pattern === 'string' ? patternOf(pattern, place) : undefined
  const legal = (text: string): boolean => {
    const { length } = [...text]
    return length >= least && length <= most && matching?.test(text) !== false
  }
  const text = typeof format === 'string' ? drawFormatted(random, format, legal) : undefined
  if (text !== undefined) return text
  throw refused(place, `texts of ${JSON.stringify(format ?? pattern)} cannot be drawn`)
}

function patternOf(pattern: string, place: Place): RegExp {
  try {
    return new RegExp(pattern, 'u')
  } catch {
    throw refused(place, `texts of ${JSON.stringify(pattern)} cannot be drawn`)
  }
}

function drawArray(schema: JsonSchema, place: Place): unknown[] {
  const prefix = (schema['prefixItems'] ?? []) as readonly JsonSchema[]
  const items = schema['items'] as JsonSchema | boolean | undefined
  const least = numberOf(schema, 'minItems') ?? 0
  const most = numberOf(schema, 'maxItems') ?? Number.POSITIVE_INFINITY
  // Without a word about more items there are only as many as there must be.
  const open = items !== undefined && items !== false
  if (items === false && least > prefix.length) throw refused(place, 'no count of items is legal')
  const count = open ? Math.max(drawCount(schema, 'Items', 4, place), Math.min(prefix.length, most)) : least
  const below = (at: number): Place => ({ ...place, path: pathOf(place, String(at)), depth: place.depth + 1 })
  return [
    ...prefix.slice(0, most).map((one, at) => draw(one, below(at))),
    ...Array.from({ length: Math.max(0, count - prefix.length) }, (_, at) =>
      draw(items ?? true, below(prefix.length + at)),
    ),
  ]
}

function drawObject(schema: JsonSchema, place: Place): Readonly<Record<string, unknown>> {
  const { random, depth } = place
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>
  const required = new Set((schema['required'] ?? []) as readonly string[])
  const most = numberOf(schema, 'maxProperties') ?? Number.POSITIVE_INFINITY
  const drawn = new Map<string, unknown>()
  const add = (name: string, of: JsonSchema | boolean): void => {
    drawn.set(name, draw(of, { ...place, path: pathOf(place, name), depth: depth + 1 }))
  }
  const more = (schema['additionalProperties'] ?? true) as JsonSchema | boolean
  const free = (): boolean => drawn.size + required.size < most
  for (const [name, of] of Object.entries(properties)) {
    if (required.delete(name) || (free() && depth < DEPTH_FULL && random.chance(0.7))) add(name, of)
  }
  for (const name of required) {
    if (more === false) throw refused(place, `"${name}" is required, and no property`)
    required.delete(name)
    add(name, more)
  }
  if (drawn.size > most) throw refused(place, 'no count of properties is legal')
  if (typeof more === 'object' && depth < DEPTH_FULL) {
    const names = schema['propertyNames'] as JsonSchema | undefined
    for (let left = random.within([0, 3]); left > 0; left--) {
      const name = names === undefined || takesAnyText(names) ? drawWord(random) : drawName(names, place)
      if (free() && !(name in properties) && !drawn.has(name)) add(name, more)
    }
  }
  return Object.fromEntries(drawn)
}

function takesAnyText(names: JsonSchema): boolean {
  return keywordBeside(names, ['type']) === undefined
}

function drawName(names: JsonSchema, place: Place): string {
  return String(draw({ type: 'string', ...names }, { ...place, path: pathOf(place, '(name)'), fields: {} }))
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
  let at: unknown = ref === '#' || ref.startsWith('#/') ? place.root : undefined
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
