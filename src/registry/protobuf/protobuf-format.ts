/**
 * Protobuf through `protobufjs`: values are plain objects with names in camel case, enums by name, bytes as Buffer,
 * 64-bit integers as texts (as Protobuf's JSON has them), and fields that are not set with their default.
 *
 * A reader's own schema reads the message of the same full name; fields that it does not know are passed over, as
 * Protobuf has it.
 */
import type { Reader, Type } from 'protobufjs'
import type { ByteWriter } from '../../core/byte-writer.ts'
import { MillraceError, messageOf } from '../../core/errors.ts'
import { type Decoder, type Encoder, type Format, loadPackage } from '../format.ts'
import type { ResolvedSchema } from '../schema.ts'
import { firstMessage, type MessagePath } from '../wire/message-path.ts'
import { checkMessage } from './check-message.ts'
import { nameOf, type Protobuf, ProtoFile } from './proto-file.ts'

export interface ProtobufFormatOptions {
  /** The message that is written and read: `Order` or `shop.Order`; the first of the file by default. */
  readonly message?: string
  /** What a 64-bit integer is: a text (default), a bigint, or a number, which is not exact beyond ±2^53. */
  readonly longs?: 'string' | 'bigint' | 'number'
}

const longConstructors = { string: String, bigint: BigInt, number: Number } as const

/** @throws MR_DEPENDENCY_MISSING */
export async function protobufFormat<T>(options: ProtobufFormatOptions = {}): Promise<Format<T>> {
  const [module] = await loadPackage('protobufjs', 'Protobuf', () =>
    Promise.all([import('protobufjs'), import('protobufjs/ext/descriptor.js')]),
  )
  return new ProtobufFormat<T>((module as { readonly default?: Protobuf }).default ?? module, options)
}

class ProtobufFormat<T> implements Format<T> {
  readonly schemaType = 'PROTOBUF'
  readonly hasMessagePath = true
  private readonly protobuf: Protobuf
  private readonly options: ProtobufFormatOptions

  constructor(protobuf: Protobuf, options: ProtobufFormatOptions) {
    this.protobuf = protobuf
    this.options = options
  }

  encoder(schema: ResolvedSchema): Encoder<T> {
    const { protobuf } = this
    const { path, type } = this.ownMessage(ProtoFile.parse(protobuf, schema))
    return {
      recordName: nameOf(type),
      messagePath: path,
      encode(value, into) {
        checkMessage(protobuf, type, value)
        encode(type, value as Record<string, unknown>, into)
      },
    }
  }

  decoder(writer: ResolvedSchema, reader: ResolvedSchema | undefined): Decoder<T> {
    const file = ProtoFile.parse(this.protobuf, writer)
    const own =
      reader === undefined ? undefined : this.ownMessage(ProtoFile.parse(this.protobuf, reader)).type
    const types = new Map<string, Type>()
    const typeAt = (path: MessagePath): Type => {
      const written = file.messageAt(path)
      if (own === undefined || nameOf(own) === nameOf(written)) return own ?? written
      throw new MillraceError(
        'MR_SCHEMA_INCOMPATIBLE',
        `it holds a ${nameOf(written)}, not a ${nameOf(own)}`,
        {
          hint: 'Read the topic without a schema of your own, or with the message that it has.',
        },
      )
    }
    const first = lazily(() => typeAt(firstMessage))
    return (bytes, start, end, path) => {
      if (path === firstMessage) return this.decode(first(), bytes, start, end)
      const name = path.join('.')
      let type = types.get(name)
      if (type === undefined) {
        type = typeAt(path)
        types.set(name, type)
      }
      return this.decode(type, bytes, start, end)
    }
  }

  private ownMessage(file: ProtoFile): { readonly path: MessagePath; readonly type: Type } {
    const { message } = this.options
    const path = message === undefined ? firstMessage : file.pathOf(message)
    return { path, type: file.messageAt(path) }
  }

  private decode(type: Type, bytes: Buffer, start: number, end: number): T {
    const reader: Reader = this.protobuf.Reader.create(bytes.subarray(start, end))
    try {
      return type.toObject(type.decode(reader), {
        longs: longConstructors[this.options.longs ?? 'string'],
        enums: String,
        bytes: Buffer,
        defaults: true,
      }) as T
    } catch (cause) {
      throw new MillraceError(
        'MR_RECORD_INVALID',
        `not a ${nameOf(type)}: ${messageOf(cause)}, at byte ${reader.pos} of ${end - start}`,
        { hint: 'The bytes were written with another schema than their id says, or cut.', cause },
      )
    }
  }
}

function encode(type: Type, value: Record<string, unknown>, into: ByteWriter): void {
  const bytes = type.encode(type.fromObject(value)).finish()
  into.raw(bytes)
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
