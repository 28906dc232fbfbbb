/** The API of a Millrace that runs on this machine, as commands ask it: the port of its page, and errors by name. */

import { type ErrorCode, errorRegister } from '../core/error-register.ts'
import { isMillraceError, MillraceError } from '../core/errors.ts'
import { httpRequest } from '../registry/http/http-request.ts'
import { CONSOLE_PORT } from '../server/console-port.ts'
import type { CommandContext } from './command.ts'
import { timeoutMsOf } from './with-cluster.ts'

const BODY_BYTES_MAX = 64 * 1024 * 1024

/**
 * What the API answers: to a GET, or with a `body` to a POST.
 *
 * @throws MR_INSTANCE_UNREACHABLE, MR_TIMEOUT, MR_ABORTED, MR_USAGE, and what the API says is wrong, by its code
 */
export async function askConsole<T>(context: CommandContext, path: string, body?: object): Promise<T> {
  const { flags, platform, signal } = context
  const port = flags.whole('console-port', { min: 1, max: 65_535 }) ?? CONSOLE_PORT
  const url = new URL(path, `http://127.0.0.1:${port}`)
  const response = await httpRequest(platform, {
    method: body === undefined ? 'GET' : 'POST',
    url,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    timeoutMs: timeoutMsOf(context),
    bodyBytesMax: BODY_BYTES_MAX,
    signal,
  }).catch((cause: unknown) => {
    if (isMillraceError(cause, 'MR_ABORTED') || isMillraceError(cause, 'MR_TIMEOUT')) throw cause
    throw unreachable(url, cause)
  })
  let answer: unknown
  try {
    answer = JSON.parse(response.body.toString('utf8'))
  } catch (cause) {
    throw unreachable(url, cause)
  }
  if (response.status === 200) return answer as T
  throw told(answer) ?? unreachable(url, undefined)
}

/** Something else may listen there: then it is no Millrace that was reached. */
function unreachable(url: URL, cause: unknown): MillraceError {
  return new MillraceError('MR_INSTANCE_UNREACHABLE', `no Millrace answers at ${url.host}`, {
    hint: 'Start one with `millrace dev` or `millrace run`, or name the port of its page with --console-port.',
    cause,
  })
}

/** The error that an answer tells. */
function told(answer: unknown): MillraceError | undefined {
  const { error } = (answer ?? {}) as {
    readonly error?: { readonly code?: string; readonly message?: string; readonly hint?: string }
  }
  if (error?.code === undefined || error.message === undefined || !(error.code in errorRegister))
    return undefined
  const { message, hint } = error
  return new MillraceError(error.code as ErrorCode, message, hint === undefined ? {} : { hint })
}
