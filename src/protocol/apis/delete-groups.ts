/**
 * DeleteGroups (key 42), versions 0 to 2: deletes empty groups and their offsets (KIP-229).
 *
 * v2  flexible
 */
import { array, int16, int32, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const deleteGroups = defineApi({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    groupsNames: array(string()),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: array(
      struct({
        groupId: string(),
        errorCode: int16(),
      }),
    ),
  },
})
