/**
 * OffsetDelete: v0
 *
 * Behaviour: takes committed offsets of a group away (KIP-496). While the group has members, only offsets of topics
 * that they do not read: GROUP_SUBSCRIBED_TO_TOPIC. A group whose members' topics cannot be told is NON_EMPTY_GROUP.
 */
import { offsetDelete } from '../../protocol/apis/offset-delete.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { coordinatorCode } from '../coordinator-error.ts'
import type { Group } from '../groups/group-register.ts'
import { CONSUMER_PROTOCOL_TYPE } from '../groups/membership.ts'
import { groupResource, topicResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

function groupFault(group: Group | undefined): number | undefined {
  if (group === undefined) return ErrorCodes.GROUP_ID_NOT_FOUND
  if (group.state === 'Empty' || group.kind === 'consumer') return undefined
  return group.protocolType === CONSUMER_PROTOCOL_TYPE ? undefined : ErrorCodes.NON_EMPTY_GROUP
}

export const handler = defineHandler({
  api: offsetDelete,
  handle(broker, context, request) {
    const { groupId } = request
    if (!context.authorize('delete', groupResource(groupId))) {
      return { errorCode: ErrorCodes.GROUP_AUTHORIZATION_FAILED, topics: [] }
    }
    const group = broker.groups.register.find(groupId)
    const fault = groupFault(group)
    if (group === undefined || fault !== undefined) {
      return { errorCode: fault ?? ErrorCodes.GROUP_ID_NOT_FOUND, topics: [] }
    }
    const inUse = (topic: string): boolean => group.state !== 'Empty' && group.mayRead(topic)
    const topics = request.topics.map(({ name, partitions }) => {
      const allowed = context.authorize('read', topicResource(name))
      const errorCode = !allowed
        ? ErrorCodes.TOPIC_AUTHORIZATION_FAILED
        : broker.topics.find(name) === undefined
          ? ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION
          : inUse(name)
            ? ErrorCodes.GROUP_SUBSCRIBED_TO_TOPIC
            : ErrorCodes.NONE
      return { name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })) }
    })
    const removed = topics.flatMap(({ name, partitions }) =>
      partitions
        .filter(({ errorCode }) => errorCode === ErrorCodes.NONE)
        .map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
    )
    try {
      broker.groups.commits.remove(groupId, removed)
      return { errorCode: ErrorCodes.NONE, topics }
    } catch (error) {
      return { errorCode: coordinatorCode(error), topics: [] }
    }
  },
})
