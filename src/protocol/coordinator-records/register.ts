/**
 * What the coordinators keep in their internal topics, by the type in front of the key.
 *
 * A key is the type as an int16 and the key's fields (`encodeVersioned(record.key, record.type, …)`), a value its
 * version as an int16 and the value's fields; a null value takes the entry away.
 */
import type { AnyMessage } from '../schema/message.ts'
import * as consumer from './consumer-group.ts'
import { groupMetadataKey, groupMetadataValue } from './group-metadata.ts'
import { offsetCommitKey, offsetCommitValue } from './offset-commit.ts'
import { transactionLogKey, transactionLogValue } from './transaction-log.ts'

export interface CoordinatorRecord {
  readonly type: number
  readonly key: AnyMessage
  readonly value: AnyMessage
}

/** The records of `__consumer_offsets`. */
export const groupRecords: readonly CoordinatorRecord[] = [
  { type: 0, key: offsetCommitKey, value: offsetCommitValue },
  { type: 1, key: offsetCommitKey, value: offsetCommitValue },
  { type: 2, key: groupMetadataKey, value: groupMetadataValue },
  { type: 3, key: consumer.consumerGroupMetadataKey, value: consumer.consumerGroupMetadataValue },
  { type: 5, key: consumer.consumerGroupMemberMetadataKey, value: consumer.consumerGroupMemberMetadataValue },
  {
    type: 6,
    key: consumer.consumerGroupTargetAssignmentMetadataKey,
    value: consumer.consumerGroupTargetAssignmentMetadataValue,
  },
  {
    type: 7,
    key: consumer.consumerGroupTargetAssignmentMemberKey,
    value: consumer.consumerGroupTargetAssignmentMemberValue,
  },
  {
    type: 8,
    key: consumer.consumerGroupCurrentMemberAssignmentKey,
    value: consumer.consumerGroupCurrentMemberAssignmentValue,
  },
  {
    type: 16,
    key: consumer.consumerGroupRegularExpressionKey,
    value: consumer.consumerGroupRegularExpressionValue,
  },
]

/** The records of `__transaction_state`. */
export const transactionRecords: readonly CoordinatorRecord[] = [
  { type: 0, key: transactionLogKey, value: transactionLogValue },
]
