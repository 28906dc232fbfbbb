import type { MillraceError } from '../../core/errors.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ProducerEpoch } from './pending-batch.ts'

/** Under which identity batches are sent, and who is told when one fails for good. */
export interface SendingIdentity {
  /** `none` sends without numbers. `undefined` means wait: the sender is woken when there is one. */
  epoch(): ProducerEpoch | 'none' | undefined
  /** The highest version of Produce to use. */
  versionMax(): number | undefined
  /** Whether the partition may be written now; if not, the sender is woken when it may. */
  admits(queue: PartitionQueue): boolean
  /** The broker has lost the sequence of `queue`. Returns false when nothing goes on: the queue is emptied then. */
  renewEpoch(queue: PartitionQueue): boolean
  /** Whether a failed batch may be sent again. */
  retries(): boolean
  failed(error: MillraceError, fatal: boolean): void
}
