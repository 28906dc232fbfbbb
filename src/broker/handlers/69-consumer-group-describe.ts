/**
 * ConsumerGroupDescribe: v0–v1
 *
 * Behaviour: epochs, members and assignments of consumer groups (KIP-848). A group that is not there, or is a
 * classic one, is GROUP_ID_NOT_FOUND. A group that reads topics which the client may not see is not shown.
 *
 * Version notes
 * v1     which protocol a member speaks (KIP-1099): all speak the consumer protocol
 */
import { consumerGroupDescribe } from '../../protocol/apis/consumer-group-describe.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { type Assignment, type ConsumerGroup, nothingAssigned } from '../groups/consumer-group.ts'
import { groupOperations, groupResource, type RequestContext, topicResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

type Described = ResponseInput<typeof consumerGroupDescribe>['groups'][number]
type DescribedAssignment = Described['members'][number]['assignment']

const CONSUMER_MEMBER = 1

function refused(groupId: string, errorCode: number, errorMessage: string | null = null): Described {
  return {
    errorCode,
    errorMessage,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
  }
}

function assignmentOf(broker: BrokerParts, assignment: Assignment): DescribedAssignment {
  const topicPartitions = [...assignment].flatMap(([hexId, partitions]) => {
    const topicId = Buffer.from(hexId, 'hex')
    const topic = broker.topics.byId(topicId)
    return topic === undefined ? [] : [{ topicId, topicName: topic.name, partitions: [...partitions] }]
  })
  return { topicPartitions }
}

function described(broker: BrokerParts, group: ConsumerGroup): Described {
  return {
    errorCode: ErrorCodes.NONE,
    groupId: group.id,
    groupState: group.state,
    groupEpoch: group.epoch,
    assignmentEpoch: group.targetEpoch,
    assignorName: broker.groups.consumer.assignorOf(group),
    members: [...group.members].map((member) => ({
      memberId: member.id,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.epoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: member.topics,
      subscribedTopicRegex: member.regex,
      assignment: assignmentOf(broker, member.assigned),
      targetAssignment: assignmentOf(broker, group.target.get(member.id) ?? nothingAssigned),
      memberType: CONSUMER_MEMBER,
    })),
  }
}

const hiddenTopics = 'The group has described topic(s) that the client is not authorized to describe.'

function seesTopicsOf(context: RequestContext, { members }: Described): boolean {
  const names = members.flatMap(({ assignment, targetAssignment }) =>
    [assignment, targetAssignment].flatMap(({ topicPartitions }) =>
      topicPartitions.map(({ topicName }) => topicName),
    ),
  )
  return [...new Set(names)].every((name) => context.authorize('describe', topicResource(name)))
}

function describe(broker: BrokerParts, context: RequestContext, groupId: string): Described {
  if (!context.authorize('describe', groupResource(groupId))) {
    return refused(groupId, ErrorCodes.GROUP_AUTHORIZATION_FAILED)
  }
  if (groupId === '') return refused(groupId, ErrorCodes.INVALID_GROUP_ID)
  const group = broker.groups.register.find(groupId)
  if (group?.kind === 'consumer') {
    const told = described(broker, group)
    return seesTopicsOf(context, told)
      ? told
      : refused(groupId, ErrorCodes.TOPIC_AUTHORIZATION_FAILED, hiddenTopics)
  }
  return refused(groupId, ErrorCodes.GROUP_ID_NOT_FOUND, `there is no consumer group "${groupId}"`)
}

export const handler = defineHandler({
  api: consumerGroupDescribe,
  handle(broker, context, request) {
    const groups = request.groupIds.map((groupId) => {
      const group = describe(broker, context, groupId)
      if (!request.includeAuthorizedOperations || group.errorCode !== ErrorCodes.NONE) return group
      return {
        ...group,
        authorizedOperations: context.authorizedOperations(groupOperations, groupResource(groupId)),
      }
    })
    return { groups }
  },
})
