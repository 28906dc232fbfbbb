/**
 * A request about many partitions: split by leader, sent side by side, put together again. Partitions whose leader
 * has moved are asked for once more after the metadata was read anew.
 */
import { partitionName, type TopicPartition } from '../../core/record.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { type Cluster, noPartition, topicUnknown } from '../cluster.ts'
import type { BrokerLink } from '../connection/broker-link.ts'
import type { Lane } from '../connection/lane.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { answerError, isRetriable, isTransportError } from '../errors.ts'
import { withRetries } from '../retry.ts'

export interface LeadersRequest {
  readonly lane: Lane
  /** What is asked, for the error's text. */
  readonly what: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface LeaderAnswer<R> extends TopicPartition {
  readonly errorCode: number
  readonly result: R
}

/**
 * Calls `ask` per leader until every partition has a result, by `partitionName`.
 * @throws MR_TOPIC_UNKNOWN, MR_KAFKA for a code that another attempt does not help, MR_TIMEOUT, MR_ABORTED
 */
export async function askLeaders<P extends TopicPartition, R>(
  cluster: Cluster,
  request: LeadersRequest,
  partitions: readonly P[],
  ask: (connection: NegotiatedConnection, partitions: readonly P[]) => Promise<readonly LeaderAnswer<R>[]>,
): Promise<Map<string, R>> {
  const results = new Map<string, R>()
  let open = partitions
  const { what, timeoutMs, signal } = request
  const retriable = (error: unknown): boolean => isRetriable(error) || isTransportError(error)
  const options = { what, timeoutMs, retriable, ...(signal === undefined ? {} : { signal }) }
  await withRetries(cluster.platform, options, async () => {
    const { failure } = await askOnce(cluster, request, open, ask, results)
    open = open.filter(({ topic, partition }) => !results.has(partitionName(topic, partition)))
    if (failure === undefined) return
    if (retriable(failure)) await cluster.refresh(open.map(({ topic }) => topic))
    throw failure
  })
  return results
}

/** Asks for all partitions once; results go into the map, the first error is given back. */
async function askOnce<P extends TopicPartition, R>(
  cluster: Cluster,
  request: LeadersRequest,
  partitions: readonly P[],
  ask: (connection: NegotiatedConnection, partitions: readonly P[]) => Promise<readonly LeaderAnswer<R>[]>,
  results: Map<string, R>,
): Promise<{ readonly failure?: unknown }> {
  const failures: unknown[] = []
  const byLeader = await groupByLeader(cluster, request.lane, partitions, failures)
  await Promise.all(
    [...byLeader].map(async ([link, list]) => {
      try {
        const connection = await link.connect()
        const doing = request.what
        for (const answer of await ask(connection, list)) {
          const { topic, partition, errorCode, result } = answer
          if (errorCode === ErrorCodes.NONE) results.set(partitionName(topic, partition), result)
          else failures.push(answerError(errorCode, doing, { topic, partition, broker: connection.broker }))
        }
      } catch (error) {
        failures.push(error)
      }
    }),
  )
  // What cannot be helped is told before what can.
  const failure = failures.find((error) => !isRetriable(error) && !isTransportError(error)) ?? failures[0]
  return failure === undefined ? {} : { failure }
}

async function groupByLeader<P extends TopicPartition>(
  cluster: Cluster,
  lane: Lane,
  partitions: readonly P[],
  failures: unknown[],
): Promise<Map<BrokerLink, P[]>> {
  const isKnown = ({ topic, partition }: P): boolean =>
    cluster.metadata.partition(topic, partition) !== undefined
  const unknown = partitions.filter((one) => !isKnown(one))
  if (unknown.length > 0) {
    const missing = await cluster.refresh(unknown.map(({ topic }) => topic))
    const gone = unknown.find(({ topic }) => missing.has(topic))
    if (gone !== undefined) throw topicUnknown(gone.topic)
    const absent = unknown.find((one) => cluster.metadata.topics.has(one.topic) && !isKnown(one))
    if (absent !== undefined) throw noPartition(cluster, absent)
  }
  const byLeader = new Map<BrokerLink, P[]>()
  for (const one of partitions) {
    const { topic, partition } = one
    const link = cluster.leaderLink(lane, topic, partition)
    if (link === undefined) {
      failures.push(answerError(ErrorCodes.LEADER_NOT_AVAILABLE, 'find the leader', { topic, partition }))
      continue
    }
    const list = byLeader.get(link)
    if (list === undefined) byLeader.set(link, [one])
    else list.push(one)
  }
  return byLeader
}
