/**
 * DescribeGroups (key 15), versions 0 to 6: describes classic consumer groups and their members.
 *
 * v1  throttle time
 * v3  authorized operations on request (KIP-430)
 * v4  instance ids of static members (KIP-345)
 * v5  flexible
 * v6  GROUP_ID_NOT_FOUND for a group that is not there, with a text (KIP-1043)
 */
import { array, bool, bytes, int16, int32, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const describeGroups = defineApi({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexibleFrom: 5,
  request: {
    groups: array(string()),
    includeAuthorizedOperations: bool({ since: 3 }),
  },
  response: {
    throttleTimeMs: int32({ since: 1, default: 0, ignorable: true }),
    groups: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ since: 6, nullable: true, default: null }),
        groupId: string(),
        groupState: string(),
        protocolType: string(),
        protocolData: string(),
        members: array(
          struct({
            memberId: string(),
            groupInstanceId: string({ since: 4, nullable: true, default: null, ignorable: true }),
            clientId: string(),
            clientHost: string(),
            memberMetadata: bytes(),
            memberAssignment: bytes(),
          }),
        ),
        authorizedOperations: int32({ since: 3, default: -0x8000_0000 }),
      }),
    ),
  },
})
