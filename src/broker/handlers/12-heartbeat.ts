/**
 * Heartbeat: v0–v4
 *
 * Behaviour: keeps a member in its classic group, and tells it by REBALANCE_IN_PROGRESS to join again.
 *
 * Version notes
 * v3     instance ids: FENCED_INSTANCE_ID (KIP-345)
 */
import { heartbeat } from '../../protocol/apis/heartbeat.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { groupResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

export const handler = defineHandler({
  api: heartbeat,
  handle(broker, context, request) {
    const { groupId, memberId, groupInstanceId, generationId } = request
    if (!context.authorize('read', groupResource(groupId))) {
      return { errorCode: ErrorCodes.GROUP_AUTHORIZATION_FAILED }
    }
    const claim = { memberId, instanceId: groupInstanceId, generation: generationId }
    return { errorCode: broker.groups.heartbeat(groupId, claim) }
  },
})
