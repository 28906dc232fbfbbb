/**
 * Serdes: how keys and values become bytes and back.
 *
 * `write` appends to a writer and `read` takes a range, so that the hot path makes no buffer per record.
 */
import { readInt64 } from './integer-fields.ts'
import './buffer-methods.ts'
import type { ByteWriter } from './byte-writer.ts'
import { MillraceError, messageOf } from './errors.ts'
import { invariant } from './invariant.ts'
import { type StandardSchema, validate } from './schema.ts'

export interface Serde<T> {
  readonly name: string
  write(value: T, into: ByteWriter): void
  /** @throws MR_RECORD_INVALID when the bytes are not a value of this serde */
  read(bytes: Buffer, start: number, end: number): T
}

/** UTF-8 text, as it is. */
export const stringSerde: Serde<string> = {
  name: 'string',
  write(value, into) {
    into.utf8(value)
  },
  read(bytes, start, end) {
    return bytes.utf8Slice(start, end)
  },
}

/** Bytes, as they are. `read` returns a view of the batch. */
export const bytesSerde: Serde<Uint8Array> = {
  name: 'bytes',
  write(value, into) {
    into.raw(value)
  },
  read(bytes, start, end) {
    return bytes.subarray(start, end)
  },
}

function readJson(bytes: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(bytes.utf8Slice(start, end))
  } catch (cause) {
    throw new MillraceError('MR_RECORD_INVALID', `not JSON: ${messageOf(cause)}`, { cause })
  }
}

function writeJson(value: unknown, into: ByteWriter): void {
  const text = JSON.stringify(value)
  if (text === undefined) {
    throw new MillraceError('MR_RECORD_INVALID', `a ${typeof value} has no JSON form`)
  }
  into.utf8(text)
}

/** JSON without a check of its shape: `json<Bid>()`. */
export function json<T>(): Serde<T> {
  return jsonSerde as Serde<T>
}

const jsonSerde: Serde<unknown> = { name: 'json', write: writeJson, read: readJson }

/** JSON whose values are validated by a schema when they are read. */
export function jsonOf<Output>(schema: StandardSchema<unknown, Output>): Serde<Output> {
  return {
    name: `json(${schema['~standard'].vendor})`,
    write: writeJson,
    read: (bytes, start, end) => validate(schema, readJson(bytes, start, end)),
  }
}

/** A whole number as 8 bytes, big-endian: Kafka's LongSerializer. Legal: within ±2^53. */
export const int64Serde: Serde<number> = {
  name: 'int64',
  write(value, into) {
    invariant(Number.isSafeInteger(value), 'an int64 key or value is a whole number within 2^53')
    into.int64Number(value)
  },
  read(bytes, start, end) {
    if (end - start !== 8) {
      throw new MillraceError('MR_RECORD_INVALID', `an int64 has 8 bytes, got ${end - start}`)
    }
    const value = readInt64(bytes, start)
    if (!Number.isSafeInteger(value)) {
      throw new MillraceError('MR_RECORD_INVALID', 'an int64 beyond 2^53 cannot be kept exactly')
    }
    return value
  },
}

/** Anything that says how values of `T` are read and written: a serde, or a schema for JSON. */
export type SerdeOrSchema<T> = Serde<T> | StandardSchema<unknown, T>

/** The serde of either form. */
export function serdeOf<T>(from: SerdeOrSchema<T>): Serde<T> {
  return '~standard' in from ? jsonOf(from) : from
}
