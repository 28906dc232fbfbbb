/**
 * Calls of a registry's REST interface: several addresses, attempts, deadlines, and errors with names.
 *
 * 1. The address that answered last is asked first; one that does not answer, or answers 408, 429 or 5xx, is followed
 *    by the next.
 * 2. After all of them there is a pause that doubles, with jitter, up to `retriesMax` times.
 * 3. Every other status is the answer. Every call may be repeated: registering a schema again gives the same id.
 */

import { Backoff } from '../../client/retry.ts'
import { isMillraceError, MillraceError, messageOf } from '../../core/errors.ts'
import { sleep } from '../../platform/clock.ts'
import { httpRequest } from '../http/http-request.ts'
import type { HttpResponse } from '../http/http-response.ts'
import { type RegistryOptions, type RegistrySettings, registrySettings } from './options.ts'

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json'
const BODY_BYTES_MAX = 16 * 1024 * 1024
const BACKOFF_MAX_MS = 5000
const againStatus = new Set([408, 429, 500, 502, 503, 504])

export interface RegistryCall {
  /** What is asked for, for error texts: `schema 17`. */
  readonly what: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** The parts of the path; each is escaped. */
  readonly path: readonly (string | number)[]
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface RegistryAnswer {
  readonly status: number
  readonly value: unknown
  /** The address that answered. */
  readonly url: string
}

export class RegistryTransport {
  readonly settings: RegistrySettings
  private readonly platform: RegistryOptions['platform']
  private readonly ending = new AbortController()
  /** The address that is asked first. */
  private first = 0

  constructor(options: RegistryOptions) {
    this.settings = registrySettings(options)
    this.platform = options.platform
  }

  /** The addresses, for error texts; they hold no password. */
  get where(): string {
    return this.settings.urls.map(textOf).join(', ')
  }

  /** @throws MR_REGISTRY_UNREACHABLE, MR_REGISTRY_REFUSED, MR_TLS_FAILED, MR_TIMEOUT, MR_CLOSED */
  async call(call: RegistryCall): Promise<RegistryAnswer> {
    const { retriesMax, retryBackoffMs, timeoutMs, urls } = this.settings
    const { clock, random } = this.platform
    const endMs = clock.monotonicMs() + timeoutMs
    const backoff = new Backoff(random, retryBackoffMs, BACKOFF_MAX_MS)
    let failure: MillraceError | undefined
    for (let round = 0; round <= retriesMax; round++) {
      if (round > 0) {
        const pauseMs = Math.min(backoff.nextMs(), endMs - clock.monotonicMs())
        await sleep(clock, Math.max(0, pauseMs), this.ending.signal).catch(() => {})
      }
      for (let offset = 0; offset < urls.length; offset++) {
        this.checkOpen()
        const leftMs = endMs - clock.monotonicMs()
        if (leftMs <= 0) throw this.timedOut(call, failure)
        const at = (this.first + offset) % urls.length
        const answer = await this.attempt(urls[at]!, call, leftMs)
        if (answer instanceof MillraceError) failure = answer
        else {
          this.first = at
          return answer
        }
      }
    }
    if (clock.monotonicMs() >= endMs) throw this.timedOut(call, failure)
    throw failure!
  }

  /** Ends what is under way; later calls are refused. */
  close(): void {
    this.ending.abort()
  }

  /** One answer, or why there is none and another attempt may bring one. */
  private async attempt(
    base: URL,
    call: RegistryCall,
    leftMs: number,
  ): Promise<RegistryAnswer | MillraceError> {
    const { headers, requestTimeoutMs, tls } = this.settings
    const url = urlOf(base, call)
    try {
      const response = await httpRequest(this.platform, {
        method: call.method,
        url,
        headers: {
          ...headers,
          accept: `${MEDIA_TYPE}, application/json`,
          ...(call.body !== undefined && { 'content-type': MEDIA_TYPE }),
        },
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
        ...(tls !== undefined && { tls }),
        timeoutMs: Math.min(requestTimeoutMs, leftMs),
        bodyBytesMax: BODY_BYTES_MAX,
        signal: this.ending.signal,
      })
      const answer = { status: response.status, value: jsonOf(response), url: textOf(base) }
      return againStatus.has(response.status) ? refusedError(call, answer, true) : answer
    } catch (error) {
      this.checkOpen()
      if (isMillraceError(error, 'MR_TLS_FAILED')) throw error
      return unreachable(call, textOf(base), error)
    }
  }

  private timedOut(call: RegistryCall, failure: MillraceError | undefined): MillraceError {
    const { timeoutMs } = this.settings
    const last = failure === undefined ? '' : `: ${failure.message}`
    return new MillraceError(
      'MR_TIMEOUT',
      `${call.what} did not come from the registry within ${timeoutMs} ms${last}`,
      { where: this.where, hint: 'Check that the registry answers, or raise timeoutMs.', cause: failure },
    )
  }

  private checkOpen(): void {
    if (this.ending.signal.aborted)
      throw new MillraceError('MR_CLOSED', 'the client of the registry is closed')
  }
}

/** The error for an answer that is not what was asked for. */
export function refusedError(call: RegistryCall, answer: RegistryAnswer, retriable = false): MillraceError {
  const { errorCode, message } = errorOf(answer)
  const { status, url } = answer
  return new MillraceError(
    'MR_REGISTRY_REFUSED',
    `${call.what}: the registry answered ${status}: ${message}`,
    {
      where: url,
      retriable,
      hint:
        status === 401 || status === 403
          ? 'Give the registry client auth: { username, password } of someone who may do this.'
          : 'Look at what the registry says; its own log has more.',
      context: { status, errorCode: errorCode ?? null, url },
    },
  )
}

/** What a registry says in `{error_code, message}`. */
export function errorOf({ status, value }: RegistryAnswer): {
  readonly errorCode: number | undefined
  readonly message: string
} {
  const { error_code: code, message } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly error_code?: unknown
    readonly message?: unknown
  }
  return {
    errorCode: typeof code === 'number' ? code : undefined,
    message: typeof message === 'string' ? message : `status ${status} without a message`,
  }
}

function jsonOf({ body }: HttpResponse): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function urlOf(base: URL, { path, query = {} }: RegistryCall): URL {
  const escaped = path.map((part) => encodeURIComponent(part)).join('/')
  const url = new URL(`${base.pathname.replace(/\/$/, '')}/${escaped}`, base)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url
}

const textOf = (url: URL): string => url.href.replace(/\/$/, '')

function unreachable(call: RegistryCall, url: string, cause: unknown): MillraceError {
  return new MillraceError('MR_REGISTRY_UNREACHABLE', `${call.what}: ${messageOf(cause)}`, {
    where: url,
    hint: 'Check the url and that the registry runs.',
    context: { url },
    cause,
  })
}
