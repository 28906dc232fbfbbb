/**
 * SyncGroup: v0–v5
 *
 * Behaviour: the leader hands in the assignment, every member gets its part; the answer waits for the leader.
 *
 * Version notes
 * v3     instance ids (KIP-345)
 * v5     protocol type and name are sent and checked; without them the request is refused (KIP-559)
 */
import { syncGroup } from '../../protocol/apis/sync-group.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import { type SyncResult, syncRefused } from '../groups/classic-member.ts'
import { groupResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

const PROTOCOL_FROM_VERSION = 5

function answer(result: SyncResult): ResponseInput<typeof syncGroup> {
  const { errorCode, protocolType, protocolName, assignment } = result
  return { errorCode, protocolType, protocolName, assignment }
}

export const handler = defineHandler({
  api: syncGroup,
  handle(broker, context, request) {
    const { groupId, protocolType, protocolName } = request
    if (!context.authorize('read', groupResource(groupId))) {
      return answer(syncRefused(ErrorCodes.GROUP_AUTHORIZATION_FAILED))
    }
    if (context.version >= PROTOCOL_FROM_VERSION && (protocolType === null || protocolName === null)) {
      return answer(syncRefused(ErrorCodes.INCONSISTENT_GROUP_PROTOCOL))
    }
    const result = broker.groups.sync(groupId, {
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generation: request.generationId,
      protocolType,
      protocolName,
      assignments: request.assignments,
    })
    return result instanceof Promise ? result.then(answer) : answer(result)
  },
})
