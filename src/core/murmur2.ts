/**
 * Murmur2 with Kafka's seed: the hash by which Java's default partitioner spreads keys, so that every
 * client puts a key into the same partition.
 */

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995

/** The 32-bit hash of bytes `start` to `end`, as a signed number like Java's. */
export function murmur2(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const length = end - start
  let hash = SEED ^ length
  let at = start
  for (const whole = start + (length & ~3); at < whole; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    word = Math.imul(word, MULTIPLIER)
    word ^= word >>> 24
    word = Math.imul(word, MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ word
  }
  const rest = length & 3
  if (rest === 3) hash ^= bytes[at + 2]! << 16
  if (rest >= 2) hash ^= bytes[at + 1]! << 8
  if (rest >= 1) {
    hash ^= bytes[at]!
    hash = Math.imul(hash, MULTIPLIER)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** The partition of a key among `partitionCount`, as Java's producer chooses it. */
export function partitionOf(key: Uint8Array, partitionCount: number, start = 0, end = key.length): number {
  return (murmur2(key, start, end) & 0x7fffffff) % partitionCount
}
