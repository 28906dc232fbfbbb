/**
 * Fetch: v4–v18
 *
 * Behaviour: reads whole batches, as they were written, from each partition within the limits of partition,
 * request and broker; the first batch is given even when it is larger. With less than `minBytes` it waits up to
 * `maxWaitMs`, unless a partition has an error. `read_committed` ends at the last stable offset and names the
 * aborted transactions in what it gives. Sessions (KIP-227): see fetch/fetch-session.ts.
 *
 * Version notes
 * v7     sessions
 * v9     a leader epoch that is not the present one is refused (KIP-320)
 * v10    zstd; earlier versions get UNSUPPORTED_COMPRESSION_TYPE on topics that are stored as zstd
 * v12    a log that went back since the client's last fetch is told by `divergingEpoch` (KIP-595)
 * v13    topics by id (KIP-516)
 *
 * Not supported: other replicas to read from (`rackId`), fetching as a follower.
 */
import { isMillraceError } from '../../core/errors.ts'
import type { IsolationLevel } from '../../log/log-types.ts'
import { fetch } from '../../protocol/apis/fetch.ts'
import { ErrorCodes, kafkaCodeOf } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import type { FetchPartition, FetchScope } from '../fetch/fetch-session.ts'
import { type RequestContext, topicResource } from '../request-context.ts'
import { leaderEpochFault } from '../topics/leader-epoch.ts'
import type { Partition } from '../topics/partition.ts'
import type { Topic } from '../topics/topic.ts'
import { defineHandler } from './handler.ts'

type Request = RequestOf<typeof fetch>
type Response = ResponseInput<typeof fetch>
type TopicResponse = Response['responses'][number]
type PartitionResponse = TopicResponse['partitions'][number]

const IDS_FROM_VERSION = 13
const ZSTD_FROM_VERSION = 10
const READ_COMMITTED = 1
const noRecords = Buffer.alloc(0)

interface PartitionReading {
  readonly wanted: FetchPartition
  readonly topic: Topic | undefined
  readonly response: PartitionResponse
}

/** One try to answer; after waiting there is another. */
class Reading {
  private readonly broker: BrokerParts
  private readonly context: RequestContext
  private readonly isolation: IsolationLevel
  private readonly scope: FetchScope
  private readonly readings: PartitionReading[] = []
  private bytesLeft: number
  bytes = 0
  hasError = false
  readonly partitions: Partition[] = []

  constructor(broker: BrokerParts, context: RequestContext, request: Request, scope: FetchScope) {
    this.broker = broker
    this.context = context
    this.scope = scope
    this.isolation = request.isolationLevel === READ_COMMITTED ? 'read_committed' : 'read_uncommitted'
    const room = Math.min(broker.settings['fetch.max.bytes'], broker.responseBudget.roomBytes)
    this.bytesLeft = Math.min(request.maxBytes, room)
    for (const wanted of scope.partitions) {
      const topic = this.topicOf(wanted)
      const response = this.read(topic, wanted)
      if (response.errorCode !== ErrorCodes.NONE) this.hasError = true
      this.readings.push({ wanted, topic, response })
    }
  }

  /** The answer; the session notes what the client is told. */
  answer(): Response {
    const responses: (TopicResponse & { partitions: PartitionResponse[] })[] = []
    for (const { wanted, topic, response } of this.readings) {
      if (!this.isNews(wanted, response)) continue
      note(wanted, response)
      if (sizeOf(response) > 0) this.scope.served(wanted)
      const name = topic?.name ?? wanted.topic
      const last = responses.at(-1)
      if (last !== undefined && last.topic === name && last.topicId === wanted.topicId) {
        last.partitions.push(response)
      } else responses.push({ topic: name, topicId: wanted.topicId, partitions: [response] })
    }
    return { sessionId: this.scope.sessionId, responses }
  }

  private topicOf(wanted: FetchPartition): Topic | undefined {
    const { topics } = this.broker
    return this.context.version >= IDS_FROM_VERSION ? topics.byId(wanted.topicId) : topics.find(wanted.topic)
  }

  private read(topic: Topic | undefined, wanted: FetchPartition): PartitionResponse {
    const { context } = this
    if (topic === undefined && context.version >= IDS_FROM_VERSION) {
      return refused(wanted, ErrorCodes.UNKNOWN_TOPIC_ID)
    }
    // Who may not read a topic does not learn whether it is there.
    if (!context.authorize('read', topicResource(topic?.name ?? wanted.topic))) {
      return refused(wanted, ErrorCodes.TOPIC_AUTHORIZATION_FAILED)
    }
    if (topic === undefined) return refused(wanted, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION)
    const partition = topic.partition(wanted.partition)
    if (partition === undefined) return refused(wanted, topic.missingCode(wanted.partition))
    const fault = leaderEpochFault(partition, wanted.currentLeaderEpoch)
    if (fault !== undefined) return refused(wanted, fault)
    if (context.version < ZSTD_FROM_VERSION && topic.config['compression.type'] === 'zstd') {
      return refused(wanted, ErrorCodes.UNSUPPORTED_COMPRESSION_TYPE)
    }
    this.partitions.push(partition)
    partition.fetches++
    try {
      return divergence(partition, wanted) ?? this.records(partition, wanted)
    } catch (error) {
      if (!isMillraceError(error) || kafkaCodeOf(error) === ErrorCodes.UNKNOWN_SERVER_ERROR) {
        this.broker.logger.error(
          { topic: topic.name, partition: wanted.partition, error: String(error) },
          'a partition cannot be read',
        )
      }
      partition.failedFetches++
      return refused(wanted, kafkaCodeOf(error))
    }
  }

  private records(partition: Partition, wanted: FetchPartition): PartitionResponse {
    const { readMemory } = this.context
    const result = partition.log.read({
      fromOffset: Number(wanted.fetchOffset),
      maxBytes: Math.max(0, Math.min(wanted.partitionMaxBytes, this.bytesLeft)),
      isolation: this.isolation,
      minOneBatch: this.bytes === 0,
      ...(readMemory && { allocate: (sizeBytes: number) => readMemory.take(sizeBytes) }),
    })
    const { length } = result.bytes
    this.bytes += length
    this.bytesLeft = Math.max(0, this.bytesLeft - length)
    partition.bytesOut += length
    const committed = this.isolation === 'read_committed'
    return {
      partitionIndex: wanted.partition,
      errorCode: ErrorCodes.NONE,
      highWatermark: BigInt(result.highWatermark),
      lastStableOffset: BigInt(result.lastStableOffset),
      logStartOffset: BigInt(result.logStartOffset),
      abortedTransactions: committed
        ? result.abortedTransactions.map(({ producerId, firstOffset }) => ({
            producerId: BigInt(producerId),
            firstOffset: BigInt(firstOffset),
          }))
        : null,
      records: result.bytes,
    }
  }

  /** Does the client have to be told of the partition? */
  private isNews(wanted: FetchPartition, response: PartitionResponse): boolean {
    return (
      !this.scope.incremental ||
      response.errorCode !== ErrorCodes.NONE ||
      sizeOf(response) > 0 ||
      response.divergingEpoch !== undefined ||
      Number(response.highWatermark) !== wanted.seenHighWatermark ||
      Number(response.logStartOffset) !== wanted.seenLogStartOffset
    )
  }
}

function sizeOf(response: PartitionResponse): number {
  return response.records?.length ?? 0
}

/** After an error the next answer names the partition again, whatever happened. */
function note(wanted: FetchPartition, response: PartitionResponse): void {
  const failed = response.errorCode !== ErrorCodes.NONE
  wanted.seenHighWatermark = failed ? -1 : Number(response.highWatermark)
  wanted.seenLogStartOffset = failed ? -1 : Number(response.logStartOffset)
}

function refused(wanted: FetchPartition, errorCode: number): PartitionResponse {
  return {
    partitionIndex: wanted.partition,
    errorCode,
    highWatermark: -1n,
    lastStableOffset: -1n,
    logStartOffset: -1n,
    abortedTransactions: null,
    records: noRecords,
  }
}

/** Tells a client that read what is not in the log any more from where on (KIP-595). */
function divergence(partition: Partition, wanted: FetchPartition): PartitionResponse | undefined {
  if (wanted.lastFetchedEpoch < 0) return undefined
  const { log } = partition
  const end = log.epochEndOffset(wanted.lastFetchedEpoch)
  if (end.leaderEpoch < 0) return undefined
  if (end.leaderEpoch >= wanted.lastFetchedEpoch && BigInt(end.endOffset) >= wanted.fetchOffset)
    return undefined
  return {
    ...refused(wanted, ErrorCodes.NONE),
    highWatermark: BigInt(log.highWatermark),
    lastStableOffset: BigInt(log.lastStableOffset),
    logStartOffset: BigInt(log.logStartOffset),
    divergingEpoch: { epoch: end.leaderEpoch, endOffset: BigInt(end.endOffset) },
  }
}

function scopeOf(broker: BrokerParts, version: number, request: Request): FetchScope {
  return broker.fetchSessions.scopeOf({
    sessionId: request.sessionId,
    epoch: request.sessionEpoch,
    usesIds: version >= IDS_FROM_VERSION,
    partitions: request.topics.flatMap(({ topic, topicId, partitions }) =>
      partitions.map((wanted) => ({
        topic,
        topicId,
        partition: wanted.partition,
        fetchOffset: wanted.fetchOffset,
        partitionMaxBytes: wanted.partitionMaxBytes,
        currentLeaderEpoch: wanted.currentLeaderEpoch,
        lastFetchedEpoch: wanted.lastFetchedEpoch,
        seenHighWatermark: -1,
        seenLogStartOffset: -1,
      })),
    ),
    forgotten: request.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
      partitions.map((partition) => ({ topic, topicId, partition })),
    ),
  })
}

export const handler = defineHandler({
  api: fetch,
  handle(broker, context, request) {
    const scope = scopeOf(broker, context.version, request)
    const { errorCode } = scope
    if (errorCode !== ErrorCodes.NONE) return { errorCode, sessionId: 0, responses: [] }
    const first = new Reading(broker, context, request, scope)
    const missing = request.minBytes - first.bytes
    const { length } = first.partitions
    if (missing <= 0 || first.hasError || request.maxWaitMs <= 0 || length === 0) return first.answer()
    return broker.longPolls
      .wait(first.partitions, missing, request.maxWaitMs)
      .then(() => new Reading(broker, context, request, scope).answer())
  },
})
