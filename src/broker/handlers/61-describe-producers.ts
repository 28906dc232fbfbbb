/**
 * DescribeProducers: v0
 *
 * Behaviour: the idempotent and transactional producers that a partition remembers (KIP-664).
 */
import { describeProducers } from '../../protocol/apis/describe-producers.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import { topicResource } from '../request-context.ts'
import type { Partition } from '../topics/partition.ts'
import { defineHandler } from './handler.ts'

type Described = ResponseInput<typeof describeProducers>['topics'][number]['partitions'][number]

const refused = (partitionIndex: number, errorCode: number): Described => ({
  partitionIndex,
  errorCode,
  activeProducers: [],
})

function described({ index, log }: Partition): Described {
  return {
    partitionIndex: index,
    errorCode: ErrorCodes.NONE,
    activeProducers: log.producers().map((producer) => ({
      producerId: BigInt(producer.producerId),
      producerEpoch: producer.producerEpoch,
      lastSequence: producer.lastSequence,
      lastTimestamp: BigInt(producer.lastTimestampMs),
      coordinatorEpoch: producer.coordinatorEpoch,
      currentTxnStartOffset: BigInt(producer.currentTransactionFirstOffset),
    })),
  }
}

export const handler = defineHandler({
  api: describeProducers,
  handle(broker, context, request) {
    const topics = request.topics.map(({ name, partitionIndexes }) => {
      const allowed = context.authorize('read', topicResource(name))
      const topic = broker.topics.find(name)
      return {
        name,
        partitions: partitionIndexes.map((index) => {
          if (!allowed) return refused(index, ErrorCodes.TOPIC_AUTHORIZATION_FAILED)
          const partition = topic?.partition(index)
          if (partition !== undefined) return described(partition)
          return refused(index, topic?.missingCode(index) ?? ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION)
        }),
      }
    })
    return { topics }
  },
})
