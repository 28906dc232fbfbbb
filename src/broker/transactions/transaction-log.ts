/**
 * Transactions as records of `__transaction_state`, in Kafka's format.
 *
 * A record is the whole state of one transactional id; a null value forgets the id.
 */
import { ByteReader } from '../../core/byte-reader.ts'
import { decodeMessage, encodeVersioned, readMessage, versionOf } from '../../protocol/codec/message.ts'
import { transactionLogKey, transactionLogValue } from '../../protocol/coordinator-records/transaction-log.ts'
import type { CoordinatorRecord } from '../coordinator-log.ts'
import { NO_PRODUCER_EPOCH, type Transaction, type TransactionVersion } from './transaction.ts'
import { transactionStates } from './transaction-states.ts'

/** v1 keeps what transaction version 2 needs; Kafka before 3.5 could not read it. */
const VALUE_VERSION = 1
/** Kafka's PrepareEpochFence: on its way to be aborted. */
const STATUS_EPOCH_FENCE = 7

export function transactionKey(id: string): Buffer {
  return encodeVersioned(transactionLogKey, 0, { transactionalId: id })
}

export function transactionRecord(transaction: Transaction): CoordinatorRecord {
  const { state } = transaction
  const partitions = [...transaction.partitions].map(([topic, numbers]) => ({
    topic,
    partitionIds: [...numbers],
  }))
  return {
    key: transactionKey(transaction.id),
    value: encodeVersioned(transactionLogValue, VALUE_VERSION, {
      producerId: BigInt(transaction.producerId),
      previousProducerId: BigInt(transaction.previousProducerId),
      nextProducerId: BigInt(transaction.nextProducerId),
      producerEpoch: transaction.producerEpoch,
      transactionTimeoutMs: transaction.timeoutMs,
      transactionStatus: transactionStates.indexOf(state),
      transactionPartitions: state === 'Empty' ? null : partitions,
      transactionLastUpdateTimestampMs: BigInt(transaction.updatedMs),
      transactionStartTimestampMs: BigInt(transaction.startMs),
      clientTransactionVersion: transaction.version,
    }),
  }
}

/** The id and the transaction of a record; undefined when the id is forgotten. */
export function readTransaction(key: Buffer, value: Buffer | null): [id: string, Transaction | undefined] {
  const { transactionalId: id } = decodeMessage(transactionLogKey, versionOf(key), key.subarray(2))
  if (value === null) return [id, undefined]
  const reader = new ByteReader(value)
  const read = readMessage(transactionLogValue, reader.int16(), reader)
  const status = read.transactionStatus
  const partitions = new Map<string, ReadonlySet<number>>()
  for (const { topic, partitionIds } of read.transactionPartitions ?? []) {
    partitions.set(topic, new Set(partitionIds))
  }
  const version: TransactionVersion = read.clientTransactionVersion >= 2 ? 2 : 0
  return [
    id,
    {
      id,
      state: status === STATUS_EPOCH_FENCE ? 'Ongoing' : (transactionStates[status] ?? 'Dead'),
      producerId: Number(read.producerId),
      producerEpoch: read.producerEpoch,
      lastProducerEpoch: NO_PRODUCER_EPOCH,
      previousProducerId: Number(read.previousProducerId),
      nextProducerId: Number(read.nextProducerId),
      timeoutMs: read.transactionTimeoutMs,
      partitions,
      startMs: Number(read.transactionStartTimestampMs),
      updatedMs: Number(read.transactionLastUpdateTimestampMs),
      version,
    },
  ]
}
