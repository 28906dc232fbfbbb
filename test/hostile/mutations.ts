/** What a stranger makes of a valid frame; chosen and done by chance from a seed. */
import type { SimulatedRandom } from '../../src/platform/simulated/random.ts'

const LENGTH_BYTES = 4
const HEADER_BYTES = 8

const lengths = [0x7fff_ffff, -1, -2, 0, 1, 0x0001_86a0, 0x7fff, -0x8000_0000] as const

type Mutation = (bytes: Buffer, random: SimulatedRandom) => Buffer

/** A place behind the frame's length. */
const place = (bytes: Buffer, random: SimulatedRandom): number =>
  random.within([LENGTH_BYTES, Math.max(LENGTH_BYTES, bytes.length - 1)])

const mutations: readonly Mutation[] = [
  // Some bits.
  (bytes, random) => {
    for (let count = random.within([1, 6]); count > 0; count--)
      bytes[place(bytes, random)]! ^= 1 << random.within([0, 7])
    return bytes
  },
  // Some bytes, header excluded, so that the body is what fails.
  (bytes, random) => {
    for (let count = random.within([1, 6]); count > 0 && bytes.length > HEADER_BYTES; count--) {
      bytes[random.within([HEADER_BYTES, bytes.length - 1])] = random.within([0, 255])
    }
    return bytes
  },
  // A length in its place.
  (bytes, random) => {
    const at = place(bytes, random)
    const length = lengths[random.within([0, lengths.length - 1])]!
    if (at + 4 <= bytes.length) bytes.writeInt32BE(length, at)
    return bytes
  },
  // A compact length.
  (bytes, random) => {
    const at = place(bytes, random)
    return Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]),
      bytes.subarray(at),
    ])
  },
  // Cut short, or with noise behind.
  (bytes, random) => bytes.subarray(0, place(bytes, random)),
  (bytes, random) => Buffer.concat([bytes, random.bytes(random.within([1, 400]))]),
  // A part of it twice.
  (bytes, random) => {
    const at = place(bytes, random)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(LENGTH_BYTES, at - 30))])
  },
  // Another API or version with the same body.
  (bytes, random) => {
    bytes.writeInt16BE(random.within([0, 95]), LENGTH_BYTES)
    if (random.chance(0.5)) bytes.writeInt16BE(random.within([0, 20]), LENGTH_BYTES + 2)
    return bytes
  },
  // Noise behind a sound header.
  (bytes, random) => Buffer.concat([bytes.subarray(0, 12), random.bytes(random.within([0, 600]))]),
  // Noise alone.
  (_, random) => Buffer.concat([Buffer.alloc(LENGTH_BYTES), random.bytes(random.within([1, 600]))]),
]

/** A mutated copy of a frame; its length says how long it is, but for some. */
export function mutate(frame: Buffer, random: SimulatedRandom): Buffer {
  let bytes: Buffer = Buffer.from(frame)
  // What is left of a frame that was cut within its header is not worth another change.
  for (let count = random.within([1, 2]); count > 0 && bytes.length > HEADER_BYTES; count--) {
    bytes = Buffer.from(mutations[random.within([0, mutations.length - 1])]!(bytes, random))
  }
  if (bytes.length < LENGTH_BYTES) return bytes
  const length = random.chance(0.96)
    ? bytes.length - LENGTH_BYTES
    : lengths[random.within([0, lengths.length - 1])]!
  bytes.writeInt32BE(length, 0)
  return bytes
}
