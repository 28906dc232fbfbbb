/**
 * Chance that is repeatable: sfc32 (Chris Doty-Humphrey's "small fast counter", 128 bits of state), seeded
 * from a text or number. `fork` gives a generator of its own to each part that draws, so that one more draw
 * in one part does not change what the others see.
 */
import type { Random } from '../random.ts'

export type Seed = number | string

export interface SimulatedRandom extends Random {
  /** A generator whose draws depend on this one's seed and on `name` alone, not on what was drawn before. */
  fork(name: string): SimulatedRandom
  /** True with this probability, 0 to 1. */
  chance(probability: number): boolean
  /** A number of the range, both ends included for whole ones; draws nothing when the ends are equal. */
  within(range: SimulatedRange): number
}

/** Two ends, the smaller first. */
export type SimulatedRange = readonly [from: number, to: number]

/** Four 32-bit words of a text, each bit depending on every character (an avalanche as in MurmurHash3). */
function stateOf(text: string): Uint32Array {
  const state = new Uint32Array(4)
  for (let word = 0; word < 4; word++) {
    let hash = 0x9e3779b9 ^ Math.imul(word + 1, 0x85ebca6b)
    for (let at = 0; at < text.length; at++) {
      hash = Math.imul(hash ^ text.charCodeAt(at), 0xcc9e2d51)
      hash = (hash << 13) | (hash >>> 19)
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    state[word] = hash ^ (hash >>> 16)
  }
  return state
}

/** A generator for a seed; the same seed gives the same draws on every machine. */
export function simulatedRandom(seed: Seed): SimulatedRandom {
  const name = String(seed)
  let [a, b, c, counter] = stateOf(name) as unknown as [number, number, number, number]

  const uint32 = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum >>> 0
  }
  // The first draws of neighbouring seeds are alike; the authors of sfc32 throw twelve away.
  for (let draw = 0; draw < 12; draw++) uint32()

  const unit = (): number => uint32() / 0x1_0000_0000
  return {
    uint32,
    bytes(count) {
      const bytes = Buffer.alloc(count)
      for (let at = 0; at < count; at++) bytes[at] = uint32() >>> 24
      return bytes
    },
    fork: (part) => simulatedRandom(`${name}/${part}`),
    chance: (probability) => probability > 0 && unit() < probability,
    within([from, to]) {
      if (from === to) return from
      const whole = Number.isInteger(from) && Number.isInteger(to)
      return whole ? from + Math.floor(unit() * (to - from + 1)) : from + unit() * (to - from)
    },
  }
}
