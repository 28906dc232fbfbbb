/**
 * One HTTP/1.1 request over the platform's network, so that it runs in simulations too: a connection for each, plain
 * or under TLS, within a deadline. Redirects are answers like any other: they are not followed.
 */
import { MillraceError } from '../../core/errors.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Net, Socket, TlsClientOptions } from '../../platform/net.ts'
import { type HttpResponse, ResponseReader } from './http-response.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly tls?: TlsClientOptions
  readonly timeoutMs: number
  readonly bodyBytesMax: number
  /** Ends the request, with MR_ABORTED. */
  readonly signal: AbortSignal
}

/**
 * Sends a request and gives its answer, whatever its status.
 *
 * @throws MR_BROKER_UNREACHABLE, MR_TLS_FAILED, MR_TIMEOUT, MR_CONNECTION_LOST, MR_BYTES_INVALID, MR_LIMIT, MR_ABORTED
 */
export async function httpRequest(
  { clock, net }: { readonly clock: Clock; readonly net: Net },
  request: HttpRequest,
): Promise<HttpResponse> {
  const { timeoutMs, tls, url } = request
  const secure = url.protocol === 'https:'
  const endMs = clock.monotonicMs() + timeoutMs
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const socket = await net.connect({
    host,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    timeoutMs,
    ...(secure && { tls: tls ?? {} }),
  })
  return exchange(socket, clock, Math.max(1, endMs - clock.monotonicMs()), request)
}

function exchange(socket: Socket, clock: Clock, leftMs: number, request: HttpRequest): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>()
  const reader = new ResponseReader(request.bodyBytesMax)
  let over = false
  const finish = (settle: () => void): void => {
    if (over) return
    over = true
    timer.cancel()
    request.signal.removeEventListener('abort', abort)
    socket.destroy()
    settle()
  }
  /** Takes what `step` gives, or why it could not. */
  const attempt = (step: () => HttpResponse | undefined): void => {
    try {
      const response = step()
      if (response !== undefined) finish(() => resolve(response))
    } catch (error) {
      finish(() => reject(error))
    }
  }
  const abort = (): void => finish(() => reject(new MillraceError('MR_ABORTED', 'the request was ended')))
  const timer = clock.after(leftMs, () =>
    finish(() =>
      reject(
        new MillraceError(
          'MR_TIMEOUT',
          `no answer from ${request.url.host} within ${Math.round(request.timeoutMs)} ms`,
        ),
      ),
    ),
  )
  socket.start({
    data: (bytes) => attempt(() => (over ? undefined : reader.take(bytes))),
    drain: () => {},
    close: (error) =>
      attempt(() => {
        if (over) return undefined
        if (error !== undefined)
          throw error instanceof MillraceError ? error : lost(request.url, error.message, error)
        return reader.end()
      }),
  })
  if (request.signal.aborted) abort()
  else {
    request.signal.addEventListener('abort', abort, { once: true })
    socket.write(requestBytes(request))
  }
  return promise
}

function requestBytes({ body, headers, method, url }: HttpRequest): Buffer {
  const content = Buffer.from(body ?? '', 'utf8')
  const lines = [
    `${method} ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${url.host}`,
    'connection: close',
    ...(method === 'GET' ? [] : [`content-length: ${content.length}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value.replaceAll(/[\r\n]/g, ' ')}`),
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8'), content])
}

function lost(url: URL, why: string, cause: Error): MillraceError {
  return new MillraceError('MR_CONNECTION_LOST', `the connection to ${url.host} ended: ${why}`, { cause })
}
