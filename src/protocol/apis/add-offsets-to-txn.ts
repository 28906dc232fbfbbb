/**
 * AddOffsetsToTxn (key 25), versions 0 to 4: adds the offsets of a group to a transaction.
 *
 * v2  PRODUCER_FENCED may be answered (KIP-588)
 * v3  flexible
 * v4  TRANSACTION_ABORTABLE may be answered (KIP-890)
 */
import { int16, int32, int64, string } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const addOffsetsToTxn = defineApi({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: [0, 4],
  flexibleFrom: 3,
  request: {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    groupId: string(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
  },
})
