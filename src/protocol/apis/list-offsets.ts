/**
 * ListOffsets (key 2), versions 1 to 11: looks up offsets by timestamp, or the first and last ones.
 *
 * v1  one offset per partition, with its timestamp
 * v2  isolation level (KIP-98); throttle time
 * v4  leader epochs (KIP-320)
 * v5  OFFSET_NOT_AVAILABLE may be answered
 * v6  flexible
 * v7  timestamp -3: the offset of the largest timestamp (KIP-734)
 * v8  timestamp -4: the first offset that is local (KIP-405)
 * v9  timestamp -5: the last offset that was tiered (KIP-1005)
 * v10 a timeout for lookups in remote storage (KIP-1075)
 * v11 timestamp -6: the first offset still to be tiered (KIP-1023)
 */
import { array, int8, int16, int32, int64, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const listOffsets = defineApi({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexibleFrom: 6,
  request: {
    replicaId: int32(),
    isolationLevel: int8({ since: 2 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            currentLeaderEpoch: int32({ since: 4, default: -1, ignorable: true }),
            timestamp: int64(),
          }),
        ),
      }),
    ),
    timeoutMs: int32({ since: 10, ignorable: true }),
  },
  response: {
    throttleTimeMs: int32({ since: 2, default: 0, ignorable: true }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            timestamp: int64({ default: -1n }),
            offset: int64({ default: -1n }),
            leaderEpoch: int32({ since: 4, default: -1 }),
          }),
        ),
      }),
    ),
  },
})
