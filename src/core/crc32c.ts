/**
 * CRC-32C (Castagnoli, polynomial 0x82f63b78 reflected), the checksum of Kafka's record batches.
 *
 * 1. Short inputs: slicing-by-8 in JavaScript, which beats the call into native code.
 * 2. From NATIVE_FROM_BYTES on: the optional package `@node-rs/crc32` if it is installed.
 */
import { createRequire } from 'node:module'

const NATIVE_FROM_BYTES = 512

let tables: readonly Uint32Array[] | undefined
let native: ((input: Uint8Array, initial?: number) => number) | null | undefined

function makeTables(): readonly Uint32Array[] {
  const made = Array.from({ length: 8 }, () => new Uint32Array(256))
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    made[0]![byte] = crc >>> 0
  }
  for (let slice = 1; slice < 8; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = made[slice - 1]![byte]!
      made[slice]![byte] = (before >>> 8) ^ made[0]![before & 0xff]!
    }
  }
  return made
}

/** The checksum by JavaScript alone; the same as `crc32c` for every input. */
export function crc32cPortable(bytes: Uint8Array, start = 0, end = bytes.length): number {
  tables ??= makeTables()
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as unknown as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ]
  let crc = 0xffffffff
  let at = start
  for (const aligned = end - 7; at < aligned; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!
  return (crc ^ 0xffffffff) >>> 0
}

function loadNative(): typeof native {
  try {
    const loaded = createRequire(import.meta.url)('@node-rs/crc32') as {
      crc32c: (input: Uint8Array) => number
    }
    return loaded.crc32c
  } catch {
    return null
  }
}

/** The checksum of bytes `start` to `end` as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  if (end - start >= NATIVE_FROM_BYTES) {
    if (native === undefined) native = loadNative()
    if (native) return native(bytes.subarray(start, end)) >>> 0
  }
  return crc32cPortable(bytes, start, end)
}
