/** The JSON of a registry's answers, checked: another server may stand at the address. */
import { MillraceError } from '../../core/errors.ts'
import type { SchemaReference, SchemaText, SchemaType, SchemaVersion, StoredSchema } from '../schema.ts'

const schemaTypes: readonly string[] = ['AVRO', 'JSON', 'PROTOBUF'] satisfies readonly SchemaType[]

type Fields = Readonly<Record<string, unknown>>

/** What is sent for a schema. Registries of before schemas had types know Avro only. */
export function schemaBody({ references, schema, schemaType }: SchemaText): unknown {
  return {
    schema,
    ...(schemaType !== 'AVRO' && { schemaType }),
    ...(references.length > 0 && { references }),
  }
}

function fieldsOf(answer: unknown, what: string): Fields {
  if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer as Fields
  throw unexpected(what)
}

export function readId(answer: unknown, what: string): number {
  const { id } = fieldsOf(answer, what)
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) throw unexpected(what)
  return id
}

/** @param typeIfUnsaid what it is where the answer does not tell; Confluent leaves out `AVRO` */
export function readSchema(answer: unknown, what: string, typeIfUnsaid: SchemaType = 'AVRO'): StoredSchema {
  const fields = fieldsOf(answer, what)
  const { guid, id, references, schema } = fields
  const schemaType = fields['schemaType'] ?? typeIfUnsaid
  if (typeof schema !== 'string') throw unexpected(what)
  if (typeof schemaType !== 'string' || !schemaTypes.includes(schemaType)) {
    throw new MillraceError('MR_SCHEMA_INVALID', `${what} is of the type "${String(schemaType)}"`, {
      hint: `Millrace knows ${schemaTypes.join(', ')}.`,
    })
  }
  return {
    schemaType: schemaType as SchemaType,
    schema,
    references: Array.isArray(references) ? references.map((one) => readReference(one, what)) : [],
    id: typeof id === 'number' ? id : undefined,
    guid: typeof guid === 'string' ? guid.toLowerCase() : undefined,
  }
}

export function readVersion(answer: unknown, what: string, typeIfUnsaid?: SchemaType): SchemaVersion {
  const { subject, version } = fieldsOf(answer, what)
  if (typeof subject !== 'string' || typeof version !== 'number') throw unexpected(what)
  return { ...readSchema(answer, what, typeIfUnsaid), id: readId(answer, what), subject, version }
}

function readReference(one: unknown, what: string): SchemaReference {
  const { name, subject, version } = fieldsOf(one, what)
  if (typeof name !== 'string' || typeof subject !== 'string' || typeof version !== 'number')
    throw unexpected(what)
  return { name, subject, version }
}

function unexpected(what: string): MillraceError {
  return new MillraceError('MR_REGISTRY_REFUSED', `${what}: the answer is not that of a schema registry`, {
    hint: 'Check the url; for Apicurio it ends with /apis/ccompat/v7.',
  })
}
