/** Errors as HTTP answers: `{"error":{"code","message","hint"}}`. */
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type ErrorCode, errorRegister } from '../../core/error-register.ts'
import { MillraceError } from '../../core/errors.ts'

export interface Problem {
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint?: string }
}

/** What a caller may see of an error. Only Millrace's own errors tell their text; others may hold secrets. */
export function problemOf(thrown: unknown): Problem {
  if (!(thrown instanceof MillraceError)) {
    return {
      error: {
        code: 'MR_HTTP_FAILED',
        message: 'the request failed inside Millrace',
        hint: 'The log of the process has the cause.',
      },
    }
  }
  const { code, message, hint } = thrown
  return { error: hint === undefined ? { code, message } : { code, message, hint } }
}

/** Answers a request with an error. */
export function refuse(c: Context, status: ContentfulStatusCode, error: MillraceError): Response {
  return c.json(problemOf(error), status)
}

/** The status for an error that no route has mapped itself. */
export function statusOf(thrown: unknown): ContentfulStatusCode {
  if (!(thrown instanceof MillraceError)) return 500
  const { exit, retriable } = errorRegister[thrown.code]
  if (retriable) return 503
  return exit === 3 ? 404 : exit === 4 ? 409 : exit === 6 ? 403 : 500
}
