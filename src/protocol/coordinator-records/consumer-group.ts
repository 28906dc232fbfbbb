/**
 * Groups of the consumer protocol (KIP-848) in `__consumer_offsets`: the group, each member, the assignment aimed
 * at and the one in force. Key types 3 and 5 to 8, and 16 for what a regular expression matches. All values are
 * flexible from version 0 on; type 4, which Kafka 4.1 gave up, is not written.
 */
import { array, bytes, int8, int32, int64, string, struct, uuid } from '../schema/fields.ts'
import { defineMessage } from '../schema/message.ts'

function groupKey(name: string, type: number) {
  return defineMessage({ name, versions: [type, type], flexibleFrom: 'never', fields: { groupId: string() } })
}

function memberKey(name: string, type: number) {
  const fields = { groupId: string(), memberId: string() }
  return defineMessage({ name, versions: [type, type], flexibleFrom: 'never', fields })
}

export const consumerGroupMetadataKey = groupKey('ConsumerGroupMetadataKey', 3)
export const consumerGroupMemberMetadataKey = memberKey('ConsumerGroupMemberMetadataKey', 5)
export const consumerGroupTargetAssignmentMetadataKey = groupKey(
  'ConsumerGroupTargetAssignmentMetadataKey',
  6,
)
export const consumerGroupTargetAssignmentMemberKey = memberKey('ConsumerGroupTargetAssignmentMemberKey', 7)
export const consumerGroupCurrentMemberAssignmentKey = memberKey('ConsumerGroupCurrentMemberAssignmentKey', 8)

export const consumerGroupRegularExpressionKey = defineMessage({
  name: 'ConsumerGroupRegularExpressionKey',
  versions: [16, 16],
  flexibleFrom: 'never',
  fields: {
    groupId: string(),
    regularExpression: string(),
  },
})

/** The epoch of a group, and a hash over the partitions that it may read (KIP-1101). */
export const consumerGroupMetadataValue = defineMessage({
  name: 'ConsumerGroupMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    epoch: int32(),
    metadataHash: int64({ tag: 0, default: 0n }),
  },
})

export const consumerGroupMemberMetadataValue = defineMessage({
  name: 'ConsumerGroupMemberMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    instanceId: string({ nullable: true }),
    rackId: string({ nullable: true }),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: array(string()),
    subscribedTopicRegex: string({ nullable: true }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    serverAssignor: string({ nullable: true }),
    /** Set for a member that still speaks the classic protocol. */
    classicMemberMetadata: struct(
      {
        sessionTimeoutMs: int32(),
        supportedProtocols: array(
          struct({
            name: string(),
            metadata: bytes(),
          }),
        ),
      },
      { tag: 0, nullable: true, default: null },
    ),
  },
})

export const consumerGroupTargetAssignmentMetadataValue = defineMessage({
  name: 'ConsumerGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    assignmentEpoch: int32(),
    assignmentTimestamp: int64({ tag: 0, default: 0n, ignorable: true }),
  },
})

export const consumerGroupTargetAssignmentMemberValue = defineMessage({
  name: 'ConsumerGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    topicPartitions: array(
      struct({
        topicId: uuid(),
        partitions: array(int32()),
      }),
    ),
  },
})

const ownedPartitionsFields = {
  topicId: uuid(),
  partitions: array(int32()),
  assignmentEpochs: array(int32(), { tag: 0, nullable: true, default: null }),
}

export const consumerGroupCurrentMemberAssignmentValue = defineMessage({
  name: 'ConsumerGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: array(struct(ownedPartitionsFields)),
    partitionsPendingRevocation: array(struct(ownedPartitionsFields)),
  },
})

export const consumerGroupRegularExpressionValue = defineMessage({
  name: 'ConsumerGroupRegularExpressionValue',
  versions: [0, 0],
  flexibleFrom: 0,
  fields: {
    topics: array(string()),
    version: int64(),
    timestamp: int64(),
  },
})
