/** Checks of values before they are written: a wrong one would be cut off silently by a DataView. */
import { valueInvalid } from './errors.ts'

/** The longest string of the protocol, in bytes, in every form. */
export const STRING_BYTES_MAX = 0x7fff

export function checkedInteger(value: unknown, path: string, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw valueInvalid(path, `is not a whole number from ${min} to ${max}: ${textOf(value)}`)
}

export function checkedInt64(value: unknown, path: string): bigint {
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return value
  throw valueInvalid(path, `is not a bigint of 64 bits: ${textOf(value)}`)
}

export function checkedFloat64(value: unknown, path: string): number {
  if (typeof value === 'number') return value
  throw valueInvalid(path, `is not a number: ${textOf(value)}`)
}

export function checkedBool(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value
  throw valueInvalid(path, `is not a boolean: ${textOf(value)}`)
}

export function checkedString(value: unknown, path: string): string {
  if (typeof value === 'string') return value
  throw valueInvalid(path, `is not a string: ${textOf(value)}`)
}

export function checkedStringBytes(count: number, path: string): number {
  if (count <= STRING_BYTES_MAX) return count
  throw valueInvalid(path, `is a string of ${count} bytes, the most is ${STRING_BYTES_MAX}`)
}

export function checkedBytes(value: unknown, path: string): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw valueInvalid(path, `is not a Buffer: ${textOf(value)}`)
}

export function checkedUuid(value: unknown, path: string): Uint8Array {
  if (value instanceof Uint8Array && value.length === 16) return value
  throw valueInvalid(path, `is not a uuid of 16 bytes: ${textOf(value)}`)
}

export function checkedArray(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw valueInvalid(path, `is not an array: ${textOf(value)}`)
}

export function checkedStruct(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>
  }
  throw valueInvalid(path, `is not an object: ${textOf(value)}`)
}

/** Short, and without the value of strings and bytes, which may be secret. */
function textOf(value: unknown): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return `${value}n`
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return `a value of type ${typeof value}`
}
