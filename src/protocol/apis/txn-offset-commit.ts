/**
 * TxnOffsetCommit (key 28), versions 0 to 5: commits the positions of a group as part of a transaction.
 *
 * v2  leader epoch of the record (KIP-320)
 * v3  flexible; member, generation and instance id, for fencing (KIP-447)
 * v4  TRANSACTION_ABORTABLE may be answered (KIP-890)
 * v5  adds the group to the transaction by itself (KIP-890, transaction version 2)
 */
import { array, int16, int32, int64, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const txnOffsetCommit = defineApi({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    transactionalId: string(),
    groupId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    generationId: int32({ since: 3, default: -1 }),
    memberId: string({ since: 3, default: '' }),
    groupInstanceId: string({ since: 3, nullable: true, default: null }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            committedOffset: int64(),
            committedLeaderEpoch: int32({ since: 2, default: -1, ignorable: true }),
            committedMetadata: string({ nullable: true }),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
          }),
        ),
      }),
    ),
  },
})
