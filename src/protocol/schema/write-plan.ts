/**
 * Compiles a table of fields into a writer for one version: a closure per field, no code from text.
 *
 * A field left out (undefined) is written as its default. A field that the version does not have is dropped
 * when it is ignorable or at its default, otherwise the write fails. A tagged field at its default is not
 * written. Values are checked, so that no number is cut and no length lies.
 */

import type { FrameWriter } from '../codec/frame-writer.ts'
import * as check from './checks.ts'
import { isDefault } from './defaults.ts'
import { fieldUnsupported, valueInvalid } from './errors.ts'
import { type Form, isNullable, layoutOf, type NamedField } from './layout.ts'
import type { FieldSpec, Fields, FieldType } from './types.ts'

export type WriteValue = (frame: FrameWriter, value: unknown) => void

/** What the value of one field depends on besides its type. */
interface Place {
  readonly form: Form
  readonly compact: boolean
  readonly nullable: boolean
  readonly path: string
}

function writeField(spec: FieldSpec, form: Form, path: string): WriteValue {
  const compact = form.flexible && spec.compact
  return writeType(spec.type, { form, compact, nullable: isNullable(spec, form), path })
}

function writeType(type: FieldType, place: Place): WriteValue {
  const { path } = place
  switch (type.kind) {
    case 'bool':
      return (frame, value) => frame.out.uint8(check.checkedBool(value, path) ? 1 : 0)
    case 'int8':
      return (frame, value) => frame.out.int8(check.checkedInteger(value, path, -0x80, 0x7f))
    case 'int16':
      return (frame, value) => frame.out.int16(check.checkedInteger(value, path, -0x8000, 0x7fff))
    case 'uint16':
      return (frame, value) => frame.out.uint16(check.checkedInteger(value, path, 0, 0xffff))
    case 'int32':
      return (frame, value) => frame.out.int32(check.checkedInteger(value, path, -0x8000_0000, 0x7fff_ffff))
    case 'uint32':
      return (frame, value) => frame.out.uint32(check.checkedInteger(value, path, 0, 0xffff_ffff))
    case 'int64':
      return (frame, value) => frame.out.int64(check.checkedInt64(value, path))
    case 'float64':
      return (frame, value) => frame.out.float64(check.checkedFloat64(value, path))
    case 'uuid':
      return (frame, value) => frame.out.raw(check.checkedUuid(value, path))
    case 'string':
      return writeString(place)
    case 'bytes':
    case 'records':
      return writeBytes(place)
    case 'array':
      return writeArray(type.element, place)
    case 'struct':
      return writeNullableStruct(type.fields, place)
  }
}

/** The length of bytes, records and arrays; -1 is null. */
function writeLength(frame: FrameWriter, compact: boolean, length: number): void {
  if (compact) frame.out.uvarint(length + 1)
  else frame.out.int32(length)
}

function checkNull(place: Place): void {
  if (!place.nullable) throw valueInvalid(place.path, `cannot be null in version ${place.form.version}`)
}

function writeString(place: Place): WriteValue {
  const { compact, path } = place
  return (frame, value) => {
    const { out } = frame
    if (value === null) {
      checkNull(place)
      if (compact) out.uvarint(0)
      else out.int16(-1)
      return
    }
    const text = check.checkedString(value, path)
    // Most strings are short: their length takes one byte, or the fixed two.
    if (!compact) {
      const at = out.reserve(2)
      const count = check.checkedStringBytes(out.utf8(text), path)
      out.buffer[at] = count >>> 8
      out.buffer[at + 1] = count & 0xff
    } else if (text.length < 42) {
      const at = out.reserve(1)
      const count = out.utf8(text)
      out.buffer[at] = count + 1
    } else {
      out.uvarint(check.checkedStringBytes(Buffer.byteLength(text, 'utf8'), path) + 1)
      out.utf8(text)
    }
  }
}

function writeBytes(place: Place): WriteValue {
  const { compact, path } = place
  return (frame, value) => {
    if (value === null) {
      checkNull(place)
      writeLength(frame, compact, -1)
      return
    }
    const given = check.checkedBytes(value, path)
    writeLength(frame, compact, given.length)
    frame.bytes(given)
  }
}

function writeArray(element: FieldType, place: Place): WriteValue {
  const { compact, path } = place
  const write = writeType(element, { ...place, nullable: false })
  return (frame, value) => {
    if (value === null) {
      checkNull(place)
      writeLength(frame, compact, -1)
      return
    }
    const given = check.checkedArray(value, path)
    writeLength(frame, compact, given.length)
    for (let i = 0; i < given.length; i++) write(frame, given[i])
  }
}

function writeNullableStruct(fields: Fields, place: Place): WriteValue {
  const write = compileStructWriter(fields, place.form, place.path)
  if (!place.nullable) return write
  return (frame, value) => {
    frame.out.int8(value === null ? -1 : 1)
    if (value !== null) write(frame, value)
  }
}

/** Refuses a value in a field that this version has no place for. */
export function compileAbsentCheck(
  absent: readonly NamedField[],
  form: Form,
  pathOf: (field: NamedField) => string,
): (value: Readonly<Record<string, unknown>>) => void {
  const checked = absent.filter((field) => !field.spec.ignorable)
  return (value) => {
    for (let i = 0; i < checked.length; i++) {
      const field = checked[i]!
      if (!isDefault(field.spec, value[field.name])) throw fieldUnsupported(pathOf(field), form.version)
    }
  }
}

/** The writer of a struct, or of a whole message. */
export function compileStructWriter(fields: Fields, form: Form, path: string): WriteValue {
  const { plain, tagged, absent } = layoutOf(fields, form)
  const pathOf = (field: NamedField) => (path === '' ? field.name : `${path}.${field.name}`)
  const checkAbsent = compileAbsentCheck(absent, form, pathOf)
  const names = plain.map((field) => field.name)
  const defaults = plain.map((field) => field.spec.default)
  const writes = plain.map((field) => writeField(field.spec, form, pathOf(field)))
  const writeTags = form.flexible ? writeTagSection(tagged, form, pathOf) : undefined
  return (frame, value) => {
    const given = check.checkedStruct(value, path)
    checkAbsent(given)
    for (let i = 0; i < writes.length; i++) {
      const field = given[names[i]!]
      writes[i]!(frame, field === undefined ? defaults[i] : field)
    }
    if (writeTags !== undefined) writeTags(frame, given)
  }
}

function writeTagSection(tagged: readonly NamedField[], form: Form, pathOf: (field: NamedField) => string) {
  const writes = tagged.map((field) => writeField(field.spec, form, pathOf(field)))
  return (frame: FrameWriter, value: Readonly<Record<string, unknown>>): void => {
    const { out } = frame
    let count = 0
    for (const { name, spec } of tagged) if (!isDefault(spec, value[name])) count += 1
    out.uvarint(count)
    if (count === 0) return
    tagged.forEach(({ name, spec }, i) => {
      if (isDefault(spec, value[name])) return
      out.uvarint(spec.tag!)
      const begin = frame.beginTagged()
      writes[i]!(frame, value[name])
      frame.endTagged(begin)
    })
  }
}
