import type { ErrorCode } from '../core/error-register.ts'
import { type ErrorDetails, MillraceError } from '../core/errors.ts'
import { ErrorCodes, type KafkaErrorName } from '../protocol/error-codes.ts'

/** An error of the log with the number that answers it on the wire. */
export function logError(
  code: ErrorCode,
  kafkaName: KafkaErrorName,
  message: string,
  details: ErrorDetails = {},
): MillraceError {
  return new MillraceError(code, message, {
    ...details,
    context: { ...details.context, kafkaCode: ErrorCodes[kafkaName] },
  })
}
