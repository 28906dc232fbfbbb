/**
 * What collection and delivery need of Kafka, so that they can be run against a model of a log in tests.
 *
 * `cluster-transport.ts` implements it with the client.
 */
import type { GroupMetadata, OffsetToCommit } from '../client/group-metadata.ts'
import type { Producer } from '../client/producer/producer.ts'
import type { TopicPartition } from '../core/record.ts'

export interface TopicToMake {
  readonly topic: string
  /** The broker's default if not given. */
  readonly partitions?: number
  readonly config?: Readonly<Record<string, string>>
}

export type TransactionalProducer = Pick<
  Producer,
  'init' | 'begin' | 'sendBatch' | 'sendOffsets' | 'room' | 'commit' | 'abort' | 'close'
>

/** Whole data batches of a partition, as they lie in the log. */
export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  /** Records before it are to be skipped: the first batch may begin earlier. */
  readonly fetchOffset: number
  /** Control batches and aborted transactions are removed; may be empty when only the position moved. */
  readonly bytes: Buffer
  /** The position behind them. */
  readonly nextOffset: number
  /** The end of the partition as the broker told it. */
  readonly highWatermark: number
}

export interface PartitionListener {
  onAssigned(partitions: readonly TopicPartition[]): void | Promise<void>
  /** Awaited before the partitions are given up. */
  onRevoked(partitions: readonly TopicPartition[]): void | Promise<void>
  onLost(partitions: readonly TopicPartition[]): void | Promise<void>
}

/** Reads committed records only. */
export interface TransportConsumer {
  assign(positions: readonly (TopicPartition & { readonly offset: number | 'earliest' })[]): void
  subscribe(topics: readonly string[], listener: PartitionListener): Promise<void>
  poll(options: { readonly maxWaitMs: number }): Promise<readonly FetchedPartition[]>
  seek(topic: string, partition: number, offset: number): void
  /** The offset that is read next. */
  position(topic: string, partition: number): number
  assignment(): readonly TopicPartition[]
  /** Committed offsets of the group by `topic/partition`. */
  committed(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, { readonly offset: number }>>
  commit(offsets: readonly OffsetToCommit[]): Promise<void>
  groupMetadata(): GroupMetadata
  close(): Promise<void>
}

export interface Transport {
  /** Makes the topics that do not exist. */
  ensureTopics(topics: readonly TopicToMake[]): Promise<void>
  /** @throws MR_TOPIC_UNKNOWN */
  partitionCount(topic: string): Promise<number>
  createProducer(options: {
    readonly transactionalId: string
    readonly transactionTimeoutMs: number
  }): TransactionalProducer
  createConsumer(options: { readonly group?: string }): TransportConsumer
  /** Behind the last record of each partition, committed or not, by `topic/partition`. */
  endOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>>
}
