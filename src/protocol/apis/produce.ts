/**
 * Produce (key 0), versions 3 to 13: appends record batches to partitions.
 *
 * v3  transactional id; record batch v2 is the only format
 * v4  KAFKA_STORAGE_ERROR may be answered
 * v5  answer: log start offset
 * v7  zstd batches are allowed (KIP-110)
 * v8  answer: which records were refused, and why (KIP-467)
 * v9  flexible (KIP-482)
 * v10 answer: current leader and its address (KIP-951)
 * v11 TRANSACTION_ABORTABLE may be answered (KIP-890)
 * v12 adds the partition to the transaction by itself (KIP-890, transaction version 2)
 * v13 topic ids in place of names (KIP-516)
 *
 * A request with `acks: 0` gets no answer. Brokers announce versions 0 to 2 too, for librdkafka (KAFKA-18659).
 */
import { array, int16, int32, int64, records, string, struct, uuid } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const produce = defineApi({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  flexibleFrom: 9,
  request: {
    transactionalId: string({ nullable: true, default: null }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array(
      struct({
        name: string({ until: 12, ignorable: true }),
        topicId: uuid({ since: 13, ignorable: true }),
        partitionData: array(
          struct({
            index: int32(),
            records: records({ nullable: true }),
          }),
        ),
      }),
    ),
  },
  response: {
    responses: array(
      struct({
        name: string({ until: 12, ignorable: true }),
        topicId: uuid({ since: 13, ignorable: true }),
        partitionResponses: array(
          struct({
            index: int32(),
            errorCode: int16(),
            baseOffset: int64(),
            logAppendTimeMs: int64({ default: -1n, ignorable: true }),
            logStartOffset: int64({ since: 5, default: -1n, ignorable: true }),
            recordErrors: array(
              struct({
                batchIndex: int32(),
                batchIndexErrorMessage: string({ nullable: true, default: null }),
              }),
              { since: 8, ignorable: true },
            ),
            errorMessage: string({ since: 8, nullable: true, default: null, ignorable: true }),
            currentLeader: struct(
              {
                leaderId: int32({ default: -1 }),
                leaderEpoch: int32({ default: -1 }),
              },
              { since: 10, tag: 0 },
            ),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32({ default: 0, ignorable: true }),
    nodeEndpoints: array(
      struct({
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: true, default: null }),
      }),
      { since: 10, tag: 0 },
    ),
  },
})
