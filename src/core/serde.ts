/**
 * Serdes: how keys and values become bytes and back.
 *
 * `write` appends to a writer and `read` takes a range, so that the hot path makes no buffer per record.
 */
import { readInt64 } from './integer-fields.ts'
import './buffer-methods.ts'
import type { ByteWriter } from './byte-writer.ts'
import { MillraceError, messageOf } from './errors.ts'
import { type StandardSchema, validate } from './schema.ts'

export interface Serde<T> {
  readonly name: string
  write(value: T, into: ByteWriter): void
  /** @throws MR_RECORD_INVALID when the bytes are not a value of this serde */
  read(bytes: Buffer, start: number, end: number): T
}

/** UTF-8 text, as it is. `write` throws MR_RECORD_INVALID for anything but a text. */
export const stringSerde: Serde<string> = {
  name: 'string',
  write(value, into) {
    if (typeof value !== 'string') throw notWritable('text', value)
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
  if (value instanceof Promise) throw unanswered()
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
    if (!Number.isSafeInteger(value)) throw notWritable('int64', value)
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

/**
 * The serde of either form.
 *
 * @throws MR_PLAN_INVALID for something else, such as `json` that was not called
 */
export function serdeOf<T>(from: SerdeOrSchema<T>): Serde<T> {
  const given: unknown = from
  const isThing = (typeof given === 'object' && given !== null) || typeof given === 'function'
  if (isThing && '~standard' in from) return jsonOf(from)
  if (isThing && typeof (from as Serde<T>).write === 'function') return from as Serde<T>
  throw new MillraceError('MR_PLAN_INVALID', 'what was given is neither a serde nor a schema', {
    hint: 'Write json<Order>(), stringSerde, a schema of zod or another Standard Schema, or avroSerde(…).',
  })
}

function unanswered(): MillraceError {
  return new MillraceError('MR_RECORD_INVALID', 'a promise has no JSON form', {
    hint: 'The functions of operators answer at once; mapAsync takes one that does not.',
  })
}

function notWritable(as: string, value: unknown): MillraceError {
  const shown = typeof value === 'object' && value !== null ? 'an object' : `${typeof value} ${String(value)}`
  return new MillraceError('MR_RECORD_INVALID', `${shown} cannot be written as ${as}`, {
    hint: 'Say how it is written: { key: json<number>() } where the key is chosen, { value: … } where it is sent.',
  })
}
