/** Offsets of partitions: look up by time, cut off the start. */
import type { TopicPartition } from '../../core/record.ts'
import { deleteRecords } from '../../protocol/apis/delete-records.ts'
import { describeProducers } from '../../protocol/apis/describe-producers.ts'
import { askLeaders } from '../cluster/ask-leaders.ts'
import {
  type IsolationLevel,
  lookUpOffsets,
  type OffsetAtTime,
  type OffsetTime,
} from '../cluster/list-offsets.ts'
import type { AdminContext } from './context.ts'

export interface ActiveProducer {
  readonly producerId: number
  readonly epoch: number
  readonly lastSequence: number
  readonly lastTimestampMs: number
  /** -1 when no transaction is open. */
  readonly transactionStartOffset: number
}

export interface OffsetAdmin {
  /** By `partitionName`: the offset at a time. @throws MR_TOPIC_UNKNOWN, MR_KAFKA */
  listOffsets(
    partitions: readonly TopicPartition[],
    options: { readonly at: OffsetTime; readonly isolation?: IsolationLevel },
  ): Promise<ReadonlyMap<string, OffsetAtTime>>
  /** Deletes what lies before an offset (-1 for all); gives the first offset left, by `partitionName`. */
  deleteRecords(
    partitions: readonly (TopicPartition & { readonly beforeOffset: number })[],
  ): Promise<ReadonlyMap<string, number>>
  /** The idempotent and transactional producers that a partition's leader knows, by `partitionName`. */
  describeProducers(
    partitions: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, readonly ActiveProducer[]>>
}

export function offsetAdmin({ cluster, timeoutMs }: AdminContext): OffsetAdmin {
  const lane = cluster.control
  return {
    listOffsets(partitions, { at, isolation = 'read_uncommitted' }) {
      const wanted = partitions.map(({ topic, partition }) => ({ topic, partition, at }))
      return lookUpOffsets(cluster, { lane, timeoutMs }, wanted, isolation)
    },
    deleteRecords(partitions) {
      const request = { lane, timeoutMs, what: 'delete records' }
      return askLeaders(cluster, request, partitions, async (connection, list) => {
        const answer = await connection.send(deleteRecords, {
          topics: [...Map.groupBy(list, ({ topic }) => topic)].map(([name, ofTopic]) => ({
            name,
            partitions: ofTopic.map((one) => ({
              partitionIndex: one.partition,
              offset: BigInt(one.beforeOffset),
            })),
          })),
          timeoutMs,
        })
        return answer.topics.flatMap(({ name, partitions: ofTopic }) =>
          ofTopic.map((one) => ({
            topic: name,
            partition: one.partitionIndex,
            errorCode: one.errorCode,
            result: Number(one.lowWatermark),
          })),
        )
      })
    },
    describeProducers(partitions) {
      const request = { lane, timeoutMs, what: 'describe producers' }
      return askLeaders(cluster, request, partitions, async (connection, list) => {
        const answer = await connection.send(describeProducers, {
          topics: [...Map.groupBy(list, ({ topic }) => topic)].map(([name, ofTopic]) => ({
            name,
            partitionIndexes: ofTopic.map(({ partition }) => partition),
          })),
        })
        return answer.topics.flatMap(({ name, partitions: ofTopic }) =>
          ofTopic.map((one) => ({
            topic: name,
            partition: one.partitionIndex,
            errorCode: one.errorCode,
            result: one.activeProducers.map((producer) => ({
              producerId: Number(producer.producerId),
              epoch: producer.producerEpoch,
              lastSequence: producer.lastSequence,
              lastTimestampMs: Number(producer.lastTimestamp),
              transactionStartOffset: Number(producer.currentTxnStartOffset),
            })),
          })),
        )
      })
    },
  }
}
