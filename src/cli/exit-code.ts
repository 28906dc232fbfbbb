import { isMillraceError } from '../core/errors.ts'
import type { KafkaErrorName } from '../protocol/error-codes.ts'

const FAILED = 1
export const EXIT_DATA = 7

/** MR_KAFKA stands for all that a broker can answer: these end the command with a status of their own. */
const ofAnswers: Partial<Record<KafkaErrorName, number>> = {
  INVALID_CONFIG: 2,
  INVALID_PARTITIONS: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  GROUP_ID_NOT_FOUND: 3,
  NON_EMPTY_GROUP: 4,
  TOPIC_AUTHORIZATION_FAILED: 6,
  GROUP_AUTHORIZATION_FAILED: 6,
  CLUSTER_AUTHORIZATION_FAILED: 6,
  SASL_AUTHENTICATION_FAILED: 6,
  INVALID_RECORD: EXIT_DATA,
  INVALID_TIMESTAMP: EXIT_DATA,
  CORRUPT_MESSAGE: EXIT_DATA,
}

/** The status with which a command ends on an error. */
export function exitCodeOf(error: unknown): number {
  if (!isMillraceError(error)) return FAILED
  return ofAnswers[error.context['kafkaName'] as KafkaErrorName] ?? error.exitCode
}
