/**
 * CreatePartitions: v0–v3
 *
 * Behaviour: raises the number of partitions of topics, or only checks (`validateOnly`). Keys hash to other
 * partitions afterwards, as with Kafka.
 */
import { createPartitions } from '../../protocol/apis/create-partitions.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { type RequestContext, topicResource } from '../request-context.ts'
import { PARTITIONS_MAX } from '../topics/topic-creation.ts'
import { brokerFault, type TopicFault } from '../topics/topic-fault.ts'
import { defineHandler } from './handler.ts'

type Wanted = RequestOf<typeof createPartitions>['topics'][number]

const fine: TopicFault = { code: ErrorCodes.NONE, message: null }

function assignmentFault({ assignments }: Wanted, added: number, nodeId: number): TopicFault | undefined {
  if (assignments === null) return undefined
  const code = ErrorCodes.INVALID_REPLICA_ASSIGNMENT
  if (assignments.length !== added) {
    return { code, message: `${added} partitions are added, but ${assignments.length} assigned` }
  }
  const other = assignments.some(({ brokerIds }) => brokerIds.length !== 1 || brokerIds[0] !== nodeId)
  return other ? { code, message: `the only broker is ${nodeId}` } : undefined
}

function raise(
  broker: BrokerParts,
  context: RequestContext,
  wanted: Wanted,
  validateOnly: boolean,
): TopicFault {
  const { name, count } = wanted
  if (!context.authorize('alter', topicResource(name))) {
    return { code: ErrorCodes.TOPIC_AUTHORIZATION_FAILED, message: null }
  }
  const topic = broker.topics.find(name)
  if (topic === undefined) return { code: ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION, message: null }
  if (topic.internal) return { code: ErrorCodes.INVALID_TOPIC_EXCEPTION, message: 'the topic is internal' }
  const present = topic.partitionCount
  if (count <= present || count > PARTITIONS_MAX) {
    const message = `"${name}" has ${present} partitions and cannot get ${count}`
    return { code: ErrorCodes.INVALID_PARTITIONS, message }
  }
  const fault = assignmentFault(wanted, count - present, broker.nodeId)
  if (fault !== undefined || validateOnly) return fault ?? fine
  try {
    broker.topics.addPartitions(topic, count)
    return fine
  } catch (error) {
    return brokerFault(error)
  }
}

export const handler = defineHandler({
  api: createPartitions,
  handle(broker, context, request) {
    const counts = new Map<string, number>()
    for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1)
    const twice: TopicFault = {
      code: ErrorCodes.INVALID_REQUEST,
      message: 'the topic is in the request twice',
    }
    const results = request.topics.map((wanted) => {
      const fault =
        counts.get(wanted.name)! > 1 ? twice : raise(broker, context, wanted, request.validateOnly)
      return { name: wanted.name, errorCode: fault.code, errorMessage: fault.message }
    })
    return { results }
  },
})
