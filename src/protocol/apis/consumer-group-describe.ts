/**
 * ConsumerGroupDescribe (key 69), versions 0 to 1: describes groups of the consumer protocol (KIP-848).
 *
 * Flexible from the first version on.
 * v1  member type (KIP-1099)
 */
import { array, bool, int8, int16, int32, string, struct, uuid } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

const topicPartitionsFields = {
  topicId: uuid(),
  topicName: string(),
  partitions: array(int32()),
}

const assignmentFields = {
  topicPartitions: array(struct(topicPartitionsFields)),
}

export const consumerGroupDescribe = defineApi({
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    groupIds: array(string()),
    includeAuthorizedOperations: bool(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    groups: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
        groupId: string(),
        groupState: string(),
        groupEpoch: int32(),
        assignmentEpoch: int32(),
        assignorName: string(),
        members: array(
          struct({
            memberId: string(),
            instanceId: string({ nullable: true, default: null }),
            rackId: string({ nullable: true, default: null }),
            memberEpoch: int32(),
            clientId: string(),
            clientHost: string(),
            subscribedTopicNames: array(string()),
            subscribedTopicRegex: string({ nullable: true, default: null }),
            assignment: struct(assignmentFields),
            targetAssignment: struct(assignmentFields),
            memberType: int8({ since: 1, default: -1, ignorable: true }),
          }),
        ),
        authorizedOperations: int32({ default: -0x8000_0000 }),
      }),
    ),
  },
})
