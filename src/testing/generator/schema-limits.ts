/**
 * What a JSON Schema says beyond what is drawn: where nobody validates the values, such a schema is refused, since values
 * that it does not take would pass for legal ones.
 */
export type JsonSchema = Readonly<Record<string, unknown>>

/** Keywords about values of each type. */
const ofType: Readonly<Record<string, readonly string[]>> = {
  object: [
    'properties',
    'required',
    'additionalProperties',
    'propertyNames',
    'maxProperties',
    'unevaluatedProperties',
    'minProperties',
    'patternProperties',
    'dependentRequired',
    'dependentSchemas',
    'dependencies',
  ],
  array: [
    'items',
    'prefixItems',
    'minItems',
    'maxItems',
    'unevaluatedItems',
    'uniqueItems',
    'contains',
    'minContains',
    'maxContains',
  ],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['multipleOf', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
}
/** Keywords about any value. */
const ofAll = ['type', 'enum', 'const', '$ref', '$dynamicRef', 'anyOf', 'oneOf', 'allOf', 'not', 'if']
const limiting: readonly string[] = [...ofAll, ...Object.values(ofType).flat()]
const drawn: readonly string[] = [
  'type',
  ...(ofType['number'] as readonly string[]),
  ...(ofType['string'] as readonly string[]),
  ...(ofType['object'] as readonly string[]).slice(0, 6),
  ...(ofType['array'] as readonly string[]).slice(0, 5),
]

/** True when every value is legal. */
export function takesAnything(schema: JsonSchema): boolean {
  return !limiting.some((name) => name in schema)
}

/** The first keyword beside `chosen`, which alone decides what is drawn, that says more. */
export function keywordBeside(schema: JsonSchema, chosen: readonly string[]): string | undefined {
  return limiting.find((name) => name in schema && !chosen.includes(name))
}

/** The first keyword about values of the type that is not heeded when one is drawn. */
export function keywordNotDrawn(schema: JsonSchema, type: string): string | undefined {
  const own = ofType[type === 'integer' ? 'number' : type] ?? []
  return [...ofAll, ...own].find((name) => name in schema && !drawn.includes(name))
}

/** Whether a value is of a type, or of one of several. */
export function isOfType(value: unknown, types: unknown): boolean {
  const named = typeName(value)
  return [types]
    .flat()
    .some((type) => type === named || (type === 'number' && named === 'integer') || type === undefined)
}

/** Whether no value can be legal by both: they differ in type, in their values, or in those of a required property. */
export function areDisjoint(a: JsonSchema, b: JsonSchema): boolean {
  const [valuesA, valuesB] = [valuesOf(a), valuesOf(b)]
  if (valuesA !== undefined && valuesB !== undefined) return !valuesA.some((value) => valuesB.includes(value))
  const [typesA, typesB] = [typesOf(a), typesOf(b)]
  if (typesA === undefined || typesB === undefined) return false
  if (!typesA.some((type) => typesB.includes(type))) return true
  if (typesA.join() !== 'object' || typesB.join() !== 'object') return false
  return requiredOf(a).some((name) => {
    const [inA, inB] = [propertyOf(a, name), propertyOf(b, name)]
    return requiredOf(b).includes(name) && inA !== undefined && inB !== undefined && areDisjoint(inA, inB)
  })
}

function valuesOf(schema: JsonSchema): readonly unknown[] | undefined {
  if ('const' in schema) return [JSON.stringify(schema['const'])]
  const { enum: values } = schema
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)) : undefined
}

function typesOf(schema: JsonSchema): readonly string[] | undefined {
  const values = 'const' in schema ? [schema['const']] : schema['enum']
  const types = Array.isArray(values) ? values.map(typeName) : schema['type'] && [schema['type']].flat()
  return Array.isArray(types)
    ? types.map((type) => (type === 'integer' ? 'number' : String(type)))
    : undefined
}

function requiredOf(schema: JsonSchema): readonly string[] {
  return Array.isArray(schema['required']) ? schema['required'] : []
}

function propertyOf(schema: JsonSchema, name: string): JsonSchema | undefined {
  return (schema['properties'] as Readonly<Record<string, JsonSchema>> | undefined)?.[name]
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}
