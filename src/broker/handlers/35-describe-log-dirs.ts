/**
 * DescribeLogDirs: v1–v5
 *
 * Behaviour: the data directory with the bytes of each partition, of all topics or those asked for.
 *
 * Not supported: free and total bytes of the disk (v4) are not told: -1.
 */
import { describeLogDirs } from '../../protocol/apis/describe-log-dirs.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { clusterResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

export const handler = defineHandler({
  api: describeLogDirs,
  handle(broker, context, request) {
    if (!context.authorize('describe', clusterResource)) {
      return { errorCode: ErrorCodes.CLUSTER_AUTHORIZATION_FAILED, results: [] }
    }
    const wanted =
      request.topics === null
        ? undefined
        : new Map(request.topics.map(({ topic, partitions }) => [topic, new Set(partitions)]))
    const topics = broker.topics.all
      .map((topic) => ({
        name: topic.name,
        partitions: topic.partitions
          .filter(({ index }) => wanted === undefined || wanted.get(topic.name)?.has(index) === true)
          .map(({ index, log }) => ({
            partitionIndex: index,
            partitionSize: BigInt(log.sizeBytes),
            offsetLag: 0n,
            isFutureKey: false,
          })),
      }))
      .filter(({ partitions }) => partitions.length > 0)
    const logDir = broker.dataDirectory
    return { errorCode: ErrorCodes.NONE, results: [{ errorCode: ErrorCodes.NONE, logDir, topics }] }
  },
})
