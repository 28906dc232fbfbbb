/**
 * What a start makes of a producer in a partition, given what the transaction log says of it.
 *
 * The coordinator's log and the logs of the partitions are different files, each synced for itself, so a power
 * cut leaves of each everything that was synced and any part, from the front, of what was not:
 *
 * | `flush`           | on the disk before the next thing happens               | so what a start can find            |
 * |-------------------|---------------------------------------------------------|-------------------------------------|
 * | `batch`           | every append                                            | nothing is amiss                    |
 * | `group`           | a decision before its markers, all markers before the   | records without the note that their |
 * |                   | end, the end before the next transaction                | partition joined: `takeUp`          |
 * | `os`              | nothing (the order holds if only the process ended)     | any of the logs behind the others   |
 *
 * The note of a partition that joins may come late, unlike in Kafka, where it is replicated before the first
 * batch is taken, at the price of one more round for each partition and transaction. Kafka must: the coordinator
 * is another machine, and cannot ask all partitions what is open. Here it can, and this is where it does. A
 * partition that cannot be opened cannot be asked either: who may have written there is fenced (`mayHaveJoined`).
 *
 * If a transaction has partitions that wait for the disk, the coordinator's log does so for it too, whatever its
 * own setting (transaction-coordinator.ts). With `os` alone a power cut may take one partition's part of a
 * committed transaction, as it may take any record; but what is half there is then never committed by a start,
 * readers never wait for ever, and whoever had an epoch that the coordinator lost is fenced.
 */
import { PRODUCER_EPOCH_MAX, type Transaction } from './transaction.ts'

export interface ProducerInPartition {
  readonly producerEpoch: number
  /** It has a transaction open here. */
  readonly open: boolean
  /** The coordinator's state has the partition. */
  readonly listed: boolean
  /** The partition and the coordinator's log wait for the disk: everything that was acknowledged is there. */
  readonly durable: boolean
}

export type RecoveryStep =
  /** Nothing is amiss, or a decision that is about to be carried out ends it. */
  | 'none'
  /** The partition joins the open transaction again: what its producer was told is written will be part of it. */
  | 'takeUp'
  /** Of a transaction that nobody can end any more. */
  | 'abort'
  /** The coordinator lost states that were in use: abort, and fence whoever had them. */
  | 'fence'

/** `transaction` is undefined when no transactional id has this producer. */
export function recoveryStep(
  transaction: Transaction | undefined,
  { producerEpoch, open, listed, durable }: ProducerInPartition,
): RecoveryStep {
  if (transaction === undefined) return open ? 'abort' : 'none'
  if (producerEpoch > transaction.producerEpoch) return 'fence'
  if (!open) return 'none'
  const present = producerEpoch === transaction.producerEpoch
  switch (transaction.state) {
    case 'PrepareAbort':
      // Version 2 decides for the epoch before: what has the new one is of the next transaction already, and so
      // the marker of this one was written, and lies before it.
      if (present && transaction.version === 2) return 'fence'
      return listed ? 'none' : 'abort'
    case 'PrepareCommit': {
      if (present && transaction.version === 2) return 'fence'
      const decidedEpoch = transaction.producerEpoch - (transaction.version === 2 ? 1 : 0)
      // What is older lost its own marker: this one must not commit it.
      return listed && producerEpoch === decidedEpoch ? 'none' : 'abort'
    }
    case 'Ongoing':
      if (present && listed) return 'none'
      break
    case 'Empty':
    case 'CompleteCommit':
    case 'CompleteAbort':
    case 'Dead':
      break
  }
  if (!present) return 'abort'
  return durable ? 'takeUp' : 'fence'
}

/**
 * Can a partition that nobody can ask have acknowledged records of the id's transaction, though its note that it
 * joined was lost? Then what is known of the transaction must not be committed without them. With classic
 * transactions a producer is told that the note is on the disk before it writes.
 */
export function mayHaveJoined({ state, version }: Transaction, listed: boolean): boolean {
  switch (state) {
    case 'Ongoing':
      return version === 2 && !listed
    case 'CompleteCommit':
    case 'CompleteAbort':
      return version === 2
    case 'Empty':
      // Nobody knows which version its producer has.
      return true
    case 'PrepareCommit':
    case 'PrepareAbort':
    case 'Dead':
      return false
  }
}

/** The epoch of the marker that aborts by `step`: with `fence` one that the producer cannot have. */
export function abortEpoch(step: 'abort' | 'fence', producerEpoch: number): number {
  return step === 'fence' ? Math.min(producerEpoch + 1, PRODUCER_EPOCH_MAX) : producerEpoch
}
