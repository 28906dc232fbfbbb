/**
 * A classic group with its members in `__consumer_offsets`. Key type 2.
 *
 * v1  rebalance timeout of the members
 * v2  when the group came into its state
 * v3  instance ids of static members (KIP-345)
 * v4  flexible (KIP-915)
 */
import { array, bytes, int32, int64, string, struct } from '../schema/fields.ts'
import { defineMessage } from '../schema/message.ts'

export const groupMetadataKey = defineMessage({
  name: 'GroupMetadataKey',
  versions: [2, 2],
  flexibleFrom: 'never',
  fields: {
    group: string(),
  },
})

export const groupMetadataValue = defineMessage({
  name: 'GroupMetadataValue',
  versions: [0, 4],
  flexibleFrom: 4,
  fields: {
    protocolType: string(),
    generation: int32(),
    protocol: string({ nullable: true }),
    leader: string({ nullable: true }),
    currentStateTimestamp: int64({ since: 2, default: -1n, ignorable: true }),
    members: array(
      struct({
        memberId: string(),
        groupInstanceId: string({ since: 3, nullable: true, default: null, ignorable: true }),
        clientId: string(),
        clientHost: string(),
        rebalanceTimeout: int32({ since: 1, default: -1, ignorable: true }),
        sessionTimeout: int32(),
        subscription: bytes(),
        assignment: bytes(),
      }),
    ),
  },
})
