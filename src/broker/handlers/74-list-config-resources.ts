/**
 * ListConfigResources: v0–v1
 *
 * Behaviour: what has settings: topics and the broker (KIP-1142).
 *
 * Version notes
 * v0     client metrics only (KIP-1000): there are none
 */
import { listConfigResources } from '../../protocol/apis/list-config-resources.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { resourceTypes } from '../config/config-resources.ts'
import { clusterResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

const known: ReadonlySet<number> = new Set(Object.values(resourceTypes))

export const handler = defineHandler({
  api: listConfigResources,
  handle(broker, context, request) {
    if (!context.authorize('describeConfigs', clusterResource)) {
      return { errorCode: ErrorCodes.CLUSTER_AUTHORIZATION_FAILED, configResources: [] }
    }
    if (context.version === 0) return { errorCode: ErrorCodes.NONE, configResources: [] }
    if (request.resourceTypes.some((type) => !known.has(type))) {
      return { errorCode: ErrorCodes.UNSUPPORTED_VERSION, configResources: [] }
    }
    const wanted = new Set(request.resourceTypes)
    const { broker: brokerType, topic: topicType } = resourceTypes
    const configResources = [
      { resourceName: String(broker.nodeId), resourceType: brokerType as number },
      ...broker.topics.all.map(({ name }) => ({ resourceName: name, resourceType: topicType as number })),
    ].filter(({ resourceType }) => wanted.size === 0 || wanted.has(resourceType))
    return { errorCode: ErrorCodes.NONE, configResources }
  },
})
