/** A transactional id with its producer and transaction. Never changed in place: each change is a new object. */
import type { TransactionState } from './transaction-states.ts'

/** 0: classic; 2: the producer's epoch goes up with every transaction (KIP-890). */
export type TransactionVersion = 0 | 2

export type PartitionSet = ReadonlyMap<string, ReadonlySet<number>>

export interface Transaction {
  readonly id: string
  readonly state: TransactionState
  readonly producerId: number
  readonly producerEpoch: number
  /** The epoch before the last raise, by which a repeated request is known; -1 when there is none. */
  readonly lastProducerEpoch: number
  /** The producer id before the epochs of the last one ran out; -1 when there is none. */
  readonly previousProducerId: number
  /** The producer id with which to go on when the transaction is complete; -1 to keep the present one. */
  readonly nextProducerId: number
  readonly timeoutMs: number
  readonly partitions: PartitionSet
  /** When the first partition was added; -1 before. */
  readonly startMs: number
  readonly updatedMs: number
  readonly version: TransactionVersion
}

export const NO_PRODUCER_ID = -1
export const NO_PRODUCER_EPOCH = -1
/** The highest epoch; it is only ever used to fence. */
export const PRODUCER_EPOCH_MAX = 0x7fff

export const noPartitions: PartitionSet = new Map()

/** No producer can be given a higher epoch: the last one is kept for fencing. */
export function isEpochExhausted(epoch: number): boolean {
  return epoch >= PRODUCER_EPOCH_MAX - 1
}

export function hasPartition(partitions: PartitionSet, topic: string, partition: number): boolean {
  return partitions.get(topic)?.has(partition) === true
}

/** `partitions` with some more. */
export function withPartitions(
  partitions: PartitionSet,
  added: readonly { readonly topic: string; readonly partition: number }[],
): PartitionSet {
  const merged = new Map<string, Set<number>>()
  for (const [topic, numbers] of partitions) merged.set(topic, new Set(numbers))
  for (const { topic, partition } of added) {
    const numbers = merged.get(topic)
    if (numbers === undefined) merged.set(topic, new Set([partition]))
    else numbers.add(partition)
  }
  return merged
}
