/**
 * RenewDelegationToken (key 39), versions 1 to 2: lengthens the life of a delegation token (KIP-48).
 *
 * v2  flexible
 */
import { bytes, int16, int32, int64 } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const renewDelegationToken = defineApi({
  key: 39,
  name: 'RenewDelegationToken',
  versions: [1, 2],
  flexibleFrom: 2,
  request: {
    hmac: bytes(),
    renewPeriodMs: int64(),
  },
  response: {
    errorCode: int16(),
    expiryTimestampMs: int64(),
    throttleTimeMs: int32({ default: 0 }),
  },
})
