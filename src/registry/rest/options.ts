/** How a registry is reached. */
import { MillraceError } from '../../core/errors.ts'
import type { TlsClientOptions } from '../../platform/net.ts'
import type { Platform } from '../../platform/platform.ts'

export interface RegistryOptions {
  /**
   * Where the registry is, with the path of its interface: `http://localhost:8081`, or for Apicurio
   * `http://localhost:8080/apis/ccompat/v7`. Of several the next is asked when one does not answer. Name and
   * password may stand in it.
   */
  readonly url: string | readonly string[]
  /** Name and password (RFC 7617), or a token (RFC 6750). */
  readonly auth?: { readonly username: string; readonly password: string } | { readonly token: string }
  /** For https: the authorities to believe, and the client's own certificate. */
  readonly tls?: TlsClientOptions
  /** Headers for every request, such as `Confluent-Identity-Pool-Id`. */
  readonly headers?: Readonly<Record<string, string>>
  /** For one call with all its attempts; 30 s by default. */
  readonly timeoutMs?: number
  /** For one attempt at one address; 10 s by default. */
  readonly requestTimeoutMs?: number
  /** How often all addresses are tried again; 3 by default, 0 for never. */
  readonly retriesMax?: number
  /** The pause before the first of those, doubled for each, with jitter; 100 ms by default, at most 5 s. */
  readonly retryBackoffMs?: number
  /** Schemas that are kept; 1,000 by default. */
  readonly cachedSchemasMax?: number
  readonly platform: Pick<Platform, 'clock' | 'net' | 'random'>
}

export interface RegistrySettings {
  readonly urls: readonly URL[]
  readonly tls: TlsClientOptions | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly requestTimeoutMs: number
  readonly retriesMax: number
  readonly retryBackoffMs: number
  readonly cachedSchemasMax: number
}

/** @throws MR_OPTION_INVALID */
export function registrySettings(options: RegistryOptions): RegistrySettings {
  const texts = typeof options.url === 'string' ? [options.url] : options.url
  if (texts.length === 0) throw invalid('there is no url', 'Give at least one: http://localhost:8081.')
  const parsed = texts.map(parseUrl)
  const authorization = authorizationOf(options.auth, parsed[0]!)
  const settings: RegistrySettings = {
    urls: parsed.map(withoutLogin),
    tls: options.tls,
    headers: { ...options.headers, ...(authorization !== undefined && { authorization }) },
    timeoutMs: options.timeoutMs ?? 30_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    retriesMax: options.retriesMax ?? 3,
    retryBackoffMs: options.retryBackoffMs ?? 100,
    cachedSchemasMax: options.cachedSchemasMax ?? 1000,
  }
  const least = { timeoutMs: 1, requestTimeoutMs: 1, retriesMax: 0, retryBackoffMs: 1, cachedSchemasMax: 1 }
  for (const [name, min] of Object.entries(least)) {
    const value = settings[name as keyof typeof least]
    if (!(Number.isSafeInteger(value) && value >= min))
      throw invalid(`${name} is ${value}`, `Choose a whole number from ${min} on.`)
  }
  return settings
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    // The text itself may hold a password.
    throw invalid('a url is not one of http or https', 'Write it whole: http://localhost:8081.')
  }
  return new URL(text)
}

function withoutLogin(url: URL): URL {
  const plain = new URL(url)
  plain.username = ''
  plain.password = ''
  plain.search = ''
  plain.hash = ''
  plain.pathname = plain.pathname.replace(/\/+$/, '')
  return plain
}

function authorizationOf(auth: RegistryOptions['auth'], url: URL): string | undefined {
  if (auth !== undefined && 'token' in auth) return `Bearer ${auth.token}`
  const login =
    auth ??
    (url.username === ''
      ? undefined
      : { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) })
  if (login === undefined) return undefined
  return `Basic ${Buffer.from(`${login.username}:${login.password}`, 'utf8').toString('base64')}`
}

function invalid(message: string, hint: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', message, { hint })
}
