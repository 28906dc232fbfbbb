/**
 * ListGroups: v0–v5
 *
 * Behaviour: all groups that the client may describe.
 *
 * Version notes
 * v4     only groups in given states (KIP-518); states count without regard to case
 * v5     only groups of given types: classic, consumer (KIP-848)
 */
import { listGroups } from '../../protocol/apis/list-groups.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { CONSUMER_PROTOCOL_TYPE } from '../groups/membership.ts'
import { clusterResource, groupResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

export const handler = defineHandler({
  api: listGroups,
  handle(broker, context, request) {
    const lower = (texts: readonly string[]): ReadonlySet<string> =>
      new Set(texts.map((text) => text.toLowerCase()))
    const states = lower(request.statesFilter)
    const types = lower(request.typesFilter)
    const seesAll = context.authorize('describe', clusterResource)
    const groups = [...broker.groups.register.all]
      .filter(({ id }) => seesAll || context.authorize('describe', groupResource(id)))
      .filter(({ state }) => states.size === 0 || states.has(state.toLowerCase()))
      .filter(({ kind }) => types.size === 0 || types.has(kind))
      .map((group) => ({
        groupId: group.id,
        protocolType: group.kind === 'classic' ? (group.protocolType ?? '') : CONSUMER_PROTOCOL_TYPE,
        groupState: group.state,
        groupType: group.kind,
      }))
    return { errorCode: ErrorCodes.NONE, groups }
  },
})
