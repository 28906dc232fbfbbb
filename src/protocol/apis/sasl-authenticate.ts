/**
 * SaslAuthenticate (key 36), versions 0 to 2: carries one token of a SASL exchange (KIP-152).
 *
 * v1  answer: how long the session lasts (KIP-368)
 * v2  flexible
 */
import { bytes, int16, int64, string } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const saslAuthenticate = defineApi({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    authBytes: bytes(),
  },
  response: {
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    authBytes: bytes(),
    sessionLifetimeMs: int64({ since: 1, default: 0n, ignorable: true }),
  },
})
