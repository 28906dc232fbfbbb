/**
 * AddPartitionsToTxn: v0–v5
 *
 * Behaviour: partitions join a producer's transaction, all or none. If one does not exist it is named, and the
 * others are OPERATION_NOT_ATTEMPTED.
 *
 * Version notes
 * v2     PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
 * v4     several transactions, `verifyOnly`; for brokers, but some clients use it (KIP-890)
 */
import { addPartitionsToTxn } from '../../protocol/apis/add-partitions-to-txn.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import {
  clusterResource,
  type RequestContext,
  topicResource,
  transactionalIdResource,
} from '../request-context.ts'
import type { TransactionClaim } from '../transactions/transaction-coordinator.ts'
import type { PartitionName } from '../transactions/transaction-rules.ts'
import { defineHandler } from './handler.ts'
import { fencedCode } from './producer-fenced.ts'

type Request = RequestOf<typeof addPartitionsToTxn>
type Topics = Request['v3AndBelowTopics']
type Results = NonNullable<ResponseInput<typeof addPartitionsToTxn>['resultsByTopicV3AndBelow']>

const BATCHED_FROM_VERSION = 4

function results(topics: Topics, codeOf: (name: PartitionName) => number): Results {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partition) => ({
      partitionIndex: partition,
      partitionErrorCode: codeOf({ topic: name, partition }),
    })),
  }))
}

const namesOf = (topics: Topics): readonly PartitionName[] =>
  topics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ topic: name, partition })))

/** Why a partition cannot be added, whatever the transaction says. */
function partitionFault(broker: BrokerParts, context: RequestContext, { topic, partition }: PartitionName) {
  if (!context.authorize('write', topicResource(topic))) return ErrorCodes.TOPIC_AUTHORIZATION_FAILED
  const found = broker.topics.find(topic)
  if (found?.internal === true && context.clientId !== '__admin_client')
    return ErrorCodes.TOPIC_AUTHORIZATION_FAILED
  const exists = found !== undefined && partition >= 0 && partition < found.partitionCount
  return exists ? undefined : ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION
}

function add(
  broker: BrokerParts,
  context: RequestContext,
  claim: TransactionClaim,
  asked: { readonly topics: Topics; readonly verifyOnly: boolean },
): Results | Promise<Results> {
  const { topics, verifyOnly } = asked
  const all = (code: number): Results => results(topics, () => fencedCode(code, context.version))
  if (!context.authorize('write', transactionalIdResource(claim.transactionalId))) {
    return all(ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  }
  if (claim.transactionalId === '') return all(ErrorCodes.INVALID_REQUEST)
  if (verifyOnly) return results(topics, (name) => broker.transactions.verify(claim, name, false))
  const names = namesOf(topics)
  if (names.some((name) => partitionFault(broker, context, name) !== undefined)) {
    return results(
      topics,
      (name) => partitionFault(broker, context, name) ?? ErrorCodes.OPERATION_NOT_ATTEMPTED,
    )
  }
  const code = broker.transactions.add(claim, names, 0)
  return typeof code === 'number' ? all(code) : code.then(all)
}

export const handler = defineHandler({
  api: addPartitionsToTxn,
  handle(broker, context, request) {
    if (context.version < BATCHED_FROM_VERSION) {
      const claim = {
        transactionalId: request.v3AndBelowTransactionalId,
        producerId: Number(request.v3AndBelowProducerId),
        producerEpoch: request.v3AndBelowProducerEpoch,
      }
      const asked = { topics: request.v3AndBelowTopics, verifyOnly: false }
      const done = add(broker, context, claim, asked)
      return done instanceof Promise
        ? done.then((later) => ({ resultsByTopicV3AndBelow: later }))
        : { resultsByTopicV3AndBelow: done }
    }
    if (!context.authorize('clusterAction', clusterResource)) {
      return { errorCode: ErrorCodes.CLUSTER_AUTHORIZATION_FAILED, resultsByTransaction: [] }
    }
    const each = request.transactions.map(async (transaction) => {
      const { transactionalId, producerId, producerEpoch } = transaction
      const claim = { transactionalId, producerId: Number(producerId), producerEpoch }
      return { transactionalId, topicResults: await add(broker, context, claim, transaction) }
    })
    return Promise.all(each).then((resultsByTransaction) => ({
      errorCode: ErrorCodes.NONE,
      resultsByTransaction,
    }))
  },
})
