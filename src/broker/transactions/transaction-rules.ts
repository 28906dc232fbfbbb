/**
 * What each request does to a transaction: pure functions from the present state to the next one, or to the error
 * code that refuses the request. Rules of Kafka's transaction coordinator (KIP-98, KIP-360, KIP-890).
 */
import { ErrorCodes } from '../../protocol/error-codes.ts'
import {
  hasPartition,
  isEpochExhausted,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  noPartitions,
  PRODUCER_EPOCH_MAX,
  type Transaction,
  type TransactionVersion,
  withPartitions,
} from './transaction.ts'
import { nextTransactionState } from './transaction-states.ts'

export interface ProducerClaim {
  readonly producerId: number
  readonly producerEpoch: number
}

/** `next` is to be written; `code` alone answers without a change. */
export type Decision = { readonly next: Transaction } | { readonly code: number }

const refuse = (code: number): Decision => ({ code })
const isPreparing = ({ state }: Transaction): boolean => state === 'PrepareCommit' || state === 'PrepareAbort'

/** A transactional id that was not known. */
export function newTransaction(options: {
  readonly id: string
  readonly producerId: number
  readonly timeoutMs: number
  readonly nowMs: number
}): Transaction {
  return {
    id: options.id,
    state: 'Empty',
    producerId: options.producerId,
    producerEpoch: 0,
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    previousProducerId: NO_PRODUCER_ID,
    nextProducerId: NO_PRODUCER_ID,
    timeoutMs: options.timeoutMs,
    partitions: noPartitions,
    startMs: -1,
    updatedMs: options.nowMs,
    version: 0,
  }
}

/** May a producer that says it had `claim` go on with the id (KIP-360)? */
function mayResume(present: Transaction, claim: ProducerClaim): boolean {
  if (claim.producerId === present.producerId) return true
  // Its epochs ran out while the answer with the new id was lost.
  return claim.producerId === present.previousProducerId && isEpochExhausted(claim.producerEpoch)
}

export interface InitializeOptions {
  readonly claim: ProducerClaim | undefined
  readonly timeoutMs: number
  readonly nowMs: number
  /** Called when the epochs of the producer id have run out. */
  readonly newProducerId: () => number
}

/**
 * InitProducerId: the next epoch. `fenceFirst` asks for the open transaction to be aborted, then to come again.
 */
export function initialize(
  present: Transaction,
  options: InitializeOptions,
): Decision | { readonly fenceFirst: true } {
  const { claim, nowMs, timeoutMs } = options
  if (claim !== undefined && !mayResume(present, claim)) return refuse(ErrorCodes.PRODUCER_FENCED)
  if (isPreparing(present)) return refuse(ErrorCodes.CONCURRENT_TRANSACTIONS)
  const epoch = nextEpoch(present, claim)
  if (epoch === 'fenced') return refuse(ErrorCodes.PRODUCER_FENCED)
  if (present.state === 'Ongoing') return { fenceFirst: true }
  const next: Transaction = {
    ...present,
    state: nextTransactionState(present.state, 'initialize'),
    timeoutMs,
    partitions: noPartitions,
    startMs: -1,
    updatedMs: nowMs,
  }
  if (epoch === 'exhausted') {
    return {
      next: {
        ...next,
        producerId: options.newProducerId(),
        producerEpoch: 0,
        lastProducerEpoch: claim === undefined ? NO_PRODUCER_EPOCH : present.producerEpoch,
        previousProducerId: present.producerId,
      },
    }
  }
  return { next: { ...next, ...epoch } }
}

type EpochStep = Pick<Transaction, 'producerEpoch' | 'lastProducerEpoch'>

function nextEpoch(
  present: Transaction,
  claim: ProducerClaim | undefined,
): EpochStep | 'exhausted' | 'fenced' {
  const { producerEpoch, lastProducerEpoch } = present
  const resumed = claim !== undefined && claim.producerId !== present.producerId
  // The request is a repetition: its answer, with the epoch already raised, was lost.
  if (resumed || (claim !== undefined && claim.producerEpoch === lastProducerEpoch)) {
    return { producerEpoch, lastProducerEpoch }
  }
  if (claim !== undefined && claim.producerEpoch !== producerEpoch) return 'fenced'
  if (isEpochExhausted(producerEpoch)) return 'exhausted'
  return {
    producerEpoch: producerEpoch + 1,
    lastProducerEpoch: claim === undefined ? NO_PRODUCER_EPOCH : producerEpoch,
  }
}

/** Fences the producer of an open transaction: the epoch goes up with the abort. */
export function fence(present: Transaction, nowMs: number): Transaction {
  return {
    ...present,
    state: nextTransactionState(present.state, 'fence'),
    producerEpoch: Math.min(present.producerEpoch + 1, PRODUCER_EPOCH_MAX),
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    updatedMs: nowMs,
  }
}

/**
 * States of the id were lost, so nobody knows which epochs its producers had: it goes on with an id that none of
 * them has. The open transaction is aborted first. Not for a decided transaction.
 */
export function replaceProducer(present: Transaction, producerId: number, nowMs: number): Transaction {
  if (present.state === 'Ongoing') return { ...fence(present, nowMs), nextProducerId: producerId }
  return {
    ...present,
    state: nextTransactionState(present.state, 'initialize'),
    producerId,
    producerEpoch: 0,
    lastProducerEpoch: NO_PRODUCER_EPOCH,
    previousProducerId: NO_PRODUCER_ID,
    nextProducerId: NO_PRODUCER_ID,
    partitions: noPartitions,
    startMs: -1,
    updatedMs: nowMs,
  }
}

/** The error of a request that is not by the producer of the id, or undefined. */
export function claimFault(present: Transaction | undefined, claim: ProducerClaim): number | undefined {
  if (present === undefined || present.producerId !== claim.producerId) {
    return ErrorCodes.INVALID_PRODUCER_ID_MAPPING
  }
  return present.producerEpoch === claim.producerEpoch ? undefined : ErrorCodes.PRODUCER_FENCED
}

export interface PartitionName {
  readonly topic: string
  readonly partition: number
}

/** Adds partitions to the transaction, and begins it with the first. */
export function addPartitions(
  present: Transaction | undefined,
  claim: ProducerClaim,
  added: readonly PartitionName[],
  options: { readonly nowMs: number; readonly version: TransactionVersion },
): Decision {
  const fault = claimFault(present, claim)
  if (present === undefined || fault !== undefined) {
    return refuse(fault ?? ErrorCodes.INVALID_PRODUCER_ID_MAPPING)
  }
  if (isPreparing(present)) return refuse(ErrorCodes.CONCURRENT_TRANSACTIONS)
  const ongoing = present.state === 'Ongoing'
  const known =
    ongoing && added.every(({ topic, partition }) => hasPartition(present.partitions, topic, partition))
  if (known) return refuse(ErrorCodes.NONE)
  return {
    next: {
      ...present,
      state: nextTransactionState(present.state, 'add'),
      partitions: withPartitions(ongoing ? present.partitions : noPartitions, added),
      startMs: ongoing ? present.startMs : options.nowMs,
      updatedMs: options.nowMs,
      version: options.version,
    },
  }
}

/** Is the partition part of the open transaction of this producer? Returns an error code. */
export function verifyPartition(
  present: Transaction | undefined,
  claim: ProducerClaim,
  { topic, partition }: PartitionName,
): number {
  if (present === undefined || present.producerId !== claim.producerId) {
    return ErrorCodes.INVALID_PRODUCER_ID_MAPPING
  }
  if (present.producerEpoch !== claim.producerEpoch) return ErrorCodes.INVALID_PRODUCER_EPOCH
  if (isPreparing(present)) return ErrorCodes.CONCURRENT_TRANSACTIONS
  const open = present.state === 'Ongoing' && hasPartition(present.partitions, topic, partition)
  return open ? ErrorCodes.NONE : ErrorCodes.TRANSACTION_ABORTABLE
}

export interface EndOptions {
  readonly commit: boolean
  readonly version: TransactionVersion
  readonly nowMs: number
  readonly newProducerId: () => number
}

/** EndTxn: prepares the commit or abort, or tells that it was done before. */
export function end(present: Transaction | undefined, claim: ProducerClaim, options: EndOptions): Decision {
  if (present === undefined) return refuse(ErrorCodes.INVALID_PRODUCER_ID_MAPPING)
  const repeated = options.version === 2 && isRepetition(present, claim)
  if (!repeated) {
    const fault = claimFault(present, claim)
    if (fault !== undefined) return refuse(fault)
  }
  const { commit } = options
  switch (present.state) {
    case 'Ongoing':
      if (repeated) return refuse(ErrorCodes.PRODUCER_FENCED)
      return { next: prepare(present, commit ? 'commit' : 'abort', options) }
    case 'Empty':
      return repeated ? refuse(ErrorCodes.PRODUCER_FENCED) : endNothing(present, options)
    case 'CompleteCommit':
    case 'CompleteAbort': {
      if (options.version === 2 && !repeated) return endNothing(present, options)
      const same = commit === (present.state === 'CompleteCommit')
      return refuse(same ? ErrorCodes.NONE : ErrorCodes.INVALID_TXN_STATE)
    }
    case 'PrepareCommit':
    case 'PrepareAbort': {
      const same = commit === (present.state === 'PrepareCommit')
      return refuse(same ? ErrorCodes.CONCURRENT_TRANSACTIONS : ErrorCodes.INVALID_TXN_STATE)
    }
    case 'Dead':
      return refuse(ErrorCodes.INVALID_PRODUCER_ID_MAPPING)
  }
}

/** The request was carried out, and raised the epoch, but its answer was lost. */
function isRepetition(present: Transaction, claim: ProducerClaim): boolean {
  if (isEpochExhausted(claim.producerEpoch)) {
    const rotated = claim.producerId === present.previousProducerId && present.producerEpoch === 0
    const rotating = claim.producerId === present.producerId && present.nextProducerId !== NO_PRODUCER_ID
    return rotated || (rotating && present.producerEpoch === claim.producerEpoch + 1)
  }
  return claim.producerId === present.producerId && claim.producerEpoch + 1 === present.producerEpoch
}

function endNothing(present: Transaction, options: EndOptions): Decision {
  if (options.commit || options.version !== 2) return refuse(ErrorCodes.INVALID_TXN_STATE)
  return { next: prepare({ ...present, partitions: noPartitions }, 'abortNothing', options) }
}

function prepare(
  present: Transaction,
  event: 'commit' | 'abort' | 'abortNothing',
  options: EndOptions,
): Transaction {
  const next: Transaction = {
    ...present,
    state: nextTransactionState(present.state, event),
    updatedMs: options.nowMs,
    version: options.version,
  }
  if (options.version !== 2) return next
  return {
    ...next,
    producerEpoch: present.producerEpoch + 1,
    lastProducerEpoch: present.producerEpoch,
    nextProducerId: isEpochExhausted(present.producerEpoch) ? options.newProducerId() : NO_PRODUCER_ID,
  }
}

/** All markers are written. */
export function complete(present: Transaction, nowMs: number): Transaction {
  const next: Transaction = {
    ...present,
    state: nextTransactionState(present.state, 'marked'),
    partitions: noPartitions,
    startMs: -1,
    updatedMs: nowMs,
    nextProducerId: NO_PRODUCER_ID,
  }
  if (present.nextProducerId === NO_PRODUCER_ID) return next
  return {
    ...next,
    producerId: present.nextProducerId,
    producerEpoch: 0,
    previousProducerId: present.producerId,
  }
}
