/**
 * JoinGroup: v0–v9
 *
 * Behaviour: makes the client a member of a classic group; the answer comes when the join phase ends. The rules
 * are in groups/classic-protocol.ts.
 *
 * Version notes
 * v0     the rebalance timeout is the session timeout
 * v4     a first join is answered with MEMBER_ID_REQUIRED and an id (KIP-394)
 * v5     static members (KIP-345)
 * v7     without a protocol its name is null, before it is empty
 * v9     `skipAssignment` for a static leader that comes back (KIP-814)
 */
import { joinGroup } from '../../protocol/apis/join-group.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import { type JoinResult, joinRefused } from '../groups/classic-member.ts'
import { groupResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

const KNOWN_ID_FROM_VERSION = 4
const NULL_NAME_FROM_VERSION = 7
const SKIP_FROM_VERSION = 9

function answer(result: JoinResult, version: number): ResponseInput<typeof joinGroup> {
  return {
    errorCode: result.errorCode,
    generationId: result.generation,
    protocolType: result.protocolType,
    protocolName: version < NULL_NAME_FROM_VERSION ? (result.protocolName ?? '') : result.protocolName,
    leader: result.leaderId,
    skipAssignment: result.skipAssignment,
    memberId: result.memberId,
    members: result.members,
  }
}

export const handler = defineHandler({
  api: joinGroup,
  handle(broker, context, request) {
    const { version } = context
    const { groupId, memberId } = request
    if (!context.authorize('read', groupResource(groupId))) {
      return answer(joinRefused(ErrorCodes.GROUP_AUTHORIZATION_FAILED, memberId), version)
    }
    const result = broker.groups.join(groupId, {
      memberId,
      instanceId: request.groupInstanceId,
      clientId: context.clientId ?? '',
      clientHost: `/${context.connection.clientHost}`,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs:
        request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
      protocolType: request.protocolType,
      protocols: request.protocols,
      requiresKnownId: version >= KNOWN_ID_FROM_VERSION,
      canSkipAssignment: version >= SKIP_FROM_VERSION,
    })
    return result instanceof Promise
      ? result.then((later) => answer(later, version))
      : answer(result, version)
  },
})
