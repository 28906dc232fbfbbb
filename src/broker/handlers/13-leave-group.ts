/**
 * LeaveGroup: v0–v5
 *
 * Behaviour: takes members out of a classic group at once.
 *
 * Version notes
 * v3     several members, also by instance id alone (KIP-345); before, the member's error is that of the answer
 */
import { leaveGroup } from '../../protocol/apis/leave-group.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { groupResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

const MANY_FROM_VERSION = 3

export const handler = defineHandler({
  api: leaveGroup,
  handle(broker, context, request) {
    const { groupId } = request
    const many = context.version >= MANY_FROM_VERSION
    const leaving = many ? request.members : [{ memberId: request.memberId, groupInstanceId: null }]
    if (!context.authorize('read', groupResource(groupId))) {
      return { errorCode: ErrorCodes.GROUP_AUTHORIZATION_FAILED }
    }
    const codes = broker.groups.leave(
      groupId,
      leaving.map(({ memberId, groupInstanceId }) => ({ memberId, instanceId: groupInstanceId })),
    )
    if (typeof codes === 'number') return { errorCode: codes }
    if (!many) return { errorCode: codes[0] ?? ErrorCodes.NONE }
    const members = leaving.map(({ memberId, groupInstanceId }, i) => ({
      memberId,
      groupInstanceId,
      errorCode: codes[i]!,
    }))
    return { errorCode: ErrorCodes.NONE, members }
  },
})
