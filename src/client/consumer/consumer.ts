/**
 * A consumer: reads partitions as whole record batches, alone or as a member of a group.
 *
 * Parts: `fetch/fetcher.ts` fetches in the background, `fetch/positions.ts` finds where to start,
 * `group/…-membership.ts` shares partitions with other members, `group/group-offsets.ts` keeps positions.
 * Everything that concerns the caller (data, callbacks, errors) comes through `poll`.
 */
import type { StoredRecord, TopicPartition } from '../../core/record.ts'
import type { Cluster } from '../cluster.ts'
import type { GroupMetadata, OffsetToCommit } from '../group-metadata.ts'
import { ClusterConsumer } from './cluster-consumer.ts'
import type { FetchedBatches } from './fetched-batches.ts'
import type { SubscriptionCallbacks } from './group/assignment.ts'
import type { CommittedOffset } from './group/group-offsets.ts'
import type { ConsumerOptions } from './options.ts'

export type { FetchedBatches } from './fetched-batches.ts'
export type { SubscriptionCallbacks } from './group/assignment.ts'
export type { CommittedOffset } from './group/group-offsets.ts'
export type { ConsumerOptions } from './options.ts'

export interface StartPosition extends TopicPartition {
  /** The committed position, or what `offsetReset` says, if not given. */
  readonly offset?: number | 'earliest' | 'latest'
}

export interface Consumer extends AsyncIterable<FetchedBatches> {
  /** Reads exactly these partitions, in place of those before. A group, if there is one, is for commits only. */
  assign(positions: readonly StartPosition[]): void
  /** Joins the group and reads what it assigns. The callbacks run inside of `poll`. */
  subscribe(topics: readonly string[], callbacks?: SubscriptionCallbacks): Promise<void>
  /**
   * Resolves as soon as there is data, with all of it; with nothing after `maxWaitMs` (500 by default). One at a time.
   * @throws MR_CONSUMER_BUSY while another poll is under way, also from within a callback; MR_OFFSET_UNKNOWN, MR_KAFKA, MR_CHECKSUM, and what a callback throws
   */
  poll(options?: { readonly maxWaitMs?: number }): Promise<readonly FetchedBatches[]>
  seek(topic: string, partition: number, offset: number): void
  /** Stops handing out data of partitions; the position stays. */
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  /** The offset of the next record to be polled; -1 while it is looked up. @throws MR_OPTION_INVALID */
  position(topic: string, partition: number): number
  assignment(): readonly TopicPartition[]
  /** Where a partition stands; undefined before a broker has told, or when it is not assigned. */
  lag(topic: string, partition: number): { readonly position: number; readonly endOffset: number } | undefined
  /** Committed positions by `partitionName`; partitions without one are left out. */
  committed(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, CommittedOffset>>
  /** @throws MR_KAFKA (ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS) when the member may not */
  commit(offsets: readonly OffsetToCommit[]): Promise<void>
  /**
   * True while the group is between two generations: a commit would be refused. Poll on and commit later. Partitions
   * that must be given up are committed in `onRevoked`, where it is never true.
   */
  readonly rebalancing: boolean
  /** Runs a commit that takes several requests (positions in a transaction) within one generation of the group. */
  holdGeneration<T>(commit: () => Promise<T>): Promise<T>
  /** Who commits, for a transaction. @throws MR_OPTION_INVALID without a group */
  groupMetadata(): GroupMetadata
  /** Gives partitions up (with `onRevoked`), leaves the group and ends. */
  close(): Promise<void>
  /** All records, one by one. Ends when the consumer is closed. */
  records(): AsyncIterable<StoredRecord>
}

/** Makes a consumer. It connects when it is used first. @throws MR_OPTION_INVALID */
export function createConsumer(cluster: Cluster, options: ConsumerOptions = {}): Consumer {
  return new ClusterConsumer(cluster, options)
}
