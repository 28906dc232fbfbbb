/**
 * A serde whose schemas are in a registry. The same for Avro, JSON Schema and Protobuf (`format.ts`).
 *
 * Writing: the schema is registered once, when the serde is made; then each value is its mark and its payload.
 * Reading, synchronous where the schema is known:
 *
 * 1. The record says which schema it was written with. Those of the subject are loaded when the serde is made.
 * 2. One that is not known is asked for in the background, and MR_SCHEMA_NOT_LOADED is thrown, which is retriable:
 *    whoever can wait calls `load` first (`typedRecords` does), whoever cannot tries again.
 * 3. What the registry does not have is remembered for a while: MR_SCHEMA_UNKNOWN, to be put aside as bad data.
 */
import { ByteReader } from '../core/byte-reader.ts'
import type { ByteWriter } from '../core/byte-writer.ts'
import { type ErrorContext, isMillraceError, MillraceError, messageOf } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import type { Decoder, Encoder, Format } from './format.ts'
import { BoundedCache } from './rest/bounded-cache.ts'
import type { SchemaRegistry } from './rest/schema-registry.ts'
import type { ResolvedSchema, StoredSchema } from './schema.ts'
import { firstMessage, type MessagePath, messagePathBytes, readMessagePath } from './wire/message-path.ts'
import { guidMark, idMark, readMark, type SchemaKey } from './wire/schema-id.ts'

/** After so many failures to get different schemas the oldest is forgotten. */
const FAILURES_MAX = 1000

export interface WriterParts<T> {
  readonly encoder: Encoder<T>
  readonly subject: string
  readonly stored: StoredSchema
}

export interface RegistrySerdeParts<T> {
  readonly registry: SchemaRegistry
  readonly format: Format<T>
  readonly writer: WriterParts<T> | undefined
  /** Values are read as ones of this schema. */
  readonly reader: ResolvedSchema | undefined
  readonly decodersMax: number
}

export class RegistrySerde<T> implements Serde<T> {
  readonly name: string
  /** The subject of what is written; undefined when it only reads. */
  readonly subject: string | undefined
  /** The id of what is written. */
  readonly schemaId: number | undefined
  private readonly parts: RegistrySerdeParts<T>
  private readonly mark: Buffer | undefined
  private readonly decoders: BoundedCache<SchemaKey, Decoder<T>>
  private readonly failures: BoundedCache<SchemaKey, MillraceError>
  private lastKey: SchemaKey | undefined
  private lastDecoder: Decoder<T> | undefined

  constructor(parts: RegistrySerdeParts<T>) {
    const { format, writer } = parts
    this.parts = parts
    this.name = format.schemaType === 'JSON' ? 'json-schema' : format.schemaType.toLowerCase()
    this.subject = writer?.subject
    this.schemaId = writer?.stored.id
    this.mark = writer?.stored.id === undefined ? undefined : this.withPath(idMark(writer.stored.id))
    this.decoders = new BoundedCache(parts.decodersMax)
    this.failures = new BoundedCache(FAILURES_MAX)
  }

  /** Appends the schema's id and the value. @throws MR_RECORD_INVALID; MR_OPTION_INVALID without a schema */
  write(value: T, into: ByteWriter): void {
    const { encoder } = this.writer
    if (this.mark === undefined) throw noIdentity('id', this.parts.registry.where)
    const start = into.length
    into.raw(this.mark)
    try {
      encoder.encode(value, into)
    } catch (error) {
      into.truncate(start)
      throw this.located(error, this.schemaId)
    }
  }

  /** Appends the value alone, and gives what has to stand in the header `schemaIdHeader(part)`. */
  writePayload(value: T, into: ByteWriter): Buffer {
    const { encoder, stored } = this.writer
    if (stored.guid === undefined) throw noIdentity('GUID', this.parts.registry.where)
    const mark = this.withPath(guidMark(stored.guid))
    const start = into.length
    try {
      encoder.encode(value, into)
    } catch (error) {
      into.truncate(start)
      throw this.located(error, stored.guid)
    }
    return mark
  }

  /**
   * Reads a value; without a header the schema's id is in front of it.
   * @param header what stands in the header `schemaIdHeader(part)`
   * @throws MR_RECORD_INVALID, MR_SCHEMA_UNKNOWN, MR_SCHEMA_INCOMPATIBLE, MR_SCHEMA_INVALID, MR_SCHEMA_NOT_LOADED
   */
  read(bytes: Buffer, start: number, end: number, header?: Uint8Array): T {
    const head = header === undefined ? bytes : bufferOf(header)
    const mark = readMark(head, header === undefined ? start : 0, header === undefined ? end : head.length)
    const decode = this.decoderOf(mark.key)
    try {
      let payloadStart = header === undefined ? mark.end : start
      let message: MessagePath = firstMessage
      if (this.parts.format.hasMessagePath) {
        const reader = new ByteReader(head, mark.end, header === undefined ? end : head.length)
        message = readMessagePath(reader)
        if (header === undefined) payloadStart = reader.at
      }
      return decode(bytes, payloadStart, end, message)
    } catch (error) {
      throw this.located(error, mark.key)
    }
  }

  /**
   * Fetches the schema that these bytes were written with, if it is not there; then `read` does not have to wait.
   * @throws what keeps it from being read: MR_SCHEMA_UNKNOWN, MR_REGISTRY_UNREACHABLE, MR_RECORD_INVALID, …
   */
  async load(bytes: Uint8Array, header?: Uint8Array): Promise<void> {
    const head = bufferOf(header ?? bytes)
    await this.loadKey(readMark(head, 0, head.length).key)
  }

  /** Fetches a schema by its id or GUID. */
  async loadKey(key: SchemaKey): Promise<void> {
    await this.decoders.get(key, () => this.fetchDecoder(key))
  }

  /** Takes in a schema that was fetched already; one that cannot be read fails when a record has it. */
  async prepare(key: SchemaKey, schema: StoredSchema): Promise<void> {
    await this.decoders.get(key, () => this.compile(key, schema)).catch(() => {})
  }

  private get writer(): WriterParts<T> {
    const { writer } = this.parts
    if (writer !== undefined) return writer
    throw new MillraceError('MR_OPTION_INVALID', `this ${this.name} serde has no schema to write with`, {
      hint: "Give schema when it is made, or registration: 'latest'.",
    })
  }

  private withPath(mark: Buffer): Buffer {
    const path = this.parts.writer?.encoder.messagePath
    return path === undefined ? mark : Buffer.concat([mark, messagePathBytes(path)])
  }

  private decoderOf(key: SchemaKey): Decoder<T> {
    if (key === this.lastKey) return this.lastDecoder!
    const decoder = this.decoders.peek(key)
    if (decoder !== undefined) {
      this.lastKey = key
      this.lastDecoder = decoder
      return decoder
    }
    const failure = this.failures.peek(key)
    // An unknown one may have been registered since: ask again for the next record, while this one has its answer.
    if (failure === undefined || failure.retriable || failure.code === 'MR_SCHEMA_UNKNOWN')
      this.loadKey(key).catch(() => {})
    if (failure !== undefined && !failure.retriable) throw failure
    const last = failure === undefined ? '' : `; the last attempt: ${failure.message}`
    throw new MillraceError('MR_SCHEMA_NOT_LOADED', `schema ${key} is being fetched${last}`, {
      where: this.parts.registry.where,
      hint: 'Await load() of the serde before it reads, or read the record again in a moment.',
      context: this.context(key),
      cause: failure,
    })
  }

  private async fetchDecoder(key: SchemaKey): Promise<Decoder<T>> {
    const { registry } = this.parts
    try {
      const stored =
        typeof key === 'number' ? await registry.schemaById(key) : await registry.schemaByGuid(key)
      return await this.compile(key, stored)
    } catch (error) {
      throw this.remember(key, error)
    }
  }

  private async compile(key: SchemaKey, stored: StoredSchema): Promise<Decoder<T>> {
    const { format, reader, registry } = this.parts
    try {
      if (stored.schemaType !== format.schemaType) {
        throw new MillraceError(
          'MR_SCHEMA_INCOMPATIBLE',
          `schema ${key} is of the type ${stored.schemaType}, and ${format.schemaType} is read`,
          { hint: 'Read the topic with the serde of that type.' },
        )
      }
      const decoder = format.decoder(await registry.resolve(stored), reader)
      this.failures.delete(key)
      return decoder
    } catch (error) {
      throw this.remember(key, error)
    }
  }

  private remember(key: SchemaKey, error: unknown): MillraceError {
    const located = this.located(error, key)
    this.failures.set(key, located)
    return located
  }

  private context(key: SchemaKey | undefined): ErrorContext {
    return { schema: key ?? null, subject: this.subject ?? null, url: this.parts.registry.where }
  }

  /** Says of an error which schema it was about. */
  private located(error: unknown, key: SchemaKey | undefined): MillraceError {
    if (isMillraceError(error) && error.context['schema'] !== undefined) return error
    const subject = this.subject === undefined ? '' : ` of "${this.subject}"`
    const of = `schema ${key}${subject}: `
    const where = this.parts.registry.where
    const context = { ...(isMillraceError(error) ? error.context : {}), ...this.context(key) }
    if (!isMillraceError(error)) {
      return new MillraceError('MR_RECORD_INVALID', `${of}${messageOf(error)}`, {
        cause: error,
        where,
        context,
      })
    }
    // What the bytes lack is the record's fault, whoever noticed.
    const code = /^MR_BYTES_/.test(error.code) ? 'MR_RECORD_INVALID' : error.code
    return new MillraceError(code, `${of}${error.message}`, {
      cause: error,
      where: error.where ?? where,
      retriable: error.retriable,
      context,
      ...(error.hint !== undefined && { hint: error.hint }),
    })
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function noIdentity(what: 'id' | 'GUID', where: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `the registry gave no ${what} for the schema`, {
    where,
    hint:
      what === 'GUID'
        ? "Write the id in front of the value (idIn: 'prefix'): registries of before Confluent 8 know no GUIDs."
        : 'Register the schema, or look it up by its subject.',
  })
}
