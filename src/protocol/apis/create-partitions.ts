/**
 * CreatePartitions (key 37), versions 0 to 3: raises the number of partitions of topics (KIP-195).
 *
 * v2  flexible
 * v3  THROTTLING_QUOTA_EXCEEDED may be answered (KIP-599)
 */
import { array, bool, int16, int32, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const createPartitions = defineApi({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexibleFrom: 2,
  request: {
    topics: array(
      struct({
        name: string(),
        count: int32(),
        assignments: array(
          struct({
            brokerIds: array(int32()),
          }),
          { nullable: true },
        ),
      }),
    ),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: array(
      struct({
        name: string(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, default: null }),
      }),
    ),
  },
})
