/**
 * InitProducerId (key 22), versions 0 to 6: gives a producer its id and epoch, and fences earlier ones.
 *
 * v2  flexible
 * v3  an id and epoch to go on with after INVALID_PRODUCER_EPOCH (KIP-360)
 * v4  PRODUCER_FENCED may be answered (KIP-588)
 * v5  TRANSACTION_ABORTABLE may be answered (KIP-890)
 * v6  two-phase commit (KIP-939), still under development
 */
import { bool, int16, int32, int64, string } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const initProducerId = defineApi({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 6],
  latestStable: 5,
  flexibleFrom: 2,
  request: {
    transactionalId: string({ nullable: true }),
    transactionTimeoutMs: int32(),
    producerId: int64({ since: 3, default: -1n }),
    producerEpoch: int16({ since: 3, default: -1 }),
    enable2Pc: bool({ since: 6, default: false }),
    keepPreparedTxn: bool({ since: 6, default: false }),
  },
  response: {
    throttleTimeMs: int32({ default: 0, ignorable: true }),
    errorCode: int16(),
    producerId: int64({ default: -1n }),
    producerEpoch: int16(),
    ongoingTxnProducerId: int64({ since: 6, default: -1n }),
    ongoingTxnProducerEpoch: int16({ since: 6, default: -1 }),
  },
})
