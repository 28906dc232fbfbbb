/** JSON of values that JSON has no form for, as programs and people are shown them. */

/**
 * A value as JSON: bytes are base64, a bigint is its digits. Undefined when the value has no JSON form at all, such as a
 * function.
 *
 * @throws TypeError when the value holds itself
 */
export function plainJson(value: unknown): string | undefined {
  return JSON.stringify(value, plainPart)
}

function plainPart(this: unknown, name: string, part: unknown): unknown {
  // A Buffer has become an object of its own by `toJSON` before it comes here.
  const held = (this as Readonly<Record<string, unknown>>)[name]
  if (held instanceof Uint8Array) return Buffer.from(held).toString('base64')
  return typeof part === 'bigint' ? part.toString() : part
}
