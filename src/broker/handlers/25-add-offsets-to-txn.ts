/**
 * AddOffsetsToTxn: v0–v4
 *
 * Behaviour: the partition of `__consumer_offsets` that keeps the group joins the transaction.
 *
 * Version notes
 * v2     PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH (KIP-588)
 */
import { addOffsetsToTxn } from '../../protocol/apis/add-offsets-to-txn.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { coordinatorCode } from '../coordinator-error.ts'
import { groupResource, transactionalIdResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'
import { fencedCode } from './producer-fenced.ts'

export const handler = defineHandler({
  api: addOffsetsToTxn,
  handle(broker, context, request) {
    const { transactionalId, groupId, producerId, producerEpoch } = request
    if (!context.authorize('write', transactionalIdResource(transactionalId))) {
      return { errorCode: ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED }
    }
    if (!context.authorize('read', groupResource(groupId))) {
      return { errorCode: ErrorCodes.GROUP_AUTHORIZATION_FAILED }
    }
    if (transactionalId === '') return { errorCode: ErrorCodes.INVALID_REQUEST }
    if (groupId === '') return { errorCode: ErrorCodes.INVALID_GROUP_ID }
    try {
      const { partition } = broker.coordinators.groupLog(groupId)
      const claim = { transactionalId, producerId: Number(producerId), producerEpoch }
      const name = { topic: partition.topic, partition: partition.index }
      const code = broker.transactions.add(claim, [name], 0)
      const answer = (later: number) => ({ errorCode: fencedCode(later, context.version) })
      return typeof code === 'number' ? answer(code) : code.then(answer)
    } catch (error) {
      return { errorCode: coordinatorCode(error) }
    }
  },
})
