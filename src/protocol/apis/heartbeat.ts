/**
 * Heartbeat (key 12), versions 0 to 4: keeps a member in a classic consumer group.
 *
 * v1  throttle time
 * v3  static members (KIP-345)
 * v4  flexible
 */
import { int16, int32, string } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const heartbeat = defineApi({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexibleFrom: 4,
  request: {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ since: 3, nullable: true, default: null }),
  },
  response: {
    throttleTimeMs: int32({ since: 1, default: 0, ignorable: true }),
    errorCode: int16(),
  },
})
