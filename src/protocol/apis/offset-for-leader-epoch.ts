/**
 * OffsetForLeaderEpoch (key 23), versions 2 to 4: finds where a leader epoch ends, to detect truncation (KIP-101, KIP-320).
 *
 * v2  current leader epoch; throttle time
 * v3  replica id, -2 for a consumer that may see past the high watermark
 * v4  flexible
 */
import { array, int16, int32, int64, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const offsetForLeaderEpoch = defineApi({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexibleFrom: 4,
  request: {
    replicaId: int32({ since: 3, default: -2, ignorable: true }),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32({ default: -1, ignorable: true }),
            leaderEpoch: int32(),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32({ default: 0, ignorable: true }),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            errorCode: int16(),
            partition: int32(),
            leaderEpoch: int32({ default: -1, ignorable: true }),
            endOffset: int64({ default: -1n }),
          }),
        ),
      }),
    ),
  },
})
