/**
 * ElectLeaders: v0–v2
 *
 * Behaviour: every partition has the one leader there can be: ELECTION_NOT_NEEDED.
 */
import { electLeaders } from '../../protocol/apis/elect-leaders.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { clusterResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

export const handler = defineHandler({
  api: electLeaders,
  handle(broker, context, request) {
    if (!context.authorize('alter', clusterResource)) {
      return { errorCode: ErrorCodes.CLUSTER_AUTHORIZATION_FAILED, replicaElectionResults: [] }
    }
    // For all partitions only those are told for which something was to be done: none.
    const asked = request.topicPartitions ?? []
    const replicaElectionResults = asked.map(({ topic: name, partitions }) => {
      const topic = broker.topics.find(name)
      return {
        topic: name,
        partitionResult: partitions.map((partitionId) => {
          const online = topic?.partition(partitionId) !== undefined
          const missing = topic?.missingCode(partitionId) ?? ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION
          const errorCode = online ? ErrorCodes.ELECTION_NOT_NEEDED : missing
          return { partitionId, errorCode, errorMessage: null }
        }),
      }
    })
    return { errorCode: ErrorCodes.NONE, replicaElectionResults }
  },
})
