/**
 * Which partition a record goes to.
 *
 * With a key: Kafka's murmur2, so that every client puts a key into the same partition. Without: one partition of
 * chance until a batch is full, then another (KIP-480), which makes large batches and spreads over time.
 */
import { partitionOf } from '../../core/murmur2.ts'
import { type Random, randomInt } from '../../platform/random.ts'

export class Partitioner {
  private readonly random: Random
  private readonly sticky = new Map<string, number>()

  constructor(random: Random) {
    this.random = random
  }

  /** Of the first `keyBytes` of `key`, or of no key at all. */
  choose(topic: string, partitionCount: number, key: Uint8Array | null, keyBytes: number): number {
    if (key !== null) return partitionOf(key, partitionCount, 0, keyBytes)
    const chosen = this.sticky.get(topic)
    if (chosen !== undefined && chosen < partitionCount) return chosen
    return this.move(topic, partitionCount)
  }

  /** A batch of the topic is full: records without a key go on elsewhere. */
  move(topic: string, partitionCount: number): number {
    const before = this.sticky.get(topic)
    let next = randomInt(this.random, partitionCount)
    if (next === before && partitionCount > 1) next = (next + 1) % partitionCount
    this.sticky.set(topic, next)
    return next
  }
}
