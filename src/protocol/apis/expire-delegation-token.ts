/**
 * ExpireDelegationToken (key 40), versions 1 to 2: ends a delegation token (KIP-48).
 *
 * v2  flexible
 */
import { bytes, int16, int32, int64 } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const expireDelegationToken = defineApi({
  key: 40,
  name: 'ExpireDelegationToken',
  versions: [1, 2],
  flexibleFrom: 2,
  request: {
    hmac: bytes(),
    expiryTimePeriodMs: int64(),
  },
  response: {
    errorCode: int16(),
    expiryTimestampMs: int64(),
    throttleTimeMs: int32({ default: 0 }),
  },
})
