/** Chance. */
export interface Random {
  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number
  /** `count` random bytes. */
  bytes(count: number): Buffer
}

/** A number from 0 (included) to 1 (excluded). */
export function randomUnit(random: Random): number {
  return random.uint32() / 0x1_0000_0000
}

/** A whole number from 0 (included) to `limit` (excluded). Legal: 1 to 2^32. */
export function randomInt(random: Random, limit: number): number {
  return Math.floor(randomUnit(random) * limit)
}

/** A random (version 4) UUID as 16 bytes. */
export function randomUuid(random: Random): Buffer {
  const bytes = random.bytes(16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes
}

/** `1b4e28ba-2fa1-41d2-883f-0016d3cca427` of 16 bytes. */
export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
