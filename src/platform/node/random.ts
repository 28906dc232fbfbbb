import { randomBytes } from 'node:crypto'
import type { Random } from '../random.ts'

const POOL_BYTES = 4096

/** The operating system's randomness, drawn in pools. */
export function nodeRandom(): Random {
  let pool = randomBytes(POOL_BYTES)
  let at = 0
  return {
    uint32() {
      if (at + 4 > pool.length) {
        pool = randomBytes(POOL_BYTES)
        at = 0
      }
      at += 4
      return pool.readUInt32LE(at - 4)
    },
    bytes: (count) => randomBytes(count),
  }
}
