/** Answers of the API to programs: JSON, or an error with what its status says. */
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type ErrorCode, errorRegister } from '../../core/error-register.ts'
import { type ErrorDetails, isMillraceError, MillraceError } from '../../core/errors.ts'
import { plainJson } from '../../core/plain-json.ts'
import { problemOf, statusOf } from './problem.ts'

/** An error that is told together with other facts. */
export class ErrorWithState extends MillraceError {
  readonly state: object

  constructor(state: object, code: ErrorCode, message: string, details: ErrorDetails) {
    super(code, message, details)
    this.state = state
  }
}

/** Answers with what `ask` gives, or with the error that it throws. */
export async function answer(c: Context, ask: () => Promise<object>): Promise<Response> {
  c.header('cache-control', 'no-store')
  try {
    return send(c, 200, await ask())
  } catch (error) {
    if (!isMillraceError(error)) throw error
    if (error.retriable) c.header('retry-after', '1')
    const state = error instanceof ErrorWithState ? error.state : {}
    return send(c, statusFor(error), { ...problemOf(error), ...state })
  }
}

function statusFor(error: MillraceError): ContentfulStatusCode {
  const code: ErrorCode = error.code
  if (code === 'MR_LIMIT') return 503
  return errorRegister[code].exit === 2 ? 400 : statusOf(error)
}

function send(c: Context, status: ContentfulStatusCode, body: object): Response {
  c.header('content-type', 'application/json')
  return c.body(plainJson(body) as string, status)
}
