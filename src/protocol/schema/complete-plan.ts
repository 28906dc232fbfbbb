/**
 * Compiles a table of fields into a function that turns what a caller wrote into what the other side would
 * decode, without bytes between: left-out fields get their defaults, fields of other versions are dropped or
 * refused, values are checked. Broker and client in one process talk through this; bytes are handed over,
 * not copied.
 */

import { asBuffer } from '../codec/frame-writer.ts'
import * as check from './checks.ts'
import { valueInvalid } from './errors.ts'
import { type Form, isNullable, layoutOf, type NamedField } from './layout.ts'
import type { FieldSpec, Fields, FieldType } from './types.ts'
import { compileAbsentCheck } from './write-plan.ts'

export type CompleteValue = (value: unknown) => unknown

/** A string of so few UTF-16 units is never longer than the protocol allows. */
const STRING_UNITS_SAFE = Math.floor(check.STRING_BYTES_MAX / 3)

function completeField(spec: FieldSpec, form: Form, path: string): CompleteValue {
  const complete = completeType(spec.type, form, path)
  const nullable = isNullable(spec, form)
  return (value) => {
    if (value !== null) return complete(value)
    if (nullable) return null
    throw valueInvalid(path, `cannot be null in version ${form.version}`)
  }
}

function completeType(type: FieldType, form: Form, path: string): CompleteValue {
  switch (type.kind) {
    case 'bool':
      return (value) => check.checkedBool(value, path)
    case 'int8':
      return (value) => check.checkedInteger(value, path, -0x80, 0x7f)
    case 'int16':
      return (value) => check.checkedInteger(value, path, -0x8000, 0x7fff)
    case 'uint16':
      return (value) => check.checkedInteger(value, path, 0, 0xffff)
    case 'int32':
      return (value) => check.checkedInteger(value, path, -0x8000_0000, 0x7fff_ffff)
    case 'uint32':
      return (value) => check.checkedInteger(value, path, 0, 0xffff_ffff)
    case 'int64':
      return (value) => check.checkedInt64(value, path)
    case 'float64':
      return (value) => check.checkedFloat64(value, path)
    case 'uuid':
      return (value) => asBuffer(check.checkedUuid(value, path))
    case 'string':
      return (value) => completeString(value, path)
    case 'bytes':
    case 'records':
      return (value) => asBuffer(check.checkedBytes(value, path))
    case 'array': {
      const complete = completeType(type.element, form, path)
      return (value) => check.checkedArray(value, path).map(complete)
    }
    case 'struct':
      return compileStructCompleter(type.fields, form, path)
  }
}

function completeString(value: unknown, path: string): string {
  const text = check.checkedString(value, path)
  if (text.length > STRING_UNITS_SAFE) check.checkedStringBytes(Buffer.byteLength(text, 'utf8'), path)
  // UTF-8 has no lone surrogates: the wire would replace them too.
  return text.toWellFormed()
}

/** The completer of a struct, or of a whole message. */
export function compileStructCompleter(fields: Fields, form: Form, path: string): CompleteValue {
  const { absent } = layoutOf(fields, form)
  const pathOf = (field: NamedField) => (path === '' ? field.name : `${path}.${field.name}`)
  const checkAbsent = compileAbsentCheck(absent, form, pathOf)
  // Every field is set in the order of the table, so that the objects of all versions have one shape.
  const steps = Object.keys(fields).map((name) => {
    const spec = fields[name]!
    const here = !absent.some((field) => field.name === name)
    return {
      name,
      default: spec.default,
      complete: here ? completeField(spec, form, pathOf({ name, spec })) : undefined,
      // A default of null does not stand in a version that knows no null.
      required: here && spec.default === null && !isNullable(spec, form),
    }
  })
  return (value) => {
    const given = check.checkedStruct(value, path)
    checkAbsent(given)
    const made: Record<string, unknown> = {}
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!
      const field = given[step.name]
      if (step.complete === undefined || (field === undefined && !step.required))
        made[step.name] = step.default
      else made[step.name] = step.complete(field === undefined ? null : field)
    }
    return made
  }
}
