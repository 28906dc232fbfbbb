/**
 * AddPartitionsToTxn (key 24), versions 0 to 5: adds partitions to a transaction before they are written.
 *
 * v2  PRODUCER_FENCED may be answered (KIP-588)
 * v3  flexible; the last version for clients
 * v4  several transactions, verification without adding; between brokers only (KIP-890)
 * v5  TRANSACTION_ABORTABLE may be answered (KIP-890)
 */
import { array, bool, int16, int32, int64, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

const addPartitionsToTxnTopicFields = {
  name: string(),
  partitions: array(int32()),
}

const addPartitionsToTxnPartitionResultFields = {
  partitionIndex: int32(),
  partitionErrorCode: int16(),
}

const addPartitionsToTxnTopicResultFields = {
  name: string(),
  resultsByPartition: array(struct(addPartitionsToTxnPartitionResultFields)),
}

export const addPartitionsToTxn = defineApi({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    transactions: array(
      struct({
        transactionalId: string(),
        producerId: int64(),
        producerEpoch: int16(),
        verifyOnly: bool({ default: false }),
        topics: array(struct(addPartitionsToTxnTopicFields)),
      }),
      { since: 4 },
    ),
    v3AndBelowTransactionalId: string({ until: 3 }),
    v3AndBelowProducerId: int64({ until: 3 }),
    v3AndBelowProducerEpoch: int16({ until: 3 }),
    v3AndBelowTopics: array(struct(addPartitionsToTxnTopicFields), { until: 3 }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ since: 4, ignorable: true }),
    resultsByTransaction: array(
      struct({
        transactionalId: string(),
        topicResults: array(struct(addPartitionsToTxnTopicResultFields)),
      }),
      { since: 4 },
    ),
    resultsByTopicV3AndBelow: array(struct(addPartitionsToTxnTopicResultFields), { until: 3 }),
  },
})
