/**
 * EndTxn: v0–v5
 *
 * Behaviour: commits or aborts; the answer comes when every marker is in its log, so that a `read_committed`
 * consumer that fetches afterwards sees the outcome. A repeated request is answered as the first was.
 *
 * Version notes
 * v2     PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
 * v5     the epoch goes up with every transaction, and the answer has the new one (KIP-890)
 */
import { endTxn } from '../../protocol/apis/end-txn.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { transactionalIdResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'
import { fencedCode } from './producer-fenced.ts'

const EPOCH_RAISED_FROM_VERSION = 5

export const handler = defineHandler({
  api: endTxn,
  async handle(broker, context, request) {
    const { transactionalId, producerId, producerEpoch, committed } = request
    if (!context.authorize('write', transactionalIdResource(transactionalId))) {
      return { errorCode: ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED }
    }
    if (transactionalId === '') return { errorCode: ErrorCodes.INVALID_REQUEST }
    const claim = { transactionalId, producerId: Number(producerId), producerEpoch }
    const version = context.version >= EPOCH_RAISED_FROM_VERSION ? 2 : 0
    const result = await broker.transactions.end(claim, committed, version)
    return {
      errorCode: fencedCode(result.errorCode, context.version),
      producerId: BigInt(result.producerId),
      producerEpoch: result.producerEpoch,
    }
  },
})
