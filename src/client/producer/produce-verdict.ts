/**
 * What an error code in a Produce answer means for the batch.
 *
 * The codes that Kafka calls retriable, with four questions more: was the batch perhaps written, has the leader moved,
 * has the broker lost the sequence, and is the producer as a whole at its end.
 */
import { ErrorCodes, errorKindOf } from '../../protocol/error-codes.ts'

export interface Verdict {
  readonly outcome: 'written' | 'retry' | 'out-of-order' | 'refused'
  /** It may have been written all the same. */
  readonly unsure: boolean
  /** Metadata is out of date. */
  readonly stale: boolean
  /** It passes within milliseconds. */
  readonly brief: boolean
  /** No other batch of this producer can succeed either. */
  readonly fatal: boolean
}

const plain = { unsure: false, stale: false, brief: false, fatal: false }

const stale = new Set<number>([
  ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCodes.LEADER_NOT_AVAILABLE,
  ErrorCodes.NOT_LEADER_OR_FOLLOWER,
  ErrorCodes.REPLICA_NOT_AVAILABLE,
  ErrorCodes.KAFKA_STORAGE_ERROR,
  ErrorCodes.FENCED_LEADER_EPOCH,
  ErrorCodes.UNKNOWN_LEADER_EPOCH,
  ErrorCodes.UNKNOWN_TOPIC_ID,
  ErrorCodes.INCONSISTENT_TOPIC_ID,
])

const unsure = new Set<number>([
  ErrorCodes.REQUEST_TIMED_OUT,
  ErrorCodes.NETWORK_EXCEPTION,
  ErrorCodes.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCodes.UNKNOWN_SERVER_ERROR,
])

const lostSequence = new Set<number>([
  ErrorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCodes.UNKNOWN_PRODUCER_ID,
])

const fatal = new Set<number>([
  ErrorCodes.PRODUCER_FENCED,
  ErrorCodes.INVALID_PRODUCER_ID_MAPPING,
  ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  ErrorCodes.CLUSTER_AUTHORIZATION_FAILED,
  ErrorCodes.UNSUPPORTED_VERSION,
])

/** @param transactional an epoch that has passed then ends the transaction; otherwise a new one is taken */
export function verdictOf(code: number, transactional: boolean): Verdict {
  if (code === ErrorCodes.NONE || code === ErrorCodes.DUPLICATE_SEQUENCE_NUMBER) {
    return { ...plain, outcome: 'written' }
  }
  if (lostSequence.has(code)) return { ...plain, outcome: 'out-of-order' }
  if (code === ErrorCodes.INVALID_PRODUCER_EPOCH && !transactional)
    return { ...plain, outcome: 'out-of-order' }
  if (code === ErrorCodes.CONCURRENT_TRANSACTIONS) return { ...plain, outcome: 'retry', brief: true }
  return {
    outcome: errorKindOf(code).retriable ? 'retry' : 'refused',
    unsure: unsure.has(code) || errorKindOf(code).code !== code,
    stale: stale.has(code),
    brief: false,
    fatal: fatal.has(code),
  }
}
