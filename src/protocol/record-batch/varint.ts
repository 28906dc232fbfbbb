/**
 * Kafka's variable-length integers on bare bytes: zigzag, then LEB128.
 *
 * Free functions without state, small enough to be inlined into the loops that build and walk batches.
 */

/** Zigzag of a 32-bit number as an unsigned 32-bit number. */
export const zigzag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0

/** Bytes of an unsigned 32-bit number as LEB128. */
export function uvarintSize(raw: number): number {
  if (raw < 0x80) return 1
  if (raw < 0x4000) return 2
  if (raw < 0x20_0000) return 3
  return raw < 0x1000_0000 ? 4 : 5
}

/** Bytes of a 32-bit number as a varint. */
export const varintSize = (value: number): number => uvarintSize(zigzag(value))

/** Writes an unsigned 32-bit number and returns where the next value goes. */
export function writeUvarint(bytes: Uint8Array, at: number, raw: number): number {
  let rest = raw
  let next = at
  while (rest > 0x7f) {
    bytes[next++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[next] = rest
  return next + 1
}

/** Writes a 32-bit number and returns where the next value goes. */
export const writeVarint = (bytes: Uint8Array, at: number, value: number): number =>
  writeUvarint(bytes, at, zigzag(value))

/** Bytes of a whole number within ±2^53 as a varlong. */
export function varlongSize(value: number): number {
  if ((value | 0) === value) return varintSize(value)
  let rest = value < 0 ? -(value + 1) : value
  // The zigzag code has one bit more than the magnitude, so the first byte takes 6 bits of it.
  let size = 1
  rest = Math.floor(rest / 64)
  while (rest > 0) {
    size++
    rest = Math.floor(rest / 128)
  }
  return size
}

/** Writes a whole number within ±2^53 and returns where the next value goes. */
export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  if ((value | 0) === value) return writeVarint(bytes, at, value)
  const negative = value < 0
  let rest = negative ? -(value + 1) : value
  let low = (rest % 64) * 2 + (negative ? 1 : 0)
  rest = Math.floor(rest / 64)
  let next = at
  while (rest > 0) {
    bytes[next++] = low | 0x80
    low = rest % 128
    rest = Math.floor(rest / 128)
  }
  bytes[next] = low
  return next + 1
}
