/**
 * Avro through `avsc`: values are written straight into the writer's memory, and read with the writer's schema
 * resolved to the reader's (Avro 1.12 specification, "Schema Resolution").
 *
 * Records are plain objects with defaults filled in. A union is the value itself where its branches can be told apart,
 * else `{ branch: value }`. Logical types: see logical-types.ts.
 */
import type { Schema, Type } from 'avsc'
import type { ByteWriter } from '../../core/byte-writer.ts'
import { MillraceError, messageOf } from '../../core/errors.ts'
import { type Decoder, type Encoder, type Format, invalidSchema, loadPackage } from '../format.ts'
import type { ResolvedSchema } from '../schema.ts'
import { decimalType, longType } from './logical-types.ts'

type Avsc = typeof import('avsc')

export interface AvroFormatOptions {
  /**
   * What a `long` is: a number (default; one beyond ±2^53 is an error) or a bigint.
   */
  readonly longs?: 'number' | 'bigint'
  /** `auto` (default) wraps the values of a union only where its branches cannot be told apart. */
  readonly wrapUnions?: 'auto' | 'always' | 'never'
}

/** @throws MR_DEPENDENCY_MISSING */
export async function avroFormat<T>(options: AvroFormatOptions = {}): Promise<Format<T>> {
  const module = await loadPackage('avsc', 'Avro', () => import('avsc'))
  return new AvroFormat<T>((module as { readonly default?: Avsc }).default ?? module, options)
}

class AvroFormat<T> implements Format<T> {
  readonly schemaType = 'AVRO'
  readonly hasMessagePath = false
  private readonly avsc: Avsc
  private readonly options: AvroFormatOptions

  constructor(avsc: Avsc, options: AvroFormatOptions) {
    this.avsc = avsc
    this.options = options
  }

  encoder(schema: ResolvedSchema): Encoder<T> {
    const type = this.typeOf(schema)
    return {
      recordName: type.name,
      messagePath: undefined,
      encode: (value, into) => encode(type, value, into),
    }
  }

  decoder(writer: ResolvedSchema, reader: ResolvedSchema | undefined): Decoder<T> {
    const written = this.typeOf(writer)
    if (reader === undefined) return decoderOf(written)
    const type = this.typeOf(reader)
    if (textOf(type) === textOf(written)) return decoderOf(type)
    let resolver: ReturnType<Type['createResolver']>
    try {
      resolver = type.createResolver(written)
    } catch (cause) {
      throw new MillraceError(
        'MR_SCHEMA_INCOMPATIBLE',
        `what was written with it cannot be read as the reader's schema: ${messageOf(cause)}`,
        { hint: "Give the reader's new fields a default, or read without a schema of your own.", cause },
      )
    }
    return decoderOf(type, resolver)
  }

  private typeOf({ dependencies, schema }: ResolvedSchema): Type {
    const { longs = 'number', wrapUnions = 'auto' } = this.options
    const registry: Record<string, Type> = { long: longType(this.avsc, longs) }
    const parse = (text: string): Type =>
      this.avsc.Type.forSchema(JSON.parse(text) as Schema, {
        registry,
        wrapUnions,
        logicalTypes: { decimal: decimalType(this.avsc) },
        omitRecordMethods: true,
      })
    try {
      for (const dependency of dependencies) parse(dependency.schema)
      return parse(schema)
    } catch (cause) {
      throw invalidSchema('the Avro schema cannot be used', cause)
    }
  }
}

function encode(type: Type, value: unknown, into: ByteWriter): void {
  try {
    for (;;) {
      const end = type.encode(value, into.buffer, into.length)
      if (end >= 0) {
        into.length = end
        return
      }
      // So many bytes are missing.
      into.ensure(into.buffer.length - into.length - end)
    }
  } catch (cause) {
    throw new MillraceError('MR_RECORD_INVALID', mismatch(type, value) ?? messageOf(cause), {
      hint: "Write values as the subject's schema has them.",
      cause,
    })
  }
}

/** Where a value differs from the type first. */
function mismatch(type: Type, value: unknown): string | undefined {
  let text: string | undefined
  try {
    type.isValid(value, {
      errorHook(path, part, expected) {
        text ??= `${path.length === 0 ? 'the value' : path.join('.')}: ${describe(part)} is not ${nameOf(expected)}`
      },
    })
  } catch {
    return undefined
  }
  return text
}

/** With defaults and logical types: a decimal of another scale has the same bytes and another value. */
const textOf = (type: Type): string => JSON.stringify(type.schema({ exportAttrs: true }))

const nameOf = (type: Type): string => type.name ?? type.typeName

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'bigint') return `${value}n`
  return (JSON.stringify(value) ?? typeof value).slice(0, 60)
}

function decoderOf<T>(type: Type, resolver?: ReturnType<Type['createResolver']>): Decoder<T> {
  return (bytes, start, end) => {
    let read: { readonly value: unknown; readonly offset: number }
    try {
      read = type.decode(bytes, start, resolver)
    } catch (cause) {
      throw unreadable(`${messageOf(cause)}, in the ${end - start} bytes of the value`, cause)
    }
    // Behind the record are the bytes of the next one.
    if (read.offset < 0 || read.offset > end)
      throw unreadable(`the value goes on after byte ${end - start}, where it ends`)
    if (read.offset < end) {
      throw unreadable(`the value ends at byte ${read.offset - start}, and ${end - read.offset} more follow`)
    }
    return read.value as T
  }
}

function unreadable(what: string, cause?: unknown): MillraceError {
  return new MillraceError('MR_RECORD_INVALID', `not Avro of this schema: ${what}`, {
    hint: 'The bytes were written with another schema than their id says, or cut.',
    ...(cause !== undefined && { cause }),
  })
}
