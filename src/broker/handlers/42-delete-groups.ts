/**
 * DeleteGroups: v0–v2
 *
 * Behaviour: deletes groups without members, with their offsets.
 */
import { deleteGroups } from '../../protocol/apis/delete-groups.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { groupResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

export const handler = defineHandler({
  api: deleteGroups,
  handle(broker, context, request) {
    const results = request.groupsNames.map((groupId) => ({
      groupId,
      errorCode: context.authorize('delete', groupResource(groupId))
        ? broker.groups.delete(groupId)
        : ErrorCodes.GROUP_AUTHORIZATION_FAILED,
    }))
    return { results }
  },
})
