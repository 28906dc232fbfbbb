/**
 * EndTxn (key 26), versions 0 to 5: commits or aborts a transaction.
 *
 * v2  PRODUCER_FENCED may be answered (KIP-588)
 * v3  flexible
 * v4  TRANSACTION_ABORTABLE may be answered (KIP-890)
 * v5  answer: the epoch is raised with every transaction (KIP-890, transaction version 2)
 */
import { bool, int16, int32, int64, string } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const endTxn = defineApi({
  key: 26,
  name: 'EndTxn',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    committed: bool(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    producerId: int64({ since: 5, default: -1n, ignorable: true }),
    producerEpoch: int16({ since: 5, default: -1, ignorable: true }),
  },
})
