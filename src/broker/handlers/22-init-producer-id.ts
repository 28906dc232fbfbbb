/**
 * InitProducerId: v0–v5
 *
 * Behaviour: without a transactional id a new producer id with epoch 0; with one its id and the next epoch, by
 * which earlier producers are fenced. An open transaction is aborted first, inside the request.
 *
 * Version notes
 * v3     the producer says which id and epoch it had, and goes on with the next one (KIP-360)
 * v4     PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
 *
 * Not supported: v6, two-phase commit (KIP-939), which Kafka does not announce either.
 */
import { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import { clusterResource, transactionalIdResource } from '../request-context.ts'
import type { ProducerResult } from '../transactions/transaction-coordinator.ts'
import { defineHandler } from './handler.ts'

type Response = ResponseInput<typeof initProducerId>

const FENCED_FROM_VERSION = 4

const refused = (errorCode: number): Response => ({ errorCode, producerId: -1n, producerEpoch: -1 })

function answer({ errorCode, producerId, producerEpoch }: ProducerResult, version: number): Response {
  const old = errorCode === ErrorCodes.PRODUCER_FENCED && version < FENCED_FROM_VERSION
  if (old) return refused(ErrorCodes.INVALID_PRODUCER_EPOCH)
  return { errorCode, producerId: BigInt(producerId), producerEpoch }
}

/** The id and epoch that the producer had; 'invalid' when only one of them is given. */
function claimOf({ producerId, producerEpoch }: RequestOf<typeof initProducerId>) {
  if (producerId === -1n && producerEpoch === -1) return undefined
  if (producerId < 0n || producerEpoch < 0) return 'invalid'
  return { producerId: Number(producerId), producerEpoch }
}

export const handler = defineHandler({
  api: initProducerId,
  handle(broker, context, request) {
    const { transactionalId } = request
    const { transactions } = broker
    if (transactionalId === null) {
      const allowed =
        context.authorize('idempotentWrite', clusterResource) ||
        broker.security.allowsAny(context.connection, 'write', 'topic')
      if (!allowed) return refused(ErrorCodes.CLUSTER_AUTHORIZATION_FAILED)
      return answer(transactions.newProducer(), context.version)
    }
    if (!context.authorize('write', transactionalIdResource(transactionalId))) {
      return refused(ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    }
    const claim = claimOf(request)
    if (transactionalId === '' || claim === 'invalid') return refused(ErrorCodes.INVALID_REQUEST)
    return transactions
      .initialize({ transactionalId, timeoutMs: request.transactionTimeoutMs, claim })
      .then((result) => answer(result, context.version))
  },
})
