/**
 * DescribeGroups: v0–v6
 *
 * Behaviour: state, protocol and members of classic groups. A group that is not there, or speaks the consumer
 * protocol, is Dead. Metadata and assignments are shown while the group is Stable.
 *
 * Version notes
 * v3     rights on request (KIP-430)
 * v4     instance ids
 * v6     GROUP_ID_NOT_FOUND for a group that is not there (KIP-1043)
 */
import { describeGroups } from '../../protocol/apis/describe-groups.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { emptyAssignment, metadataOf } from '../groups/classic-member.ts'
import type { ClassicGroup } from '../groups/membership.ts'
import { groupOperations, groupResource, type RequestContext } from '../request-context.ts'
import { defineHandler } from './handler.ts'

type Described = ResponseInput<typeof describeGroups>['groups'][number]

const NOT_FOUND_FROM_VERSION = 6

function without(groupId: string, errorCode: number, errorMessage: string | null = null): Described {
  const groupState = errorCode === ErrorCodes.GROUP_AUTHORIZATION_FAILED ? '' : 'Dead'
  return { errorCode, errorMessage, groupId, groupState, protocolType: '', protocolData: '', members: [] }
}

function described(group: ClassicGroup): Described {
  const stable = group.state === 'Stable'
  return {
    errorCode: ErrorCodes.NONE,
    groupId: group.id,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: stable ? (group.protocolName ?? '') : '',
    members: [...group.members].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: stable ? metadataOf(member, group.protocolName) : emptyAssignment,
      memberAssignment: stable ? member.assignment : emptyAssignment,
    })),
  }
}

function describe(broker: BrokerParts, context: RequestContext, groupId: string): Described {
  if (!context.authorize('describe', groupResource(groupId))) {
    return without(groupId, ErrorCodes.GROUP_AUTHORIZATION_FAILED)
  }
  const group = broker.groups.register.find(groupId)
  if (group?.kind === 'classic') return described(group)
  const told = context.version >= NOT_FOUND_FROM_VERSION
  const text = group === undefined ? `there is no group "${groupId}"` : `"${groupId}" is not a classic group`
  return without(groupId, told ? ErrorCodes.GROUP_ID_NOT_FOUND : ErrorCodes.NONE, told ? text : null)
}

export const handler = defineHandler({
  api: describeGroups,
  handle(broker, context, request) {
    const groups = request.groups.map((groupId) => {
      const group = describe(broker, context, groupId)
      if (!request.includeAuthorizedOperations || group.errorCode !== ErrorCodes.NONE) return group
      return {
        ...group,
        authorizedOperations: context.authorizedOperations(groupOperations, groupResource(groupId)),
      }
    })
    return { groups }
  },
})
