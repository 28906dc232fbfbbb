/**
 * DescribeTopicPartitions: v0
 *
 * Behaviour: topics by name, or all, in the order of their names, page by page: `nextCursor` says where the next
 * page begins (KIP-966). No topic is created.
 */
import { describeTopicPartitions } from '../../protocol/apis/describe-topic-partitions.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { type RequestContext, topicOperations, topicResource } from '../request-context.ts'
import type { Topic } from '../topics/topic.ts'
import { defineHandler } from './handler.ts'

type Response = ResponseInput<typeof describeTopicPartitions>
type TopicResponse = Response['topics'][number]

/** Kafka's max.request.partition.size.limit. */
const PARTITIONS_MAX = 2000

function pageOf(topic: Topic, nodeId: number, from: number, count: number): TopicResponse['partitions'] {
  return Array.from({ length: count }, (_, i) => {
    const partitionIndex = from + i
    const partition = topic.partition(partitionIndex)
    const online = partition !== undefined
    return {
      errorCode: online ? ErrorCodes.NONE : ErrorCodes.LEADER_NOT_AVAILABLE,
      partitionIndex,
      leaderId: online ? nodeId : -1,
      leaderEpoch: partition?.leaderEpoch ?? -1,
      replicaNodes: [nodeId],
      isrNodes: online ? [nodeId] : [],
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
      offlineReplicas: online ? [] : [nodeId],
    }
  })
}

function missing(broker: BrokerParts, context: RequestContext, name: string): TopicResponse {
  const allowed = context.authorize('describe', topicResource(name))
  const errorCode = allowed ? broker.topics.missingCode(name) : ErrorCodes.TOPIC_AUTHORIZATION_FAILED
  return { errorCode, name, topicId: zeroUuid, partitions: [] }
}

export const handler = defineHandler({
  api: describeTopicPartitions,
  handle(broker, context, request) {
    const { cursor } = request
    const all = request.topics.length === 0
    const asked = all ? broker.topics.all : request.topics
    const names = [...new Set(asked.map(({ name }) => name))]
      .filter((name) => !all || context.authorize('describe', topicResource(name)))
      .filter((name) => cursor === null || name >= cursor.topicName)
      .sort()
    let left = Math.max(1, Math.min(request.responsePartitionLimit, PARTITIONS_MAX))
    const topics: TopicResponse[] = []
    for (const name of names) {
      const topic = broker.topics.find(name)
      if (topic === undefined || !context.authorize('describe', topicResource(name))) {
        topics.push(missing(broker, context, name))
        continue
      }
      const from = cursor !== null && cursor.topicName === name ? Math.max(0, cursor.partitionIndex) : 0
      if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: from } }
      const count = Math.min(left, Math.max(0, topic.partitionCount - from))
      left -= count
      topics.push({
        errorCode: ErrorCodes.NONE,
        name,
        topicId: topic.id,
        isInternal: topic.internal,
        partitions: pageOf(topic, broker.nodeId, from, count),
        topicAuthorizedOperations: context.authorizedOperations(topicOperations, topicResource(name)),
      })
      if (from + count < topic.partitionCount) {
        return { topics, nextCursor: { topicName: name, partitionIndex: from + count } }
      }
    }
    return { topics }
  },
})
