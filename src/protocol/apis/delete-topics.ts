/**
 * DeleteTopics (key 20), versions 1 to 6: deletes topics.
 *
 * v1  throttle time
 * v3  TOPIC_DELETION_DISABLED may be answered
 * v4  flexible
 * v5  error texts; THROTTLING_QUOTA_EXCEEDED may be answered (KIP-599)
 * v6  topics by name or id (KIP-516)
 */
import { array, int16, int32, string, struct, uuid } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const deleteTopics = defineApi({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexibleFrom: 4,
  request: {
    topics: array(
      struct({
        name: string({ nullable: true, default: null }),
        topicId: uuid(),
      }),
      { since: 6 },
    ),
    topicNames: array(string(), { until: 5, ignorable: true }),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32({ default: 0, ignorable: true }),
    responses: array(
      struct({
        name: string({ nullableSince: 6 }),
        topicId: uuid({ since: 6, ignorable: true }),
        errorCode: int16(),
        errorMessage: string({ since: 5, nullable: true, default: null, ignorable: true }),
      }),
    ),
  },
})
