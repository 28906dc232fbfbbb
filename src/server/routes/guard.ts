/**
 * Who may ask: the checks that stand before every route.
 *
 * The server has no log-in on loopback, so what protects it there is that other sites cannot reach it through the
 * user's browser:
 * 1. `Host` must be a name of this server. A page of evil.example whose name was re-pointed to 127.0.0.1 (DNS
 *    rebinding) still sends `Host: evil.example`.
 * 2. `Origin`, when sent, must be the server's own; `null` is nobody's.
 * 3. `Sec-Fetch-Site` of an API call must be `same-origin` or `none`; this also stops what sends no Origin, as
 *    images and scripts of other sites do.
 * 4. Only GET and HEAD, but for the paths that change something: these take POST, and only with a body that says to be
 *    JSON. A page of another site cannot send that without asking first, which is refused.
 * No answer carries a CORS header.
 */
import type { HonoRequest, MiddlewareHandler } from 'hono'
import { MillraceError } from '../../core/errors.ts'
import { refuse } from './problem.ts'

export interface GuardOptions {
  /** The address that is listened on. */
  readonly host: string
  /** More names that requests may come for, without port. */
  readonly allowedHosts: readonly string[]
  /** Paths that take POST. */
  readonly changing: readonly string[]
}

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** True for an address that only this machine can reach. */
export function loopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** The name in a Host header, lower case, without port and brackets; undefined if it is not one. */
export function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header)
  return (match?.[1] ?? match?.[2])?.toLowerCase()
}

/** Rebinding needs a name, so an address given as digits is safe. */
const address = (name: string): boolean => name.includes(':') || /^\d{1,3}(\.\d{1,3}){3}$/.test(name)

function served(name: string, options: GuardOptions): boolean {
  if (loopback(name) || name === options.host) return true
  if (options.allowedHosts.includes(name)) return true
  return !loopback(options.host) && address(name)
}

const refused = (message: string, hint: string): MillraceError =>
  new MillraceError('MR_HTTP_REFUSED', message, { hint })

interface MethodProblem {
  readonly status: 405 | 415
  readonly allow: string
  readonly message: string
  readonly hint: string
}

function checkMethod(request: HonoRequest, changing: readonly string[]): MethodProblem | undefined {
  const { method, path } = request
  const message = 'the method is not allowed'
  if (!changing.includes(path)) {
    if (method === 'GET' || method === 'HEAD') return undefined
    return { status: 405, allow: 'GET, HEAD', message, hint: 'All that is here is read with GET.' }
  }
  if (method !== 'POST') return { status: 405, allow: 'POST', message, hint: 'Send it with POST.' }
  const type = request.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/json') return undefined
  return {
    status: 415,
    allow: 'POST',
    message: 'the body does not say to be JSON',
    hint: 'Send it with the header content-type: application/json.',
  }
}

/** Refuses requests from elsewhere, and gives every answer the headers that keep the page to itself. */
export function guard(options: GuardOptions): MiddlewareHandler {
  return async (c, next) => {
    for (const [name, value] of Object.entries(securityHeaders)) c.header(name, value)
    const host = c.req.header('host') ?? ''
    const name = hostName(host)
    if (name === undefined || !served(name, options)) {
      const hint = 'Open the address that Millrace printed, or add the name to the allowed hosts.'
      return refuse(c, 403, refused('requests for this host name are not served', hint))
    }
    const origin = c.req.header('origin')
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
      return refuse(
        c,
        403,
        refused('requests from other sites are not served', 'Call the API from a program.'),
      )
    }
    const site = c.req.header('sec-fetch-site')
    if (c.req.path.startsWith('/api/') && site !== undefined && site !== 'same-origin' && site !== 'none') {
      return refuse(
        c,
        403,
        refused('requests from other sites are not served', 'Call the API from a program.'),
      )
    }
    const problem = checkMethod(c.req, options.changing)
    if (problem !== undefined) {
      if (problem.status === 405) c.header('allow', problem.allow)
      const { message, hint } = problem
      return refuse(c, problem.status, new MillraceError('MR_HTTP_REQUEST_INVALID', message, { hint }))
    }
    await next()
    return undefined
  }
}
