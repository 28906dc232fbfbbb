/**
 * DeleteAcls (key 31), versions 1 to 3: removes access rules that match filters.
 *
 * v1  pattern types (KIP-290)
 * v2  flexible
 * v3  resource type user (KIP-373)
 */
import { array, int8, int16, int32, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const deleteAcls = defineApi({
  key: 31,
  name: 'DeleteAcls',
  versions: [1, 3],
  flexibleFrom: 2,
  request: {
    filters: array(
      struct({
        resourceTypeFilter: int8(),
        resourceNameFilter: string({ nullable: true }),
        patternTypeFilter: int8({ default: 3 }),
        principalFilter: string({ nullable: true }),
        hostFilter: string({ nullable: true }),
        operation: int8(),
        permissionType: int8(),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    filterResults: array(
      struct({
        errorCode: int16(),
        errorMessage: string({ nullable: true }),
        matchingAcls: array(
          struct({
            errorCode: int16(),
            errorMessage: string({ nullable: true }),
            resourceType: int8(),
            resourceName: string(),
            patternType: int8({ default: 3 }),
            principal: string(),
            host: string(),
            operation: int8(),
            permissionType: int8(),
          }),
        ),
      }),
    ),
  },
})
