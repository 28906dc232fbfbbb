/**
 * DescribeDelegationToken (key 41), versions 1 to 3: lists delegation tokens (KIP-48).
 *
 * v2  flexible
 * v3  the requester of each token (KIP-373)
 */
import { array, bytes, int16, int32, int64, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const describeDelegationToken = defineApi({
  key: 41,
  name: 'DescribeDelegationToken',
  versions: [1, 3],
  flexibleFrom: 2,
  request: {
    owners: array(
      struct({
        principalType: string(),
        principalName: string(),
      }),
      { nullable: true },
    ),
  },
  response: {
    errorCode: int16(),
    tokens: array(
      struct({
        principalType: string(),
        principalName: string(),
        tokenRequesterPrincipalType: string({ since: 3 }),
        tokenRequesterPrincipalName: string({ since: 3 }),
        issueTimestamp: int64(),
        expiryTimestamp: int64(),
        maxTimestamp: int64(),
        tokenId: string(),
        hmac: bytes(),
        renewers: array(
          struct({
            principalType: string(),
            principalName: string(),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32({ default: 0 }),
  },
})
