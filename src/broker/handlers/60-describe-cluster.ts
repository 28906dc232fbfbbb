/**
 * DescribeCluster: v0–v2
 *
 * Behaviour: the cluster id and the one broker, at the address of the listener that was asked.
 *
 * Version notes
 * v1     endpoint type: only brokers (1); a controller has no listener of its own (KIP-919)
 * v2     fenced brokers (KIP-1073): there is none
 */
import { describeCluster } from '../../protocol/apis/describe-cluster.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { clusterRights } from '../request-context.ts'
import { defineHandler } from './handler.ts'

const BROKERS = 1

export const handler = defineHandler({
  api: describeCluster,
  handle(broker, context, request) {
    const { clusterId, nodeId } = broker
    if (request.endpointType !== BROKERS) {
      return {
        errorCode: ErrorCodes.MISMATCHED_ENDPOINT_TYPE,
        errorMessage: 'this is a listener for brokers, not for controllers',
        endpointType: BROKERS,
        clusterId,
        brokers: [],
      }
    }
    const { host, port } = context.connection.advertised
    return {
      errorCode: ErrorCodes.NONE,
      clusterId,
      controllerId: nodeId,
      brokers: [{ brokerId: nodeId, host, port }],
      ...(request.includeClusterAuthorizedOperations && {
        clusterAuthorizedOperations: clusterRights(context),
      }),
    }
  },
})
