import { ErrorCodes, kafkaCodeOf } from '../protocol/error-codes.ts'

/** Codes that say something about the request, and go to the client as they are. */
const passed: ReadonlySet<number> = new Set([
  ErrorCodes.INVALID_PRODUCER_EPOCH,
  ErrorCodes.PRODUCER_FENCED,
  ErrorCodes.INVALID_PRODUCER_ID_MAPPING,
  ErrorCodes.INVALID_TXN_STATE,
  ErrorCodes.TRANSACTION_ABORTABLE,
])

/** What a client is told when the log of its coordinator refuses a write: come back later, unless it is to blame. */
export function coordinatorCode(error: unknown): number {
  const code = kafkaCodeOf(error)
  if (passed.has(code)) return code
  if (code === ErrorCodes.MESSAGE_TOO_LARGE || code === ErrorCodes.RECORD_LIST_TOO_LARGE) {
    return ErrorCodes.INVALID_COMMIT_OFFSET_SIZE
  }
  return ErrorCodes.COORDINATOR_NOT_AVAILABLE
}
