/**
 * Open transactions in partitions that the coordinator does not know of.
 *
 * Records and the note that their partition joined the transaction are in different files: a power cut may keep
 * the records and lose the note. Left alone they would hold back every `read_committed` reader for ever. One node
 * owns both, so at start each such transaction is
 *
 * - taken up again, when its producer is the present one of its transactional id: what it was acknowledged stays
 *   part of what it will commit;
 * - aborted otherwise: nobody can end it any more.
 */
import type { Logger } from '../../core/logger.ts'
import type { Partition } from '../topics/partition.ts'
import type { Topics } from '../topics/topics.ts'
import { hasPartition, type Transaction } from './transaction.ts'
import type { TransactionCoordinator } from './transaction-coordinator.ts'

/** @throws what the logs throw */
export function adoptOpenTransactions(
  topics: Topics,
  transactions: TransactionCoordinator,
  logger: Logger,
): void {
  const byProducer = new Map<number, Transaction>()
  for (const transaction of transactions.all) byProducer.set(transaction.producerId, transaction)
  for (const topic of topics.all) {
    for (const partition of topic.partitions) {
      if (partition.log.fault !== undefined) continue
      for (const producer of partition.log.producers()) {
        if (producer.currentTransactionFirstOffset < 0) continue
        adopt(partition, producer, byProducer.get(producer.producerId), { transactions, logger })
      }
    }
  }
}

function adopt(
  partition: Partition,
  { producerId, producerEpoch }: { readonly producerId: number; readonly producerEpoch: number },
  transaction: Transaction | undefined,
  { transactions, logger }: { readonly transactions: TransactionCoordinator; readonly logger: Logger },
): void {
  const name = { topic: partition.topic, partition: partition.index }
  if (transaction !== undefined && hasPartition(transaction.partitions, name.topic, name.partition)) return
  if (transaction?.producerEpoch === producerEpoch) {
    logger.warn(
      { ...name, transactionalId: transaction.id },
      'a partition is taken up into its transaction again',
    )
    void transactions.add(
      { transactionalId: transaction.id, producerId, producerEpoch },
      [name],
      transaction.version,
    )
    return
  }
  logger.warn({ ...name, producerId }, 'an open transaction that nobody can end is aborted')
  const marker = { type: 'abort', producerId, producerEpoch, coordinatorEpoch: 0 } as const
  partition.appendMarker(marker)
  transactions.orphanAborted(partition, producerId)
}
