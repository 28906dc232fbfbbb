/**
 * ListPartitionReassignments: v0
 *
 * Behaviour: there are none; partitions stay where they are. Kafka's own topic tool asks before it describes.
 */
import { listPartitionReassignments } from '../../protocol/apis/list-partition-reassignments.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { clusterResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

export const handler = defineHandler({
  api: listPartitionReassignments,
  handle(_broker, context) {
    const allowed = context.authorize('describe', clusterResource)
    const errorCode = allowed ? ErrorCodes.NONE : ErrorCodes.CLUSTER_AUTHORIZATION_FAILED
    return { errorCode, errorMessage: null, topics: [] }
  },
})
