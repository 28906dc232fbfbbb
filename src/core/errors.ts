/**
 * The one error class. Callers match on `code`, never on text.
 *
 * `message` says what happened (short, lower case, names quoted), `where` at which place
 * (file:line:column, topic-partition@offset), `hint` what to do instead.
 */
import { type ErrorCode, errorRegister } from './error-register.ts'

export type ErrorContext = Readonly<Record<string, string | number | boolean | bigint | null>>

export interface ErrorDetails {
  /** What the user can do about it: a full sentence, with the command or text to write. */
  readonly hint?: string
  /** Where it happened: `file:line:column`, `topic/partition@offset`, an address. */
  readonly where?: string
  /** The lines of source around the place, as `codeFrame` makes them. */
  readonly frame?: string
  /** Flat facts for logs; no secrets. */
  readonly context?: ErrorContext
  readonly cause?: unknown
  /** Overrides what the register says of the code. */
  readonly retriable?: boolean
}

export class MillraceError extends Error {
  override readonly name = 'MillraceError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly where: string | undefined
  readonly frame: string | undefined
  readonly context: ErrorContext
  readonly retriable: boolean

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.hint = details.hint
    this.where = details.where
    this.frame = details.frame
    this.context = details.context ?? {}
    this.retriable = details.retriable ?? errorRegister[code].retriable
  }

  /** The status with which the command line ends on this error. */
  get exitCode(): number {
    return errorRegister[this.code].exit
  }
}

/** True when `error` is a Millrace error, with `code` if one is given. */
export function isMillraceError(error: unknown, code?: ErrorCode): error is MillraceError {
  return error instanceof MillraceError && (code === undefined || error.code === code)
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The three lines a user sees: what, where (with a code frame if there is one), what to write; then the code. */
export function formatError(error: unknown): string {
  if (!(error instanceof MillraceError)) return `error ${messageOf(error)}`
  const lines = [`error ${error.message}`]
  if (error.where !== undefined) lines.push(`  at ${error.where}`)
  if (error.frame !== undefined) lines.push(error.frame)
  if (error.hint !== undefined) lines.push(`  ${error.hint}`)
  lines.push(`  ${error.code}`)
  return lines.join('\n')
}
