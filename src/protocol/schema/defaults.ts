/**
 * Default values of fields, and whether a value is one.
 *
 * Defaults are shared by all messages that are decoded, so they are frozen (the two Buffers cannot be
 * frozen: never write into a decoded value).
 */
import type { FieldSpec, Fields, FieldType } from './types.ts'

/** The uuid that stands for "none". Shared: do not write into it. */
export const zeroUuid: Buffer = Buffer.alloc(16)

const emptyBytes: Buffer = Buffer.alloc(0)
/** Stands for every empty array that is decoded. */
export const emptyArray: readonly never[] = Object.freeze([])

/** The default of a field whose table states none. */
export function implicitDefault(type: FieldType): unknown {
  switch (type.kind) {
    case 'bool':
      return false
    case 'int64':
      return 0n
    case 'string':
      return ''
    case 'bytes':
      return emptyBytes
    case 'records':
      return null
    case 'uuid':
      return zeroUuid
    case 'array':
      return emptyArray
    case 'struct':
      return defaultsOf(type.fields)
    default:
      return 0
  }
}

/** A frozen object with the default of every field. */
export function defaultsOf(fields: Fields): Readonly<Record<string, unknown>> {
  const made: Record<string, unknown> = {}
  for (const name of Object.keys(fields)) made[name] = fields[name]!.default
  return Object.freeze(made)
}

function isZero(value: unknown): boolean {
  return value instanceof Uint8Array && value.length === 16 && value.every((byte) => byte === 0)
}

/** True when `value` is the field's default; a field left out (undefined) is. */
export function isDefault(spec: FieldSpec, value: unknown): boolean {
  if (value === undefined || value === spec.default) return true
  if (value === null || spec.default === null) return false
  switch (spec.type.kind) {
    case 'bytes':
    case 'records':
      return value instanceof Uint8Array && value.length === 0 && spec.default === emptyBytes
    case 'uuid':
      return spec.default === zeroUuid && isZero(value)
    case 'array':
      return Array.isArray(value) && value.length === 0
    case 'struct': {
      const fields = spec.type.fields
      const given = value as Readonly<Record<string, unknown>>
      return Object.keys(fields).every((name) => isDefault(fields[name]!, given[name]))
    }
    default:
      return false
  }
}
