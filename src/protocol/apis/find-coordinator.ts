/**
 * FindCoordinator (key 10), versions 0 to 6: finds the broker that coordinates a group or a transactional id.
 *
 * v0  groups only
 * v1  key types (0 group, 1 transaction); error texts, throttle time
 * v3  flexible
 * v4  several keys in one request (KIP-699)
 * v5  TRANSACTION_ABORTABLE may be answered (KIP-890)
 * v6  key type 2: share groups, `group:topicId:partition` (KIP-932)
 */
import { array, int8, int16, int32, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const findCoordinator = defineApi({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexibleFrom: 3,
  request: {
    key: string({ until: 3 }),
    keyType: int8({ since: 1, default: 0 }),
    coordinatorKeys: array(string(), { since: 4 }),
  },
  response: {
    throttleTimeMs: int32({ since: 1, default: 0, ignorable: true }),
    errorCode: int16({ until: 3 }),
    errorMessage: string({ since: 1, until: 3, nullable: true, ignorable: true }),
    nodeId: int32({ until: 3 }),
    host: string({ until: 3 }),
    port: int32({ until: 3 }),
    coordinators: array(
      struct({
        key: string(),
        nodeId: int32(),
        host: string(),
        port: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: true, ignorable: true }),
      }),
      { since: 4 },
    ),
  },
})
