/** The cluster itself: brokers, features, disks, transactions. */

import type { TopicPartition } from '../../core/record.ts'
import { describeCluster } from '../../protocol/apis/describe-cluster.ts'
import { describeLogDirs } from '../../protocol/apis/describe-log-dirs.ts'
import { describeTransactions } from '../../protocol/apis/describe-transactions.ts'
import { listTransactions } from '../../protocol/apis/list-transactions.ts'
import { askCoordinator } from '../cluster/ask-coordinator.ts'
import { checkAnswer } from '../errors.ts'
import { type AdminContext, askAll, askAny } from './context.ts'

export interface ClusterDescription {
  readonly clusterId: string
  readonly controllerId: number
  readonly brokers: readonly {
    readonly nodeId: number
    readonly host: string
    readonly port: number
    readonly rack: string | null
  }[]
}

export interface PartitionSize extends TopicPartition {
  readonly directory: string
  readonly sizeBytes: number
}

export interface TransactionListing {
  readonly transactionalId: string
  readonly producerId: number
  /** `Empty`, `Ongoing`, `PrepareCommit`, `CompleteCommit`, … */
  readonly state: string
}

export interface TransactionDescription extends TransactionListing {
  readonly epoch: number
  readonly timeoutMs: number
  /** -1 when none is open. */
  readonly startMs: number
  readonly partitions: readonly TopicPartition[]
}

export interface ClusterAdmin {
  describeCluster(): Promise<ClusterDescription>
  /** How large the partitions are on the disks of all brokers. */
  describeLogDirectories(): Promise<readonly PartitionSize[]>
  listTransactions(options?: { readonly states?: readonly string[] }): Promise<readonly TransactionListing[]>
  describeTransactions(transactionalIds: readonly string[]): Promise<readonly TransactionDescription[]>
}

export function clusterAdmin(context: AdminContext): ClusterAdmin {
  const { cluster, timeoutMs } = context
  return {
    describeCluster: () =>
      askAny(context, 'describing the cluster', async (connection) => {
        const answer = await connection.send(describeCluster, { includeClusterAuthorizedOperations: false })
        checkAnswer(
          answer.errorCode,
          'describe the cluster',
          { broker: connection.broker },
          answer.errorMessage,
        )
        const { clusterId, controllerId, brokers } = answer
        return {
          clusterId,
          controllerId,
          brokers: brokers.map(({ brokerId, host, port, rack }) => ({ nodeId: brokerId, host, port, rack })),
        }
      }),
    async describeLogDirectories() {
      const answers = await askAll(context, 'describing log directories', async (connection) => {
        const answer = await connection.send(describeLogDirs, { topics: null })
        checkAnswer(answer.errorCode, 'describe log directories', { broker: connection.broker })
        return answer.results.flatMap(({ logDir, topics }) =>
          topics.flatMap(({ name, partitions }) =>
            partitions.map(({ partitionIndex, partitionSize }) => ({
              topic: name,
              partition: partitionIndex,
              directory: logDir,
              sizeBytes: Number(partitionSize),
            })),
          ),
        )
      })
      return answers.flat()
    },
    async listTransactions(options = {}) {
      const answers = await askAll(context, 'listing transactions', async (connection) => {
        const answer = await connection.send(listTransactions, {
          stateFilters: options.states ?? [],
          producerIdFilters: [],
        })
        checkAnswer(answer.errorCode, 'list transactions', { broker: connection.broker })
        return answer.transactionStates.map((one) => ({
          transactionalId: one.transactionalId,
          producerId: Number(one.producerId),
          state: one.transactionState,
        }))
      })
      return answers.flat().sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
    },
    describeTransactions: (transactionalIds) =>
      Promise.all(
        transactionalIds.map((transactionalId) => {
          const request = {
            kind: 'transaction' as const,
            key: transactionalId,
            lane: cluster.control,
            what: `describing transactional id "${transactionalId}"`,
            timeoutMs,
          }
          return askCoordinator(cluster, request, async (connection) => {
            const answer = await connection.send(describeTransactions, {
              transactionalIds: [transactionalId],
            })
            const [found] = answer.transactionStates
            const place = { transactionalId, broker: connection.broker }
            checkAnswer(found?.errorCode ?? -1, 'describe a transaction', place)
            return {
              transactionalId,
              producerId: Number(found?.producerId),
              epoch: found?.producerEpoch ?? -1,
              state: found?.transactionState ?? '',
              timeoutMs: found?.transactionTimeoutMs ?? -1,
              startMs: Number(found?.transactionStartTimeMs ?? -1),
              partitions: (found?.topics ?? []).flatMap(({ topic, partitions }) =>
                partitions.map((partition) => ({ topic, partition })),
              ),
            }
          })
        }),
      ),
  }
}
