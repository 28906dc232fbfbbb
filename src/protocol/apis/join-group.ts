/**
 * JoinGroup (key 11), versions 0 to 9: makes a client a member of a classic consumer group and starts a generation.
 *
 * v1  rebalance timeout apart from the session timeout (KIP-62)
 * v2  throttle time
 * v4  a first join gets MEMBER_ID_REQUIRED and an id to come back with (KIP-394)
 * v5  static members (KIP-345)
 * v6  flexible
 * v7  protocol type and nullable protocol name in the answer (KIP-559)
 * v8  the reason of the join (KIP-800)
 * v9  the leader may be told not to assign (KIP-814)
 */
import { array, bool, bytes, int16, int32, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const joinGroup = defineApi({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexibleFrom: 6,
  request: {
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32({ since: 1, default: -1, ignorable: true }),
    memberId: string(),
    groupInstanceId: string({ since: 5, nullable: true, default: null }),
    protocolType: string(),
    protocols: array(
      struct({
        name: string(),
        metadata: bytes(),
      }),
    ),
    reason: string({ since: 8, nullable: true, default: null, ignorable: true }),
  },
  response: {
    throttleTimeMs: int32({ since: 2, default: 0, ignorable: true }),
    errorCode: int16(),
    generationId: int32({ default: -1 }),
    protocolType: string({ since: 7, nullable: true, default: null, ignorable: true }),
    protocolName: string({ nullableSince: 7 }),
    leader: string(),
    skipAssignment: bool({ since: 9, default: false }),
    memberId: string(),
    members: array(
      struct({
        memberId: string(),
        groupInstanceId: string({ since: 5, nullable: true, default: null, ignorable: true }),
        metadata: bytes(),
      }),
    ),
  },
})
