/**
 * A row that cannot be used, as a record of the dead-letter topic: its own bytes, with headers that say why and from
 * where. The names are those of Kafka Connect 4.3 where it has one for the purpose, so that its tools read them.
 */
import type { Origin } from '../connector/index.ts'
import { isMillraceError, MillraceError, messageOf } from '../core/errors.ts'
import { type Header, type Headers, textHeader } from '../core/record.ts'

export const deadLetterHeaders = {
  connector: '__connect.errors.connector.name',
  task: '__connect.errors.task.id',
  stage: '__connect.errors.stage',
  className: '__connect.errors.class.name',
  exceptionClass: '__connect.errors.exception.class.name',
  exceptionMessage: '__connect.errors.exception.message',
  topic: '__connect.errors.topic',
  partition: '__connect.errors.partition',
  offset: '__connect.errors.offset',
  /** The error code: `MR_RECORD_INVALID`. */
  reason: 'mr-reason',
  /** What the error knows, as JSON: `{"column":"dep_delay","value":"late"}`. */
  context: 'mr-context',
  sourceFile: 'mr-source-file',
  sourceLine: 'mr-source-line',
  /** How many bytes the row had, if not all are here. */
  truncated: 'mr-truncated-from',
} as const

/** Where in the work a row failed, in Connect's words. */
export type DeadLetterStage = 'VALUE_CONVERTER' | 'TRANSFORMATION' | 'TASK_PUT'

export interface DeadLetterCause {
  readonly error: unknown
  readonly stage: DeadLetterStage
  /** The agent or delivery. */
  readonly name: string
  /** What failed: a connector or an interceptor. */
  readonly part: string
}

const TEXT_LENGTH_MAX = 1000
/** Room that headers and the frame of a record may take. */
const OVERHEAD_BYTES = 8 * 1024

/** Any error that was thrown over a row, as one of ours. */
export function rowError(thrown: unknown): MillraceError {
  if (isMillraceError(thrown)) return thrown
  return new MillraceError('MR_FUNCTION_FAILED', messageOf(thrown), { cause: thrown })
}

/** The headers that say why. */
export function causeHeaders(cause: DeadLetterCause): Headers {
  const { error, stage, name, part } = cause
  const known = rowError(error)
  const context = Object.entries(known.context).map(([key, value]) => {
    return [key, typeof value === 'bigint' ? String(value) : value] as const
  })
  return [
    textHeader(deadLetterHeaders.connector, name),
    textHeader(deadLetterHeaders.task, '0'),
    textHeader(deadLetterHeaders.stage, stage),
    textHeader(deadLetterHeaders.className, part),
    textHeader(deadLetterHeaders.exceptionClass, error instanceof Error ? error.name : typeof error),
    textHeader(deadLetterHeaders.exceptionMessage, known.message.slice(0, TEXT_LENGTH_MAX)),
    textHeader(deadLetterHeaders.reason, known.code),
    textHeader(
      deadLetterHeaders.context,
      JSON.stringify(Object.fromEntries(context)).slice(0, TEXT_LENGTH_MAX),
    ),
  ]
}

export interface DeadLetter {
  readonly key: Uint8Array | null
  readonly value: Uint8Array
  readonly headers: Headers
}

/** The dead letter of a row of a source. */
export function deadLetterOf(origin: Origin, cause: DeadLetterCause, bytesMax: number): DeadLetter {
  const headers: Header[] = [
    ...causeHeaders(cause),
    textHeader(deadLetterHeaders.sourceFile, origin.file.slice(0, TEXT_LENGTH_MAX)),
    textHeader(deadLetterHeaders.sourceLine, String(origin.line)),
  ]
  const room = Math.max(0, bytesMax - OVERHEAD_BYTES)
  const cut = origin.bytes.length > room
  if (cut) headers.push(textHeader(deadLetterHeaders.truncated, String(origin.bytes.length)))
  return {
    key: Buffer.from(`${origin.file.slice(0, TEXT_LENGTH_MAX)}:${origin.line}`),
    value: cut ? origin.bytes.subarray(0, room) : origin.bytes,
    headers,
  }
}
