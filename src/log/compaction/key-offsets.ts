/**
 * The last offset of each key: an open-addressing table over key bytes, without a string or object per key.
 *
 * Keys are compared byte by byte, so that no two keys are ever taken for one. The hash is seeded, so that
 * nobody can choose keys that all land in one place. The memory is bounded; `put` says when it is used up.
 */
import { invariant } from '../../core/invariant.ts'
import type { Random } from '../../platform/random.ts'

const INITIAL_KEYS = 1024
const INITIAL_BYTES = 64 * 1024
/** Slots, hash, place, length and offset of a key, without its bytes. */
const BYTES_PER_KEY = 2 * 4 + 4 + 4 + 4 + 8

export class KeyOffsets {
  count = 0
  private readonly bytesMax: number
  private readonly seed: number
  private readonly multiplier: number
  /** Number of the key plus one, or 0. */
  private slots = new Int32Array(INITIAL_KEYS * 2)
  private hashes = new Int32Array(INITIAL_KEYS)
  private starts = new Uint32Array(INITIAL_KEYS)
  private lengths = new Uint32Array(INITIAL_KEYS)
  private offsets = new Float64Array(INITIAL_KEYS)
  private keys: Buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  private keysEnd = 0

  constructor(random: Random, bytesMax: number) {
    this.bytesMax = bytesMax
    this.seed = random.uint32() | 0
    this.multiplier = random.uint32() | 1
  }

  /** Notes the offset of the key in bytes `start` to `end`. Returns false when there is no room for a new key. */
  put(bytes: Buffer, start: number, end: number, offset: number): boolean {
    const hash = this.hash(bytes, start, end)
    const found = this.find(bytes, start, end, hash)
    if (found >= 0) {
      this.offsets[found] = offset
      return true
    }
    const length = end - start
    if (this.keysEnd + length + (this.count + 1) * BYTES_PER_KEY > this.bytesMax) return false
    this.makeRoom(length)
    const number = this.count++
    this.hashes[number] = hash
    this.starts[number] = this.keysEnd
    this.lengths[number] = length
    this.offsets[number] = offset
    bytes.copy(this.keys, this.keysEnd, start, end)
    this.keysEnd += length
    this.place(number)
    return true
  }

  /** The last offset noted for a key, or -1. */
  get(bytes: Buffer, start: number, end: number): number {
    const found = this.find(bytes, start, end, this.hash(bytes, start, end))
    return found < 0 ? -1 : this.offsets[found]!
  }

  private find(bytes: Buffer, start: number, end: number, hash: number): number {
    const mask = this.slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = this.slots[slot]! - 1
      if (number < 0) return -1
      if (this.hashes[number] === hash && this.isKey(number, bytes, start, end)) return number
    }
  }

  private isKey(number: number, bytes: Buffer, start: number, end: number): boolean {
    if (this.lengths[number] !== end - start) return false
    const keys = this.keys
    for (let at = start, other = this.starts[number]!; at < end; at++, other++) {
      if (bytes[at] !== keys[other]) return false
    }
    return true
  }

  private hash(bytes: Buffer, start: number, end: number): number {
    let hash = this.seed ^ (end - start)
    let at = start
    for (; at + 4 <= end; at += 4) {
      const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
      hash = Math.imul(hash ^ word, this.multiplier)
      hash ^= hash >>> 15
    }
    for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, this.multiplier)
    hash ^= hash >>> 16
    hash = Math.imul(hash, 0x85ebca6b)
    return hash ^ (hash >>> 13)
  }

  private place(number: number): void {
    const mask = this.slots.length - 1
    let slot = this.hashes[number]! & mask
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask
    this.slots[slot] = number + 1
  }

  private makeRoom(keyBytes: number): void {
    if (this.keysEnd + keyBytes > this.keys.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.keysEnd + keyBytes, this.keys.length * 2))
      this.keys.copy(grown, 0, 0, this.keysEnd)
      this.keys = grown
    }
    if (this.count < this.hashes.length) return
    const capacity = this.hashes.length * 2
    invariant(capacity < 2 ** 30, 'the number of keys fits the table')
    const grow = <T extends Int32Array | Uint32Array | Float64Array>(from: T, to: T): T => {
      to.set(from)
      return to
    }
    this.hashes = grow(this.hashes, new Int32Array(capacity))
    this.starts = grow(this.starts, new Uint32Array(capacity))
    this.lengths = grow(this.lengths, new Uint32Array(capacity))
    this.offsets = grow(this.offsets, new Float64Array(capacity))
    this.slots = new Int32Array(capacity * 2)
    for (let number = 0; number < this.count; number++) this.place(number)
  }
}
