/**
 * DeleteRecords: v0–v2
 *
 * Behaviour: hides all records before an offset, -1 for all that can be read now (KIP-107). The bytes go with the
 * next check of old segments. Topics that are only compacted, and internal ones, refuse: POLICY_VIOLATION.
 */
import { deleteRecords } from '../../protocol/apis/delete-records.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { topicResource } from '../request-context.ts'
import type { Topic } from '../topics/topic.ts'
import { brokerFault } from '../topics/topic-fault.ts'
import { defineHandler } from './handler.ts'

interface Deleted {
  readonly partitionIndex: number
  readonly lowWatermark: bigint
  readonly errorCode: number
}

function refused(partitionIndex: number, errorCode: number): Deleted {
  return { partitionIndex, lowWatermark: -1n, errorCode }
}

function remove(topic: Topic | undefined, partitionIndex: number, offset: bigint): Deleted {
  if (topic === undefined) return refused(partitionIndex, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  const partition = topic.partition(partitionIndex)
  if (partition === undefined) return refused(partitionIndex, topic.missingCode(partitionIndex))
  const deletable = !topic.internal && topic.config['cleanup.policy'].includes('delete')
  if (!deletable) return refused(partitionIndex, ErrorCodes.POLICY_VIOLATION)
  try {
    const low = partition.log.deleteRecordsBefore(Number(offset))
    return { partitionIndex, lowWatermark: BigInt(low), errorCode: ErrorCodes.NONE }
  } catch (error) {
    return refused(partitionIndex, brokerFault(error).code)
  }
}

export const handler = defineHandler({
  api: deleteRecords,
  handle(broker, context, request) {
    const topics = request.topics.map(({ name, partitions }) => {
      const allowed = context.authorize('delete', topicResource(name))
      const topic = broker.topics.find(name)
      return {
        name,
        partitions: partitions.map(({ partitionIndex, offset }) =>
          allowed
            ? remove(topic, partitionIndex, offset)
            : refused(partitionIndex, ErrorCodes.TOPIC_AUTHORIZATION_FAILED),
        ),
      }
    })
    return { topics }
  },
})
