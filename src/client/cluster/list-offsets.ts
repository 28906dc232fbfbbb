/** Looks up offsets by time: the first, the last, or the first at or after a timestamp. */
import type { TopicPartition } from '../../core/record.ts'
import { listOffsets as listOffsetsApi } from '../../protocol/apis/list-offsets.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { Cluster } from '../cluster.ts'
import { answerError } from '../errors.ts'
import { askLeaders, type LeadersRequest } from './ask-leaders.ts'

export type IsolationLevel = 'read_uncommitted' | 'read_committed'

/** `latest` is the end of what the isolation level lets through; a number is a timestamp in milliseconds. */
export type OffsetTime = 'earliest' | 'latest' | 'max-timestamp' | number

export interface OffsetAtTime {
  /** -1 when no record is that late. */
  readonly offset: number
  /** Of the record found; -1 for `earliest` and `latest`. */
  readonly timestampMs: number
  readonly leaderEpoch: number
}

const CONSUMER = -1
/** A broker that is older takes -3 for a time, and gives the first record of all. */
const MAX_TIMESTAMP_FROM_VERSION = 7
const timestamps = { latest: -1n, earliest: -2n, 'max-timestamp': -3n } as const

export function isolationNumber(isolation: IsolationLevel): number {
  return isolation === 'read_committed' ? 1 : 0
}

/** By `partitionName`. @throws MR_TOPIC_UNKNOWN, MR_KAFKA, MR_TIMEOUT */
export function lookUpOffsets(
  cluster: Cluster,
  request: Omit<LeadersRequest, 'what'>,
  partitions: readonly (TopicPartition & { readonly at: OffsetTime })[],
  isolation: IsolationLevel,
): Promise<Map<string, OffsetAtTime>> {
  const options = { ...request, what: 'look up offsets' }
  return askLeaders(cluster, options, partitions, async (connection, list) => {
    const { broker, versions } = connection
    const newest = list.find(({ at }) => at === 'max-timestamp')
    if (newest !== undefined && versions.choose(listOffsetsApi) < MAX_TIMESTAMP_FROM_VERSION) {
      throw answerError(ErrorCodes.UNSUPPORTED_VERSION, 'look up the newest timestamp', {
        topic: newest.topic,
        partition: newest.partition,
        broker,
      })
    }
    const answer = await connection.send(listOffsetsApi, {
      replicaId: CONSUMER,
      isolationLevel: isolationNumber(isolation),
      timeoutMs: cluster.requestTimeoutMs,
      topics: [...Map.groupBy(list, ({ topic }) => topic)].map(([name, ofTopic]) => ({
        name,
        partitions: ofTopic.map(({ partition, at }) => ({
          partitionIndex: partition,
          currentLeaderEpoch: cluster.metadata.partition(name, partition)?.leaderEpoch ?? -1,
          timestamp: typeof at === 'number' ? BigInt(at) : timestamps[at],
        })),
      })),
    })
    return answer.topics.flatMap(({ name, partitions: ofTopic }) =>
      ofTopic.map((one) => ({
        topic: name,
        partition: one.partitionIndex,
        errorCode: one.errorCode,
        result: {
          offset: Number(one.offset),
          timestampMs: Number(one.timestamp),
          leaderEpoch: one.leaderEpoch,
        },
      })),
    )
  })
}
