/** What each of Avro, JSON Schema and Protobuf brings; the rest of a serde is the same for all. */
import type { ByteWriter } from '../core/byte-writer.ts'
import { MillraceError, messageOf } from '../core/errors.ts'
import type { ResolvedSchema, SchemaType } from './schema.ts'
import type { MessagePath } from './wire/message-path.ts'

export interface Encoder<T> {
  /** The full name of what it writes, for the subject's name. */
  readonly recordName: string | undefined
  /** Protobuf: which message of the file it writes. */
  readonly messagePath: MessagePath | undefined
  /** Appends the payload. @throws MR_RECORD_INVALID when the value is not one of the schema */
  encode(value: T, into: ByteWriter): void
}

/** The value of a payload. @throws MR_RECORD_INVALID with the position in the payload */
export type Decoder<T> = (bytes: Buffer, start: number, end: number, message: MessagePath) => T

export interface Format<T> {
  readonly schemaType: SchemaType
  /** Protobuf only: the path to a message is part of a record. */
  readonly hasMessagePath: boolean
  /** @throws MR_SCHEMA_INVALID */
  encoder(schema: ResolvedSchema): Encoder<T>
  /**
   * Reads what was written with `writer` as a value of `reader`, or as it is written without one.
   * @throws MR_SCHEMA_INVALID, MR_SCHEMA_INCOMPATIBLE
   */
  decoder(writer: ResolvedSchema, reader: ResolvedSchema | undefined): Decoder<T>
}

/** Loads a package that is an optional peer. @throws MR_DEPENDENCY_MISSING */
export async function loadPackage<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    if ((cause as { readonly code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new MillraceError('MR_DEPENDENCY_MISSING', `${what} needs the package "${name}"`, {
      hint: `Install it: npm install ${name}`,
      cause,
    })
  }
}

export function invalidSchema(what: string, cause: unknown): MillraceError {
  return new MillraceError('MR_SCHEMA_INVALID', `${what}: ${messageOf(cause)}`, {
    hint: 'Mend the schema, or give the references that it needs.',
    cause,
  })
}
