/**
 * A transactional id with its transaction in `__transaction_state`. Key type 0.
 *
 * v1  flexible (KIP-915); the producer id before and after an epoch that ran out, and which transaction version
 *     the client uses (KIP-890); the epoch to go on with after a two-phase commit (KIP-939)
 *
 * The status: 0 empty, 1 ongoing, 2 prepared to commit, 3 prepared to abort, 4 committed, 5 aborted, 6 dead,
 * 7 being fenced.
 */
import { array, int8, int16, int32, int64, string, struct } from '../schema/fields.ts'
import { defineMessage } from '../schema/message.ts'

export const transactionLogKey = defineMessage({
  name: 'TransactionLogKey',
  versions: [0, 0],
  flexibleFrom: 'never',
  fields: {
    transactionalId: string(),
  },
})

export const transactionLogValue = defineMessage({
  name: 'TransactionLogValue',
  versions: [0, 1],
  flexibleFrom: 1,
  fields: {
    producerId: int64(),
    previousProducerId: int64({ since: 1, tag: 0, default: -1n }),
    nextProducerId: int64({ since: 1, tag: 1, default: -1n }),
    producerEpoch: int16(),
    nextProducerEpoch: int16({ since: 1, tag: 3, default: -1 }),
    transactionTimeoutMs: int32(),
    transactionStatus: int8(),
    transactionPartitions: array(
      struct({
        topic: string(),
        partitionIds: array(int32()),
      }),
      { nullable: true },
    ),
    transactionLastUpdateTimestampMs: int64(),
    transactionStartTimestampMs: int64(),
    clientTransactionVersion: int16({ since: 1, tag: 2, default: 0 }),
  },
})
