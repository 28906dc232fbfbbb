/**
 * TxnOffsetCommit: v0–v5
 *
 * Behaviour: keeps offsets of a group as part of a transaction; they count when it commits. The group's partition
 * of `__consumer_offsets` must be part of the transaction.
 *
 * Version notes
 * v3     member, generation and instance id are checked (KIP-447)
 * v4     TRANSACTION_ABORTABLE when the group was not added, before INVALID_TXN_STATE (KIP-890)
 * v5     the group joins the transaction by itself (KIP-890)
 */
import { txnOffsetCommit } from '../../protocol/apis/txn-offset-commit.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { coordinatorCode } from '../coordinator-error.ts'
import type { OffsetToCommit } from '../groups/offset-commits.ts'
import {
  groupResource,
  type RequestContext,
  topicResource,
  transactionalIdResource,
} from '../request-context.ts'
import { defineHandler } from './handler.ts'

type Request = RequestOf<typeof txnOffsetCommit>
type Response = ResponseInput<typeof txnOffsetCommit>
type Wanted = Request['topics'][number]['partitions'][number]

const ABORTABLE_FROM_VERSION = 4
const IMPLICIT_ADD_FROM_VERSION = 5

function requestFault(context: RequestContext, { transactionalId, groupId }: Request): number | undefined {
  if (!context.authorize('write', transactionalIdResource(transactionalId))) {
    return ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  }
  if (!context.authorize('read', groupResource(groupId))) return ErrorCodes.GROUP_AUTHORIZATION_FAILED
  if (groupId === '') return ErrorCodes.INVALID_GROUP_ID
  return transactionalId === '' ? ErrorCodes.INVALID_REQUEST : undefined
}

/** Is the group part of the transaction? */
function transactionFault(
  broker: BrokerParts,
  { version }: RequestContext,
  request: Request,
): number | undefined {
  const { transactionalId, producerEpoch } = request
  const { partition } = broker.coordinators.groupLog(request.groupId)
  const claim = { transactionalId, producerId: Number(request.producerId), producerEpoch }
  const name = { topic: partition.topic, partition: partition.index }
  const code = broker.transactions.verify(claim, name, version >= IMPLICIT_ADD_FROM_VERSION)
  if (code === ErrorCodes.NONE) return undefined
  if (code === ErrorCodes.TRANSACTION_ABORTABLE && version < ABORTABLE_FROM_VERSION) {
    return ErrorCodes.INVALID_TXN_STATE
  }
  // Clients know this code from elsewhere; here they come back after a coordinator that is loading.
  return code === ErrorCodes.CONCURRENT_TRANSACTIONS && version < IMPLICIT_ADD_FROM_VERSION
    ? ErrorCodes.COORDINATOR_LOAD_IN_PROGRESS
    : code
}

function topicFault(
  broker: BrokerParts,
  context: RequestContext,
  topic: string,
  partition: number,
): number | undefined {
  if (!context.authorize('read', topicResource(topic))) return ErrorCodes.TOPIC_AUTHORIZATION_FAILED
  const found = broker.topics.find(topic)
  const exists = found !== undefined && partition >= 0 && partition < found.partitionCount
  return exists ? undefined : ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION
}

function answer(request: Request, codeOf: (topic: string, wanted: Wanted) => number): Response {
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((wanted) => ({
      partitionIndex: wanted.partitionIndex,
      errorCode: codeOf(name, wanted),
    })),
  }))
  return { topics }
}

function commit(
  broker: BrokerParts,
  context: RequestContext,
  request: Request,
): Response | Promise<Response> {
  const accepted: OffsetToCommit[] = []
  const placeOf = new Map<Wanted, number>()
  for (const { name, partitions } of request.topics) {
    for (const wanted of partitions) {
      if (topicFault(broker, context, name, wanted.partitionIndex) !== undefined) continue
      placeOf.set(wanted, accepted.length)
      accepted.push({
        topic: name,
        partition: wanted.partitionIndex,
        offset: wanted.committedOffset,
        leaderEpoch: wanted.committedLeaderEpoch,
        metadata: wanted.committedMetadata,
        expireMs: -1,
      })
    }
  }
  const claim = {
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    generation: request.generationId,
    transactional: true,
    knowsConsumerGroups: false,
  }
  const producer = { id: Number(request.producerId), epoch: request.producerEpoch }
  const codes = broker.groups.commits.commit(request.groupId, claim, accepted, producer)
  const told = (later: readonly number[]): Response =>
    answer(request, (topic, wanted) => {
      const place = placeOf.get(wanted)
      if (place !== undefined) return later[place]!
      const fault = topicFault(broker, context, topic, wanted.partitionIndex)
      return fault ?? ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION
    })
  return codes instanceof Promise ? codes.then(told) : told(codes)
}

export const handler = defineHandler({
  api: txnOffsetCommit,
  handle(broker, context, request) {
    const fault = requestFault(context, request)
    if (fault !== undefined) return answer(request, () => fault)
    try {
      const faultOf = (topic: string, { partitionIndex }: Wanted) =>
        topicFault(broker, context, topic, partitionIndex)
      // What is refused by itself is, whatever the transaction says; with nothing else left it is not asked.
      const some = request.topics.some(({ name, partitions }) =>
        partitions.some((wanted) => faultOf(name, wanted) === undefined),
      )
      const refused = some ? transactionFault(broker, context, request) : ErrorCodes.NONE
      if (refused === undefined) return commit(broker, context, request)
      return answer(request, (topic, wanted) => faultOf(topic, wanted) ?? refused)
    } catch (error) {
      const code = coordinatorCode(error)
      return answer(request, () => code)
    }
  },
})
