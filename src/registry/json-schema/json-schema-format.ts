/**
 * JSON Schema through `ajv`: values are JSON, checked against the schema when they are written and when they are read.
 * Drafts 7 (also what says nothing), 2019-09 and 2020-12. `format` is a note, as the newer drafts have it, and unknown
 * keywords are passed over, as registries add their own.
 */
import type { Ajv, ValidateFunction } from 'ajv'
import type { ByteWriter } from '../../core/byte-writer.ts'
import { MillraceError, messageOf } from '../../core/errors.ts'
import { type Decoder, type Encoder, type Format, invalidSchema, loadPackage } from '../format.ts'
import type { ResolvedSchema } from '../schema.ts'

export interface JsonSchemaFormatOptions {
  /** False leaves values unchecked in both directions; true by default. */
  readonly validate?: boolean
}

type AjvClass = new (options: Readonly<Record<string, unknown>>) => Ajv
type JsonSchema = boolean | Readonly<Record<string, unknown>>

interface AjvClasses {
  readonly draft7: AjvClass
  readonly draft2019: AjvClass
  readonly draft2020: AjvClass
}

/** @throws MR_DEPENDENCY_MISSING */
export async function jsonSchemaFormat<T>(options: JsonSchemaFormatOptions = {}): Promise<Format<T>> {
  const [draft7, draft2019, draft2020] = await loadPackage('ajv', 'JSON Schema', () =>
    Promise.all([import('ajv'), import('ajv/dist/2019.js'), import('ajv/dist/2020.js')]),
  )
  const classes: AjvClasses = {
    draft7: draft7.Ajv as unknown as AjvClass,
    draft2019: draft2019.Ajv2019 as unknown as AjvClass,
    draft2020: draft2020.Ajv2020 as unknown as AjvClass,
  }
  return new JsonSchemaFormat<T>(classes, options.validate ?? true)
}

class JsonSchemaFormat<T> implements Format<T> {
  readonly schemaType = 'JSON'
  readonly hasMessagePath = false
  private readonly classes: AjvClasses
  private readonly validate: boolean

  constructor(classes: AjvClasses, validate: boolean) {
    this.classes = classes
    this.validate = validate
  }

  encoder(schema: ResolvedSchema): Encoder<T> {
    const check = this.checkOf(schema)
    const parsed = parse(schema.schema)
    const title = typeof parsed === 'object' ? parsed['title'] : undefined
    return {
      recordName: typeof title === 'string' ? title : undefined,
      messagePath: undefined,
      encode: (value, into) => encode(value, into, check),
    }
  }

  decoder(writer: ResolvedSchema, reader: ResolvedSchema | undefined): Decoder<T> {
    const check = this.checkOf(reader ?? writer)
    return (bytes, start, end) => {
      let value: unknown
      try {
        value = JSON.parse(bytes.utf8Slice(start, end))
      } catch (cause) {
        // V8 tells the position.
        throw new MillraceError('MR_RECORD_INVALID', `not JSON: ${messageOf(cause)}`, { cause })
      }
      checkValue(value, check)
      return value as T
    }
  }

  private checkOf(schema: ResolvedSchema): ValidateFunction | undefined {
    if (!this.validate) return undefined
    const main = parse(schema.schema)
    const Class = this.classOf(main)
    try {
      const ajv = new Class({
        strict: false,
        validateFormats: false,
        logger: false,
        inlineRefs: false,
        addUsedSchema: false,
      })
      const base = typeof main === 'object' && typeof main['$id'] === 'string' ? main['$id'] : undefined
      for (const { name, schema: text } of schema.dependencies) {
        const dependency = parse(text)
        for (const id of new Set([name, absolute(name, base)]))
          if (ajv.getSchema(id) === undefined) ajv.addSchema(withoutId(dependency), id)
      }
      return ajv.compile(main)
    } catch (cause) {
      throw invalidSchema('the JSON Schema cannot be used', cause)
    }
  }

  private classOf(schema: JsonSchema): AjvClass {
    const said = typeof schema === 'object' ? String(schema['$schema'] ?? '') : ''
    const { draft7, draft2019, draft2020 } = this.classes
    if (said.includes('2020-12')) return draft2020
    return said.includes('2019-09') ? draft2019 : draft7
  }
}

/** What a `$ref` of this text leads to. */
function absolute(name: string, base: string | undefined): string {
  return base !== undefined && URL.canParse(name, base) ? new URL(name, base).href : name
}

/** It is known by the name that the reference gives it; its own `$id` would be a second schema of that name. */
function withoutId(schema: JsonSchema): JsonSchema {
  if (typeof schema === 'boolean') return schema
  const { $id: _, ...rest } = schema
  return rest
}

function parse(text: string): JsonSchema {
  try {
    return JSON.parse(text) as JsonSchema
  } catch (cause) {
    throw invalidSchema('the JSON Schema is not JSON', cause)
  }
}

function encode(value: unknown, into: ByteWriter, check: ValidateFunction | undefined): void {
  checkValue(value, check)
  const text = JSON.stringify(value)
  if (text === undefined) throw new MillraceError('MR_RECORD_INVALID', `a ${typeof value} has no JSON form`)
  into.utf8(text)
}

function checkValue(value: unknown, check: ValidateFunction | undefined): void {
  if (check === undefined || check(value)) return
  const [first] = check.errors ?? []
  const place =
    first?.instancePath === undefined || first.instancePath === '' ? 'the value' : first.instancePath
  throw new MillraceError('MR_RECORD_INVALID', `${place} ${first?.message ?? 'does not match the schema'}`, {
    hint: "Mend the record's producer, or the schema.",
  })
}
