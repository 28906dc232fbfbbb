/**
 * OffsetCommit (key 8), versions 2 to 10: keeps the positions of a consumer group.
 *
 * v2  retention time of the offsets
 * v3  throttle time
 * v5  no retention time any more (KIP-211)
 * v6  leader epoch of the record (KIP-320)
 * v7  static members (KIP-345)
 * v8  flexible
 * v9  groups of the consumer protocol (KIP-848): STALE_MEMBER_EPOCH, GROUP_ID_NOT_FOUND
 * v10 topic ids in place of names (KIP-848)
 */
import { array, int16, int32, int64, string, struct, uuid } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const offsetCommit = defineApi({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexibleFrom: 8,
  request: {
    groupId: string(),
    generationIdOrMemberEpoch: int32({ default: -1, ignorable: true }),
    memberId: string({ ignorable: true }),
    groupInstanceId: string({ since: 7, nullable: true, default: null }),
    retentionTimeMs: int64({ until: 4, default: -1n, ignorable: true }),
    topics: array(
      struct({
        name: string({ until: 9, ignorable: true }),
        topicId: uuid({ since: 10, ignorable: true }),
        partitions: array(
          struct({
            partitionIndex: int32(),
            committedOffset: int64(),
            committedLeaderEpoch: int32({ since: 6, default: -1, ignorable: true }),
            committedMetadata: string({ nullable: true }),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32({ since: 3, default: 0, ignorable: true }),
    topics: array(
      struct({
        name: string({ until: 9, ignorable: true }),
        topicId: uuid({ since: 10, ignorable: true }),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
          }),
        ),
      }),
    ),
  },
})
