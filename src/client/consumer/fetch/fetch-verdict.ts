/** What an error code about one partition of a fetch answer means. */
import { ErrorCodes, errorKindOf } from '../../../protocol/error-codes.ts'

/**
 * `stale`: metadata is out of date, try again; `again`: try again; `reset`: the position does not exist (any more);
 * `fail`: the caller has to know.
 */
export type FetchVerdict = 'data' | 'stale' | 'again' | 'reset' | 'fail'

const verdicts = new Map<number, FetchVerdict>([
  [ErrorCodes.NONE, 'data'],
  [ErrorCodes.OFFSET_OUT_OF_RANGE, 'reset'],
  [ErrorCodes.CORRUPT_MESSAGE, 'fail'],
  [ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION, 'stale'],
  [ErrorCodes.UNKNOWN_TOPIC_ID, 'stale'],
  [ErrorCodes.INCONSISTENT_TOPIC_ID, 'stale'],
  [ErrorCodes.NOT_LEADER_OR_FOLLOWER, 'stale'],
  [ErrorCodes.LEADER_NOT_AVAILABLE, 'stale'],
  [ErrorCodes.REPLICA_NOT_AVAILABLE, 'stale'],
  [ErrorCodes.KAFKA_STORAGE_ERROR, 'stale'],
  [ErrorCodes.FENCED_LEADER_EPOCH, 'stale'],
  [ErrorCodes.UNKNOWN_LEADER_EPOCH, 'stale'],
  [ErrorCodes.OFFSET_NOT_AVAILABLE, 'again'],
  [ErrorCodes.UNKNOWN_SERVER_ERROR, 'again'],
])

export function fetchVerdictOf(code: number): FetchVerdict {
  return verdicts.get(code) ?? (errorKindOf(code).retriable ? 'again' : 'fail')
}
