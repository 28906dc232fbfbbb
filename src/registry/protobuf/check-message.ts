/**
 * Whether a value is one of a message. protobufjs itself turns what does not fit into something that does (a text into
 * the number 0), so it is looked at first.
 */
import type { Enum, Field, Type } from 'protobufjs'
import { MillraceError } from '../../core/errors.ts'
import type { Protobuf } from './proto-file.ts'

const DEPTH_MAX = 100

const whole32 = /^(u?int32|sint32|s?fixed32)$/
const whole64 = /^(u?int64|sint64|s?fixed64)$/

/** @throws MR_RECORD_INVALID that names the field */
export function checkMessage(protobuf: Protobuf, type: Type, value: unknown, path = '', depth = 0): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, value, type.name)
  if (depth > DEPTH_MAX) throw wrong(path, 'deeper', `at most ${DEPTH_MAX} messages deep`)
  for (const [name, one] of Object.entries(value)) {
    const place = path === '' ? name : `${path}.${name}`
    const field = type.fields[name]
    if (field === undefined) {
      // A oneof is named beside its field by what was read with protobufjs itself.
      if (type.oneofs?.[name] !== undefined) continue
      throw new MillraceError('MR_RECORD_INVALID', `${place}: "${type.name}" has no such field`, {
        hint: `It has ${Object.keys(type.fields).join(', ') || 'none'}; names are written in camel case.`,
      })
    }
    if (one === null || one === undefined) continue
    if (field.repeated) {
      if (!Array.isArray(one)) throw wrong(place, one, 'an array')
      one.forEach((each, index) => {
        checkField(protobuf, field, each, `${place}.${index}`, depth)
      })
    } else if (field.map) {
      if (typeof one !== 'object' || Array.isArray(one)) throw wrong(place, one, 'an object')
      for (const [key, each] of Object.entries(one))
        checkField(protobuf, field, each, `${place}.${key}`, depth)
    } else checkField(protobuf, field, one, place, depth)
  }
}

function checkField(protobuf: Protobuf, field: Field, value: unknown, path: string, depth: number): void {
  const resolved = field.resolvedType
  if (resolved instanceof protobuf.Type) checkMessage(protobuf, resolved, value, path, depth + 1)
  else if (resolved instanceof protobuf.Enum) checkEnum(resolved, value, path)
  else if (!isScalar(field.type, value)) throw wrong(path, value, field.type)
}

function checkEnum(type: Enum, value: unknown, path: string): void {
  const known =
    typeof value === 'number' ? Number.isInteger(value) : Object.hasOwn(type.values, String(value))
  if (!known) throw wrong(path, value, `one of ${Object.keys(type.values).join(', ')}`)
}

function isScalar(type: string, value: unknown): boolean {
  if (type === 'string') return typeof value === 'string'
  if (type === 'bool') return typeof value === 'boolean'
  if (type === 'bytes') return value instanceof Uint8Array || typeof value === 'string'
  if (whole32.test(type)) {
    const [min, max] = type === 'uint32' || type === 'fixed32' ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1]
    return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
  }
  if (whole64.test(type)) return isWhole64(type, value)
  return typeof value === 'number'
}

function isWhole64(type: string, value: unknown): boolean {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return false
  if (
    typeof value === 'string'
      ? !/^-?\d+$/.test(value)
      : typeof value !== 'number' && typeof value !== 'bigint'
  )
    return false
  const whole = BigInt(value as number | string | bigint)
  const unsigned = type === 'uint64' || type === 'fixed64'
  return (unsigned ? BigInt.asUintN(64, whole) : BigInt.asIntN(64, whole)) === whole
}

function wrong(path: string, value: unknown, expected: string): MillraceError {
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value))
  return new MillraceError(
    'MR_RECORD_INVALID',
    `${path === '' ? 'the value' : path}: ${text.slice(0, 60)} is not ${expected}`,
    { hint: "Write values as the subject's schema has them." },
  )
}
