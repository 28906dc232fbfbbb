/**
 * The requests of a transaction: to its coordinator, and for positions to the coordinator of the group.
 *
 * Version notes: without transaction version 2 (KIP-890) the last versions before it are used: EndTxn 4,
 * TxnOffsetCommit 4, and AddPartitionsToTxn 3 in any case, because its later versions are for brokers.
 */
import { sleep } from '../../platform/clock.ts'
import type { BrokerVersions } from '../../protocol/api-versions.ts'
import { addOffsetsToTxn } from '../../protocol/apis/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../protocol/apis/add-partitions-to-txn.ts'
import { describeTransactions } from '../../protocol/apis/describe-transactions.ts'
import { endTxn } from '../../protocol/apis/end-txn.ts'
import { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { txnOffsetCommit } from '../../protocol/apis/txn-offset-commit.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { askCoordinator, type CoordinatorRequest } from '../cluster/ask-coordinator.ts'
import type { Cluster } from '../cluster.ts'
import type { Lane } from '../connection/lane.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { answerError, checkAnswer, isTransportError, type Place } from '../errors.ts'
import { type GroupMetadata, type OffsetToCommit, offsetsByTopic } from '../group-metadata.ts'
import type { ProducerEpoch } from './pending-batch.ts'

const COORDINATOR_TIMEOUT_MS = 60_000
/** A broker that is asked to write while the last transaction ends waits this long before it looks again. */
export const BROKER_PAUSE_MS = 20
const SETTLE_POLL_MS = 1
const ADD_PARTITIONS_VERSION_MAX = 3
const END_VERSION_MAX_V1 = 4
/** The last version of Produce that does not add partitions by itself. */
export const PRODUCE_VERSION_MAX_V1 = 11
const OFFSETS_VERSION_MAX_V1 = 4
/** From here on a producer may ask for a newer epoch of the one it has (KIP-360). */
const BUMP_FROM_VERSION = 3
const NO_PRODUCER: ProducerEpoch = { producerId: -1, epoch: -1 }

export type TransactionVersion = 1 | 2

export interface TransactionRequestsOptions {
  readonly cluster: Cluster
  readonly lane: Lane
  readonly transactionalId: string
  readonly transactionTimeoutMs: number
}

export class TransactionRequests {
  private readonly options: TransactionRequestsOptions
  private readonly ending = new AbortController()
  private renewable = false
  private noAnswer = false

  constructor(options: TransactionRequestsOptions) {
    this.options = options
  }

  /** Ends what is being tried. */
  close(): void {
    this.ending.abort()
  }

  /** A request under the present epoch got no answer: it may have had effect, or still be on its way. */
  get unanswered(): boolean {
    return this.noAnswer
  }

  /** Requests may arrive late, and a newer epoch can be had against them. */
  get needsRenewal(): boolean {
    return this.noAnswer && this.renewable
  }

  /**
   * Gets an id and fences older producers, or, given the present one, a newer epoch of it. Also tells what the
   * cluster's brokers speak.
   */
  init(
    present: ProducerEpoch = NO_PRODUCER,
  ): Promise<ProducerEpoch & { readonly version: TransactionVersion }> {
    const { transactionalId, transactionTimeoutMs } = this.options
    return this.ask('initializing', async (connection) => {
      const bump = present.producerId >= 0
      if (bump && connection.versions.choose(initProducerId) < BUMP_FROM_VERSION) {
        throw answerError(
          ErrorCodes.UNSUPPORTED_VERSION,
          'continue after the failure',
          this.place(connection),
        )
      }
      const answer = await connection.send(initProducerId, {
        transactionalId,
        transactionTimeoutMs,
        ...(bump ? { producerId: BigInt(present.producerId), producerEpoch: present.epoch } : {}),
      })
      checkAnswer(answer.errorCode, 'initialize the producer', this.place(connection))
      this.renewable = connection.versions.choose(initProducerId) >= BUMP_FROM_VERSION
      this.noAnswer = false
      return {
        producerId: Number(answer.producerId),
        epoch: answer.producerEpoch,
        version: versionOf(connection.versions),
      }
    })
  }

  /** Makes partitions part of the transaction, before the first batch goes to them. */
  addPartitions(
    producer: ProducerEpoch,
    partitions: Iterable<{ readonly topic: string; readonly partition: number }>,
  ): Promise<void> {
    const topics = Map.groupBy(partitions, ({ topic }) => topic)
    return this.ask('adding partitions', async (connection) => {
      const answer = await connection.send(
        addPartitionsToTxn,
        {
          v3AndBelowTransactionalId: this.options.transactionalId,
          v3AndBelowProducerId: BigInt(producer.producerId),
          v3AndBelowProducerEpoch: producer.epoch,
          v3AndBelowTopics: [...topics].map(([name, list]) => ({
            name,
            partitions: list.map(({ partition }) => partition),
          })),
        },
        { version: connection.versions.choose(addPartitionsToTxn, ADD_PARTITIONS_VERSION_MAX) },
      )
      const results = answer.resultsByTopicV3AndBelow.flatMap(({ name, resultsByPartition }) =>
        resultsByPartition.map((one) => ({
          topic: name,
          partition: one.partitionIndex,
          code: one.partitionErrorCode,
        })),
      )
      checkWorst(results, 'add a partition to the transaction', this.place(connection))
    })
  }

  /** Makes the positions of a group part of the transaction. */
  addOffsets(producer: ProducerEpoch, group: string): Promise<void> {
    return this.ask('adding the positions of a group', async (connection) => {
      const answer = await connection.send(addOffsetsToTxn, {
        transactionalId: this.options.transactionalId,
        producerId: BigInt(producer.producerId),
        producerEpoch: producer.epoch,
        groupId: group,
      })
      checkAnswer(answer.errorCode, 'add positions to the transaction', { ...this.place(connection), group })
    })
  }

  /** Hands positions to the group's coordinator, to become valid with the transaction. */
  commitOffsets(
    producer: ProducerEpoch,
    version: TransactionVersion,
    group: GroupMetadata,
    offsets: readonly OffsetToCommit[],
  ): Promise<void> {
    const topics = [...offsetsByTopic(offsets)].map(([name, list]) => ({
      name,
      partitions: list.map((one) => ({
        partitionIndex: one.partition,
        committedOffset: BigInt(one.offset),
        committedLeaderEpoch: one.leaderEpoch ?? -1,
        committedMetadata: one.metadata ?? '',
      })),
    }))
    const { lane } = this.options
    const request = {
      kind: 'group' as const,
      key: group.group,
      lane,
      what: `committing positions of group "${group.group}" in a transaction`,
      timeoutMs: COORDINATOR_TIMEOUT_MS,
      signal: this.ending.signal,
    }
    return this.askNoting(request, async (connection) => {
      const versionMax = version === 1 ? OFFSETS_VERSION_MAX_V1 : undefined
      const answer = await connection.send(
        txnOffsetCommit,
        {
          transactionalId: this.options.transactionalId,
          groupId: group.group,
          producerId: BigInt(producer.producerId),
          producerEpoch: producer.epoch,
          generationId: group.generation,
          memberId: group.memberId,
          groupInstanceId: group.groupInstanceId,
          topics,
        },
        { version: connection.versions.choose(txnOffsetCommit, versionMax) },
      )
      const results = answer.topics.flatMap(({ name, partitions }) =>
        partitions.map((one) => ({ topic: name, partition: one.partitionIndex, code: one.errorCode })),
      )
      const place = { ...this.place(connection), group: group.group }
      checkWorst(results, 'commit a position in the transaction', place)
    })
  }

  /** Commits or aborts. With transaction version 2 the answer brings the epoch of the next transaction. */
  end(
    producer: ProducerEpoch,
    version: TransactionVersion,
    committed: boolean,
  ): Promise<ProducerEpoch | undefined> {
    const doing = committed ? 'commit the transaction' : 'abort the transaction'
    return this.ask(committed ? 'committing' : 'aborting', async (connection) => {
      const answer = await connection.send(
        endTxn,
        {
          transactionalId: this.options.transactionalId,
          producerId: BigInt(producer.producerId),
          producerEpoch: producer.epoch,
          committed,
        },
        { version: connection.versions.choose(endTxn, version === 1 ? END_VERSION_MAX_V1 : undefined) },
      )
      checkAnswer(answer.errorCode, doing, this.place(connection))
      if (answer.producerId < 0n) return undefined
      return { producerId: Number(answer.producerId), epoch: answer.producerEpoch }
    })
  }

  /**
   * Resolves when the last transaction has ended everywhere, or BROKER_PAUSE_MS later.
   *
   * EndTxn is answered before the markers are written. A batch that comes meanwhile is not refused with version 2 but
   * held by the broker for BROKER_PAUSE_MS, though the markers take 1 or 2; so it pays to look first.
   */
  async settled(): Promise<void> {
    const { cluster, lane, transactionalId } = this.options
    const { clock } = cluster.platform
    const endMs = clock.monotonicMs() + BROKER_PAUSE_MS
    try {
      const connection = await cluster.coordinator('transaction', transactionalId, lane)
      if (!connection.remote || !connection.versions.supports(describeTransactions)) return
      while (clock.monotonicMs() < endMs) {
        const answer = await connection.send(describeTransactions, { transactionalIds: [transactionalId] })
        const state = answer.transactionStates[0]?.transactionState
        if (state !== 'PrepareCommit' && state !== 'PrepareAbort') return
        await sleep(clock, SETTLE_POLL_MS, this.ending.signal)
      }
    } catch {
      // Only time is lost without an answer.
    }
  }

  private ask<T>(what: string, attempt: (connection: NegotiatedConnection) => Promise<T>): Promise<T> {
    const { lane, transactionalId } = this.options
    const request = {
      kind: 'transaction' as const,
      key: transactionalId,
      lane,
      what: `${what} (transactional id "${transactionalId}")`,
      timeoutMs: COORDINATOR_TIMEOUT_MS,
      signal: this.ending.signal,
    }
    return this.askNoting(request, attempt)
  }

  private askNoting<T>(
    request: CoordinatorRequest,
    attempt: (connection: NegotiatedConnection) => Promise<T>,
  ): Promise<T> {
    return askCoordinator(this.options.cluster, request, async (connection) => {
      try {
        return await attempt(connection)
      } catch (error) {
        if (isTransportError(error)) this.noAnswer = true
        throw error
      }
    })
  }

  private place(connection: NegotiatedConnection): Place {
    return { transactionalId: this.options.transactionalId, broker: connection.broker }
  }
}

/** What brokers speak: Kafka 3.9 can be told to have the feature without the requests that it needs. */
function versionOf(versions: BrokerVersions): TransactionVersion {
  const complete =
    versions.choose(produce) > PRODUCE_VERSION_MAX_V1 &&
    versions.choose(endTxn) > END_VERSION_MAX_V1 &&
    versions.choose(txnOffsetCommit) > OFFSETS_VERSION_MAX_V1
  return complete && versions.featureLevel('transaction.version') >= 2 ? 2 : 1
}

/** Of several partitions, the error that explains the others: those that were not tried come last. */
function checkWorst(
  results: readonly { readonly topic: string; readonly partition: number; readonly code: number }[],
  doing: string,
  place: Place,
): void {
  const failed = results.filter(({ code }) => code !== ErrorCodes.NONE)
  const worst = failed.find(({ code }) => code !== ErrorCodes.OPERATION_NOT_ATTEMPTED) ?? failed[0]
  if (worst === undefined) return
  const { topic, partition, code } = worst
  throw answerError(code, doing, { ...place, topic, partition })
}
