/**
 * The end of a transaction, from the decision to the last marker.
 *
 * 1. The decision (PrepareCommit or PrepareAbort) is in the transaction log, and as safe as its partitions ask.
 * 2. A marker is written to every partition of the transaction; offsets of groups take effect, or are dropped.
 * 3. When all markers are safe, the state becomes complete; the answer waits until that is safe too.
 *
 * A decision is never taken back: when a marker cannot be written, it is tried again until it can, and producer
 * and readers wait. After a restart the same steps run again from 2; a second marker in a partition does no harm.
 */
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Clock } from '../../platform/clock.ts'
import { isKafkaError } from '../../protocol/error-codes.ts'
import type { Partition } from '../topics/partition.ts'
import type { Transaction } from './transaction.ts'
import { complete, type PartitionName } from './transaction-rules.ts'

const RETRY_MS = 1000

export interface TransactionEndOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** The partition, or undefined when its topic was deleted meanwhile. @throws when it cannot be opened */
  readonly partitionOf: (topic: string, partition: number) => Partition | undefined
  /** Is told of every marker, for offsets that were committed in the transaction. */
  readonly marked: (partition: Partition, producerId: number, commit: boolean) => void
  /** Keeps the end of `decided`; resolves when it is safe, undefined when it is now. @throws when it cannot be written */
  readonly write: (next: Transaction, decided: Transaction) => Promise<void> | undefined
  /** The broker closes: what is not done yet is done after the next start. */
  readonly isClosed: () => boolean
}

export class TransactionEnd {
  private readonly options: TransactionEndOptions

  constructor(options: TransactionEndOptions) {
    this.options = options
  }

  /** Carries out a decision that is written. Without disk syncs to wait for, all of it happens in the call. */
  run(decided: Transaction, settled: Promise<void> | undefined): Promise<void> | undefined {
    const places = [...decided.partitions].flatMap(([topic, numbers]) =>
      [...numbers].map((partition) => ({ topic, partition })),
    )
    if (settled === undefined) return this.mark(decided, places)
    return settled.then(() => this.mark(decided, places))
  }

  private mark(decided: Transaction, places: readonly PartitionName[]): Promise<void> | undefined {
    const waits: Promise<void>[] = []
    const failed: PartitionName[] = []
    const takeFailure = (place: PartitionName, error: unknown): void => {
      failed.push(place)
      this.options.logger.error(
        { transactionalId: decided.id, ...place, error: messageOf(error) },
        'a transaction marker cannot be written yet',
      )
    }
    for (const place of places) {
      try {
        const wait = this.markPartition(decided, place)
        if (wait !== undefined) waits.push(wait.catch((error: unknown) => takeFailure(place, error)))
      } catch (error) {
        // The producer has gone on in this partition: its former transaction was ended there before.
        if (!isKafkaError(error, 'INVALID_PRODUCER_EPOCH')) takeFailure(place, error)
      }
    }
    const marked = (): Promise<void> | undefined => {
      if (failed.length === 0) return this.finish(decided)
      this.retry(() => this.mark(decided, failed))
      return undefined
    }
    return waits.length === 0 ? marked() : Promise.all(waits).then(marked)
  }

  private markPartition(decided: Transaction, place: PartitionName): Promise<void> | undefined {
    const partition = this.options.partitionOf(place.topic, place.partition)
    if (partition === undefined) return undefined
    const commit = decided.state === 'PrepareCommit'
    const result = partition.appendMarker({
      type: commit ? 'commit' : 'abort',
      producerId: decided.producerId,
      producerEpoch: decided.producerEpoch,
      coordinatorEpoch: 0,
      transactionVersion: decided.version === 2 ? 2 : 1,
    })
    this.options.marked(partition, decided.producerId, commit)
    return result.waitForFlush ? partition.log.flushed(result.lastOffset) : undefined
  }

  /** The end is kept before anybody is told of it: else a power cut could end the next transaction as well. */
  private finish(decided: Transaction): Promise<void> | undefined {
    try {
      return this.options.write(complete(decided, this.options.clock.nowMs()), decided)
    } catch (error) {
      this.options.logger.error(
        { transactionalId: decided.id, error: messageOf(error) },
        'the end of a transaction cannot be kept yet',
      )
      this.retry(() => this.finish(decided))
      return undefined
    }
  }

  private retry(step: () => Promise<void> | undefined): void {
    this.options.clock.after(RETRY_MS, () => {
      if (this.options.isClosed()) return
      step()?.catch((error: unknown) => {
        this.options.logger.error({ error: messageOf(error) }, 'the end of a transaction is not on the disk')
      })
    })
  }
}
