/**
 * What members of a classic consumer group tell each other through the broker, which passes the bytes on unread:
 * the subscription in JoinGroup, the assignment in SyncGroup. Both stand behind their version (an int16).
 *
 * Newer versions only append fields, so a reader takes any higher version as the highest that it knows:
 * `decodeVersioned(…, { newer: 'as-highest' })`.
 *
 * v1  the partitions that a member still owns, for cooperative rebalancing (KIP-429)
 * v2  the generation in which it got them (KIP-792)
 * v3  the rack of the member (KIP-881)
 */
import { array, bytes, int32, string, struct } from '../schema/fields.ts'
import { defineMessage } from '../schema/message.ts'

export const consumerProtocolSubscription = defineMessage({
  name: 'ConsumerProtocolSubscription',
  versions: [0, 3],
  flexibleFrom: 'never',
  fields: {
    topics: array(string()),
    userData: bytes({ nullable: true, default: null }),
    ownedPartitions: array(
      struct({
        topic: string(),
        partitions: array(int32()),
      }),
      { since: 1, ignorable: true },
    ),
    generationId: int32({ since: 2, default: -1, ignorable: true }),
    rackId: string({ since: 3, nullable: true, default: null, ignorable: true }),
  },
})

export const consumerProtocolAssignment = defineMessage({
  name: 'ConsumerProtocolAssignment',
  versions: [0, 3],
  flexibleFrom: 'never',
  fields: {
    assignedPartitions: array(
      struct({
        topic: string(),
        partitions: array(int32()),
      }),
    ),
    userData: bytes({ nullable: true, default: null }),
  },
})
