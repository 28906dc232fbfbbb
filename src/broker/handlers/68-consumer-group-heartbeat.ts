/**
 * ConsumerGroupHeartbeat: v0–v1
 *
 * Behaviour: joins, leaves and lives in a consumer group (KIP-848); the broker assigns. See
 * groups/consumer-protocol.ts. A classic group without members becomes one of this protocol, and back.
 *
 * Version notes
 * v1     subscription by a pattern; the client makes its own member id (KIP-1082)
 *
 * Not supported: moving a group with members from one protocol to the other.
 */
import { consumerGroupHeartbeat } from '../../protocol/apis/consumer-group-heartbeat.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import type { Assignment } from '../groups/consumer-group.ts'
import { type HeartbeatResult, heartbeatRefused } from '../groups/consumer-protocol.ts'
import { groupResource, type RequestContext, topicResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

type Request = RequestOf<typeof consumerGroupHeartbeat>
type Response = ResponseInput<typeof consumerGroupHeartbeat>

const OWN_ID_FROM_VERSION = 1

function rightsFault(
  context: RequestContext,
  { groupId, subscribedTopicNames }: Request,
): number | undefined {
  if (!context.authorize('read', groupResource(groupId))) return ErrorCodes.GROUP_AUTHORIZATION_FAILED
  const all = (subscribedTopicNames ?? []).every((name) => context.authorize('describe', topicResource(name)))
  return all ? undefined : ErrorCodes.TOPIC_AUTHORIZATION_FAILED
}

function ownedBy({ topicPartitions }: Request): Assignment | null {
  if (topicPartitions === null) return null
  return new Map(
    topicPartitions.map(({ topicId, partitions }) => [topicId.toString('hex'), new Set(partitions)]),
  )
}

function answer(result: HeartbeatResult, intervalMs: number): Response {
  const { errorCode, errorMessage, memberId, memberEpoch, assignment } = result
  const topicPartitions =
    assignment === undefined
      ? undefined
      : [...assignment].map(([topicId, partitions]) => ({
          topicId: Buffer.from(topicId, 'hex'),
          partitions: [...partitions].sort((a, b) => a - b),
        }))
  return {
    errorCode,
    errorMessage,
    memberId,
    memberEpoch,
    heartbeatIntervalMs: errorCode === ErrorCodes.NONE ? intervalMs : 0,
    assignment: topicPartitions === undefined ? null : { topicPartitions },
  }
}

export const handler = defineHandler({
  api: consumerGroupHeartbeat,
  handle(broker, context, request) {
    const intervalMs = broker.settings['group.consumer.heartbeat.interval.ms']
    const fault = rightsFault(context, request)
    if (fault !== undefined) return answer(heartbeatRefused(fault), intervalMs)
    if (request.memberId === '' && context.version >= OWN_ID_FROM_VERSION) {
      return answer(heartbeatRefused(ErrorCodes.INVALID_REQUEST, 'the member id is empty'), intervalMs)
    }
    const result = broker.groups.consumerHeartbeat(request.groupId, {
      memberId: request.memberId,
      memberEpoch: request.memberEpoch,
      instanceId: request.instanceId,
      rackId: request.rackId,
      clientId: context.clientId ?? '',
      clientHost: `/${context.connection.clientHost}`,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      topics: request.subscribedTopicNames,
      regex: request.subscribedTopicRegex,
      mayDescribe: (topic) => context.authorize('describe', topicResource(topic)),
      assignor: request.serverAssignor,
      owned: ownedBy(request),
    })
    return result instanceof Promise
      ? result.then((later) => answer(later, intervalMs))
      : answer(result, intervalMs)
  },
})
