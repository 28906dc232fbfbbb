import { messageOf } from '../../core/errors.ts'
import { ErrorCodes, kafkaCodeOf } from '../../protocol/error-codes.ts'

/** Why something cannot be done to a topic, as clients are told. */
export interface TopicFault {
  readonly code: number
  readonly message: string | null
}

/** The answer for what was thrown while a topic was changed. */
export function brokerFault(error: unknown): TopicFault {
  const code = kafkaCodeOf(error)
  const storage = code === ErrorCodes.UNKNOWN_SERVER_ERROR && isDisk(error)
  return { code: storage ? ErrorCodes.KAFKA_STORAGE_ERROR : code, message: messageOf(error) }
}

function isDisk(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'MR_DISK_FULL' || code === 'MR_DISK_FAILED'
}
