/**
 * DescribeTransactions: v0
 *
 * Behaviour: state, producer and partitions of transactional ids (KIP-664). Partitions that the client may not see
 * are left out.
 */
import { describeTransactions } from '../../protocol/apis/describe-transactions.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import { type RequestContext, topicResource, transactionalIdResource } from '../request-context.ts'
import type { Transaction } from '../transactions/transaction.ts'
import { defineHandler } from './handler.ts'

type Described = ResponseInput<typeof describeTransactions>['transactionStates'][number]

function refused(transactionalId: string, errorCode: number): Described {
  return {
    errorCode,
    transactionalId,
    transactionState: '',
    transactionTimeoutMs: 0,
    transactionStartTimeMs: 0n,
    producerId: 0n,
    producerEpoch: 0,
    topics: [],
  }
}

function described(transaction: Transaction, context: RequestContext): Described {
  return {
    errorCode: ErrorCodes.NONE,
    transactionalId: transaction.id,
    transactionState: transaction.state,
    transactionTimeoutMs: transaction.timeoutMs,
    transactionStartTimeMs: BigInt(transaction.startMs),
    producerId: BigInt(transaction.producerId),
    producerEpoch: transaction.producerEpoch,
    topics: [...transaction.partitions]
      .filter(([topic]) => context.authorize('describe', topicResource(topic)))
      .map(([topic, partitions]) => ({ topic, partitions: [...partitions] })),
  }
}

export const handler = defineHandler({
  api: describeTransactions,
  handle(broker, context, request) {
    const transactionStates = request.transactionalIds.map((id) => {
      if (!context.authorize('describe', transactionalIdResource(id))) {
        return refused(id, ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
      }
      const transaction = broker.transactions.find(id)
      return transaction === undefined
        ? refused(id, ErrorCodes.TRANSACTIONAL_ID_NOT_FOUND)
        : described(transaction, context)
    })
    return { transactionStates }
  },
})
