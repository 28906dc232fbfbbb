/**
 * LZ4 blocks (lz4_Block_format.md): sequences of literals and matches within the last 64 KiB.
 *
 * Compression is the plain greedy search with a hash table of the last position of each 4-byte group; where
 * nothing matches it steps on faster and faster. Decompression checks every read and write against its bounds.
 */
const HASH_BITS = 14
const MIN_MATCH = 4
/** The last 5 bytes are always literals, and no match starts within the last 12. */
const LAST_LITERALS = 5
const MATCH_LIMIT = 12
const DISTANCE_MAX = 0xffff
/** Below this a byte loop beats the call of a built-in copy. */
const LOOP_BYTES_MAX = 24

const table = new Int32Array(1 << HASH_BITS)

/** The largest size that `count` bytes can take when compressed. */
export const lz4BlockSizeMax = (count: number): number => count + Math.ceil(count / 255) + 16

const group = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

function writeLength(into: Uint8Array, at: number, length: number): number {
  let rest = length - 15
  let next = at
  for (; rest >= 255; rest -= 255) into[next++] = 255
  into[next++] = rest
  return next
}

function writeLiterals(
  source: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
  at: number,
  matchCode: number,
): number {
  const count = end - start
  into[at] = (Math.min(count, 15) << 4) | matchCode
  const next = count >= 15 ? writeLength(into, at + 1, count) : at + 1
  copy(source, start, into, next, count)
  return next + count
}

function copy(source: Uint8Array, start: number, into: Uint8Array, at: number, count: number): void {
  if (count <= LOOP_BYTES_MAX) for (let i = 0; i < count; i++) into[at + i] = source[start + i]!
  else into.set(source.subarray(start, start + count), at)
}

/**
 * Compresses bytes `start` to `end` of `source` into `into` at `at` and returns the end of what was written.
 * `into` must have room for `lz4BlockSizeMax`.
 */
export function compressLz4Block(
  source: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
  at: number,
): number {
  table.fill(-1)
  const lastMatch = end - MATCH_LIMIT
  let literals = start
  let from = start
  let next = at
  while (from < lastMatch) {
    // Find a match, with growing steps through what does not compress.
    let tries = 64
    let candidate = -1
    while (from < lastMatch) {
      const value = group(source, from)
      const slot = Math.imul(value, -1640531535) >>> (32 - HASH_BITS)
      candidate = table[slot]!
      table[slot] = from
      if (candidate >= 0 && from - candidate <= DISTANCE_MAX && group(source, candidate) === value) break
      candidate = -1
      from += tries++ >> 6
    }
    if (candidate < 0) break
    while (from > literals && candidate > start && source[from - 1] === source[candidate - 1]) {
      from--
      candidate--
    }
    let matched = from + MIN_MATCH
    let other = candidate + MIN_MATCH
    const matchEnd = end - LAST_LITERALS
    while (matched < matchEnd && source[matched] === source[other]) {
      matched++
      other++
    }
    const extra = matched - from - MIN_MATCH
    next = writeLiterals(source, literals, from, into, next, Math.min(extra, 15))
    into[next] = from - candidate
    into[next + 1] = (from - candidate) >> 8
    next += 2
    if (extra >= 15) next = writeLength(into, next, extra)
    from = matched
    literals = matched
    if (from < lastMatch) {
      table[Math.imul(group(source, from - 2), -1640531535) >>> (32 - HASH_BITS)] = from - 2
    }
  }
  return writeLiterals(source, literals, end, into, next, 0)
}

/**
 * Decompresses the block in bytes `start` to `end` of `source` into `into` at `at`; matches may reach back to
 * `history`. Returns the end of what was written, or -1 when the block is not sound or passes `limit`.
 */
export function decompressLz4Block(
  source: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
  at: number,
  limit: number,
  history: number,
): number {
  let from = start
  let next = at
  while (from < end) {
    const token = source[from++]!
    let count = token >> 4
    if (count === 15) {
      let more = 255
      while (more === 255) {
        if (from >= end) return -1
        more = source[from++]!
        count += more
      }
    }
    if (count > end - from || count > limit - next) return -1
    copy(source, from, into, next, count)
    from += count
    next += count
    // The last sequence has literals only.
    if (from === end) return next
    if (end - from < 2) return -1
    const distance = source[from]! | (source[from + 1]! << 8)
    from += 2
    let length = token & 15
    if (length === 15) {
      let more = 255
      while (more === 255) {
        if (from >= end) return -1
        more = source[from++]!
        length += more
      }
    }
    length += MIN_MATCH
    if (distance === 0 || distance > next - history || length > limit - next) return -1
    const match = next - distance
    if (length <= LOOP_BYTES_MAX || distance < length) {
      for (let i = 0; i < length; i++) into[next + i] = into[match + i]!
    } else {
      into.copyWithin(next, match, match + length)
    }
    next += length
  }
  return -1
}
