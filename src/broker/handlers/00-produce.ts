/**
 * Produce: v3–v13
 *
 * Behaviour: one record batch per partition is checked, gets its offsets and is appended; each partition has its
 * own outcome. `acks` 1 and -1 are the same on one node: the answer comes when the batch is as safe as the
 * topic's `flush` setting asks. `acks: 0` is not answered; if a partition fails the connection ends, as in Kafka.
 * Idempotent producers: a batch that came before is answered with its first offset. Transactional batches are
 * taken only for partitions of the open transaction of their producer.
 *
 * Version notes
 * v0–v2  announced for librdkafka, never served (KAFKA-18659)
 * v7     zstd is allowed (KIP-110)
 * v11    a partition outside the transaction is TRANSACTION_ABORTABLE instead of INVALID_TXN_STATE (KIP-890)
 * v12    the partition joins the transaction by itself (KIP-890)
 * v13    topics by id (KIP-516)
 *
 * Not supported: formats before v2; which record of a batch was refused (v8) is told by text only.
 */
import { messageOf } from '../../core/errors.ts'
import type { AppendResult } from '../../log/log-types.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { ErrorCodes, kafkaCodeOf } from '../../protocol/error-codes.ts'
import { wholeBatchEnd } from '../../protocol/record-batch/for-each-batch.ts'
import {
  attributesOf,
  CODEC_MASK,
  HEADER_BYTES,
  isTransactional,
  MAGIC,
  magicOf,
  producerEpochOf,
  producerIdOf,
  setBaseOffset,
} from '../../protocol/record-batch/layout.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { type RequestContext, topicResource, transactionalIdResource } from '../request-context.ts'
import type { Partition } from '../topics/partition.ts'
import type { Topic } from '../topics/topic.ts'
import { defineHandler, hangUp, noAnswer } from './handler.ts'

type Request = RequestOf<typeof produce>
type Response = ResponseInput<typeof produce>
type PartitionResponse = Response['responses'][number]['partitionResponses'][number]

const ZSTD = 4
const ZSTD_FROM_VERSION = 7
const ABORTABLE_FROM_VERSION = 11
const IMPLICIT_ADD_FROM_VERSION = 12
const IDS_FROM_VERSION = 13
/** Refusals without the log's start, as in Kafka; all others of the log tell it. */
const hideLogStart: ReadonlySet<number> = new Set([
  ErrorCodes.MESSAGE_TOO_LARGE,
  ErrorCodes.RECORD_LIST_TOO_LARGE,
  ErrorCodes.CORRUPT_MESSAGE,
  ErrorCodes.KAFKA_STORAGE_ERROR,
])
/** Kafka's own admin client, and so MirrorMaker, may write to internal topics. */
const ADMIN_CLIENT_ID = '__admin_client'

/** The batches of one request, in order of the answer, and what they wait for. */
class Production {
  private readonly broker: BrokerParts
  private readonly context: RequestContext
  private readonly request: Request
  readonly waits: Promise<unknown>[] = []
  failed = false

  constructor(broker: BrokerParts, context: RequestContext, request: Request) {
    this.broker = broker
    this.context = context
    this.request = request
  }

  topic(data: Request['topicData'][number]): Response['responses'][number] {
    const byId = this.context.version >= IDS_FROM_VERSION
    const topic = byId ? this.broker.topics.byId(data.topicId) : this.broker.topics.find(data.name)
    const fault = this.topicFault(topic, data.name, byId)
    const partitionResponses = data.partitionData.map(({ index, records }) => {
      const partition = topic?.partition(index)
      if (fault !== undefined) return this.refused(index, fault)
      if (partition === undefined) return this.refused(index, topic!.missingCode(index))
      return this.partition(partition, records)
    })
    return { name: topic?.name ?? data.name, topicId: data.topicId, partitionResponses }
  }

  private topicFault(topic: Topic | undefined, name: string, byId: boolean): number | undefined {
    const { context } = this
    if (topic === undefined && byId) return ErrorCodes.UNKNOWN_TOPIC_ID
    // Who may not write to a topic does not learn whether it is there.
    if (!context.authorize('write', topicResource(topic?.name ?? name))) {
      return ErrorCodes.TOPIC_AUTHORIZATION_FAILED
    }
    if (topic === undefined) return ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION
    return topic.internal && context.clientId !== ADMIN_CLIENT_ID
      ? ErrorCodes.INVALID_TOPIC_EXCEPTION
      : undefined
  }

  private partition(partition: Partition, records: Buffer | null): PartitionResponse {
    const { index } = partition
    if (records === null || isNotOneBatch(records)) {
      const text = 'a request holds exactly one record batch of format 2 per partition'
      return this.refused(index, ErrorCodes.INVALID_RECORD, text)
    }
    const fault = this.batchFault(partition, records)
    if (fault !== undefined) return this.refused(index, fault)
    try {
      // Offsets are the broker's: a batch that is sent again may still carry those of its first try.
      if (records.length >= HEADER_BYTES) setBaseOffset(records, 0, 0)
      return this.appended(partition, partition.append(records, 'client'))
    } catch (error) {
      const refused = this.refused(index, this.codeOf(error), messageOf(error))
      if (hideLogStart.has(refused.errorCode)) return refused
      return { ...refused, logStartOffset: BigInt(partition.log.logStartOffset) }
    }
  }

  /** What depends on the request, and so is checked before the log looks at the batch. */
  private batchFault(partition: Partition, records: Buffer): number | undefined {
    // What is cut off, or of an old format, is refused by the log with a text of its own.
    if (records.length < HEADER_BYTES || magicOf(records, 0) !== MAGIC) return undefined
    const attributes = attributesOf(records, 0)
    if ((attributes & CODEC_MASK) === ZSTD && this.context.version < ZSTD_FROM_VERSION) {
      return ErrorCodes.UNSUPPORTED_COMPRESSION_TYPE
    }
    return isTransactional(attributes) ? this.transactionFault(partition, records) : undefined
  }

  private transactionFault(partition: Partition, records: Buffer): number | undefined {
    const { transactionalId } = this.request
    const { context, broker } = this
    if (transactionalId === null) return ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    const claim = {
      transactionalId,
      producerId: producerIdOf(records, 0),
      producerEpoch: producerEpochOf(records, 0),
    }
    const name = { topic: partition.topic, partition: partition.index }
    const code = broker.transactions.verify(claim, name, context.version >= IMPLICIT_ADD_FROM_VERSION)
    if (code === ErrorCodes.NONE) return undefined
    if (code === ErrorCodes.TRANSACTION_ABORTABLE && context.version < ABORTABLE_FROM_VERSION) {
      return ErrorCodes.INVALID_TXN_STATE
    }
    // Older producers know this code from AddPartitionsToTxn only, and none knows that its coordinator can be
    // missing here; any retriable one makes them wait.
    const waits =
      code === ErrorCodes.COORDINATOR_NOT_AVAILABLE ||
      (code === ErrorCodes.CONCURRENT_TRANSACTIONS && context.version < IMPLICIT_ADD_FROM_VERSION)
    return waits ? ErrorCodes.NOT_ENOUGH_REPLICAS : code
  }

  private appended(partition: Partition, result: AppendResult): PartitionResponse {
    const response = {
      index: partition.index,
      errorCode: ErrorCodes.NONE as number,
      baseOffset: BigInt(result.baseOffset),
      logAppendTimeMs: BigInt(result.logAppendTimeMs),
      logStartOffset: BigInt(result.logStartOffset),
    }
    if (result.waitForFlush && this.request.acks !== 0) {
      const flushed = partition.log.flushed(result.lastOffset).catch((error: unknown) => {
        Object.assign(response, { errorCode: this.codeOf(error), baseOffset: -1n })
      })
      this.waits.push(flushed)
    }
    return response
  }

  private codeOf(error: unknown): number {
    const code = kafkaCodeOf(error)
    if (code === ErrorCodes.UNKNOWN_SERVER_ERROR) {
      this.broker.logger.error(
        { error: error instanceof Error ? error.stack : String(error) },
        'append failed',
      )
    }
    return code
  }

  private refused(index: number, errorCode: number, errorMessage: string | null = null): PartitionResponse {
    this.failed = true
    return { index, errorCode, baseOffset: -1n, errorMessage }
  }
}

/** Empty, or a whole batch with something behind it. */
function isNotOneBatch(records: Buffer): boolean {
  const end = wholeBatchEnd(records, 0)
  return records.length === 0 || (end >= 0 && end < records.length)
}

/** A request with transactional records needs the right to its transactional id, before all else. */
function mayUseTransaction(context: RequestContext, { topicData, transactionalId }: Request): boolean {
  if (transactionalId !== null && context.authorize('write', transactionalIdResource(transactionalId)))
    return true
  return !topicData.some(({ partitionData }) =>
    partitionData.some(({ records }) => isTransactionalBatch(records)),
  )
}

function isTransactionalBatch(records: Buffer | null): boolean {
  if (records === null || records.length < HEADER_BYTES || magicOf(records, 0) !== MAGIC) return false
  return isTransactional(attributesOf(records, 0))
}

function refuseAll(request: Request, errorCode: number): Response {
  const responses = request.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1n })),
  }))
  return { responses }
}

export const handler = defineHandler({
  api: produce,
  announcedFrom: 0,
  handle(broker, context, request) {
    const { acks } = request
    if (acks !== 0 && acks !== 1 && acks !== -1) return refuseAll(request, ErrorCodes.INVALID_REQUIRED_ACKS)
    if (!mayUseTransaction(context, request)) {
      return acks === 0 ? hangUp : refuseAll(request, ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    }
    const production = new Production(broker, context, request)
    const responses = request.topicData.map((data) => production.topic(data))
    if (acks === 0) return production.failed ? hangUp : noAnswer
    if (production.waits.length === 0) return { responses }
    return Promise.all(production.waits).then(() => ({ responses }))
  },
})
