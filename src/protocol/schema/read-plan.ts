/**
 * Compiles a table of fields into a reader for one version: a closure per field, no code from text.
 *
 * The bytes may be hostile. Every read goes through ByteReader's bounds; the length of an array is held
 * against the bytes that are left before its first element is read, and the array grows with its elements;
 * nesting is that of the table. So work and memory are linear in the bytes received.
 */
import type { ByteReader } from '../../core/byte-reader.ts'
import { MillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import { STRING_BYTES_MAX } from './checks.ts'
import { emptyArray } from './defaults.ts'
import { bytesInvalid, located } from './errors.ts'
import { bytesMin, type Form, isNullable, layoutOf, type NamedField } from './layout.ts'
import type { FieldSpec, Fields, FieldType } from './types.ts'

export type ReadValue = (reader: ByteReader) => unknown

/** What the value of one field depends on besides its type. */
interface Place {
  readonly form: Form
  readonly compact: boolean
  readonly nullable: boolean
  readonly path: string
}

function readField(spec: FieldSpec, form: Form, path: string): ReadValue {
  const compact = form.flexible && spec.compact
  return readType(spec.type, { form, compact, nullable: isNullable(spec, form), path })
}

function readType(type: FieldType, place: Place): ReadValue {
  switch (type.kind) {
    case 'bool':
      return (reader) => reader.uint8() !== 0
    case 'int8':
      return (reader) => reader.int8()
    case 'int16':
      return (reader) => reader.int16()
    case 'uint16':
      return (reader) => reader.uint16()
    case 'int32':
      return (reader) => reader.int32()
    case 'uint32':
      return (reader) => reader.uint32()
    case 'int64':
      return (reader) => reader.int64()
    case 'float64':
      return (reader) => reader.float64()
    case 'uuid':
      return readUuid
    case 'string':
      return readString(place)
    case 'bytes':
    case 'records':
      return readBytes(place)
    case 'array':
      return readArray(type.element, place)
    case 'struct':
      return readNullableStruct(type.fields, place)
  }
}

/** A copy, in memory of its own: ids are kept long after their frame, and one in the pool would keep all of a slab. */
function readUuid(reader: ByteReader): Buffer {
  const start = reader.advance(16)
  const id = Buffer.allocUnsafeSlow(16)
  reader.buffer.copy(id, 0, start, start + 16)
  return id
}

/** The length in front of a value; -1 is null and given only where null is allowed. */
function readLength(place: Place, old: (reader: ByteReader) => number): (reader: ByteReader) => number {
  const { path } = place
  const lowest = place.nullable ? -1 : 0
  const length = place.compact ? (reader: ByteReader) => reader.uvarint() - 1 : old
  return (reader) => {
    const count = length(reader)
    if (count >= lowest) return count
    throw bytesInvalid(path, count === -1 ? 'is null' : `has a length of ${count}`)
  }
}

function readString(place: Place): ReadValue {
  const length = readLength(place, (reader) => reader.int16())
  const { path } = place
  return (reader) => {
    const count = length(reader)
    if (count > STRING_BYTES_MAX) throw bytesInvalid(path, `is a string of ${count} bytes`)
    if (count > 0) return reader.utf8(count)
    return count < 0 ? null : ''
  }
}

function readBytes(place: Place): ReadValue {
  const length = readLength(place, (reader) => reader.int32())
  return (reader) => {
    const count = length(reader)
    return count < 0 ? null : reader.bytes(count)
  }
}

function readArray(element: FieldType, place: Place): ReadValue {
  const length = readLength(place, (reader) => reader.int32())
  const read = readType(element, { ...place, nullable: false })
  const elementBytesMin = bytesMin(element, place.form, place.compact)
  invariant(elementBytesMin >= 1, 'every element of an array takes at least a byte')
  return (reader) => {
    const count = length(reader)
    if (count <= 0) return count < 0 ? null : emptyArray
    if (count * elementBytesMin > reader.remaining) throw tooMany(count, reader)
    const made: unknown[] = []
    for (let i = 0; i < count; i++) made.push(read(reader))
    return made
  }
}

function tooMany(count: number, reader: ByteReader): MillraceError {
  return new MillraceError(
    'MR_BYTES_TRUNCATED',
    `${count} elements announced at ${reader.at}, ${reader.remaining} bytes left`,
  )
}

function readNullableStruct(fields: Fields, place: Place): ReadValue {
  const read = compileStructReader(fields, place.form, place.path)
  if (!place.nullable) return read
  // Kafka writes -1 for null and 1 for a struct, and reads any negative byte as null.
  return (reader) => (reader.int8() < 0 ? null : read(reader))
}

/** The reader of a struct, or of a whole message. */
export function compileStructReader(fields: Fields, form: Form, path: string): ReadValue {
  const { plain, tagged } = layoutOf(fields, form)
  const pathOf = (name: string) => (path === '' ? name : `${path}.${name}`)
  // Every field is set in the order of the table, so that the objects of all versions have one shape.
  const names = Object.keys(fields)
  const defaults = names.map((name) => fields[name]!.default)
  const reads = names.map((name) =>
    plain.some((field) => field.name === name) ? readField(fields[name]!, form, pathOf(name)) : undefined,
  )
  const readTags = form.flexible ? readTagSection(tagged, form, pathOf) : undefined
  return (reader) => {
    const made: Record<string, unknown> = {}
    let at = 0
    try {
      for (; at < names.length; at++) {
        const read = reads[at]
        made[names[at]!] = read === undefined ? defaults[at] : read(reader)
      }
    } catch (error) {
      throw located(error, pathOf(names[at]!))
    }
    if (readTags !== undefined) readTags(reader, made)
    return made
  }
}

/** Tags that are not known here are skipped; their order is not enforced, as in Kafka. */
function readTagSection(tagged: readonly NamedField[], form: Form, pathOf: (name: string) => string) {
  const known = new Map(
    tagged.map((field) => {
      const path = pathOf(field.name)
      return [field.spec.tag, { name: field.name, path, read: readField(field.spec, form, path) }]
    }),
  )
  return (reader: ByteReader, into: Record<string, unknown>): void => {
    const count = reader.uvarint()
    for (let i = 0; i < count; i++) {
      const field = known.get(reader.uvarint())
      const size = reader.uvarint()
      const start = reader.advance(size)
      if (field === undefined) continue
      reader.at = start
      try {
        into[field.name] = field.read(reader)
      } catch (error) {
        throw located(error, field.path)
      }
      if (reader.at !== start + size) {
        throw bytesInvalid(field.path, `takes ${reader.at - start} bytes of the ${size} announced`)
      }
    }
  }
}
