/**
 * JSON Web Tokens (RFC 7519) signed with a key of a JWKS (RFC 7517): which are believed, and of whom they speak.
 *
 * Algorithms: RS, PS and ES with SHA-256, -384 and -512. The key decides which of them fit, the token only chooses
 * (RFC 8725 §3.1): `none`, and HMAC with a public key as its secret, are thereby impossible.
 */
import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'

export interface SigningKey {
  readonly id: string | undefined
  readonly algorithms: ReadonlySet<string>
  readonly key: KeyObject
}

export interface TokenRules {
  readonly audience: readonly string[]
  readonly issuer: string
  readonly skewMs: number
  readonly userClaim: string
}

export interface Token {
  readonly keyId: string | undefined
  readonly algorithm: string
  readonly signed: Buffer
  readonly signature: Buffer
  readonly claims: Readonly<Record<string, unknown>>
}

const RSA_BITS_MIN = 2048
const curveAlgorithm: Readonly<Record<string, string>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
}
const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']

/** The usable keys of a JWKS text; those of other kinds and uses are left out. Undefined when it is none. */
export function keysOf(text: string): readonly SigningKey[] | undefined {
  let keys: unknown
  try {
    keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys
  } catch {
    return undefined
  }
  return Array.isArray(keys) ? keys.flatMap((jwk) => signingKey(jwk as JsonWebKey | null)) : undefined
}

function signingKey(jwk: JsonWebKey | null): readonly SigningKey[] {
  if (jwk === null || typeof jwk !== 'object') return []
  const { alg, crv, kid, kty, use } = jwk as Record<string, unknown>
  const possible = kty === 'RSA' ? rsaAlgorithms : kty === 'EC' ? [curveAlgorithm[String(crv)]] : []
  const algorithms = new Set(
    possible.filter((each) => each !== undefined && (alg === undefined || alg === each)),
  )
  if (algorithms.size === 0 || (use !== undefined && use !== 'sig')) return []
  try {
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
    const bits = key.asymmetricKeyDetails?.modulusLength
    if (bits !== undefined && bits < RSA_BITS_MIN) return []
    return [{ id: typeof kid === 'string' ? kid : undefined, algorithms: algorithms as Set<string>, key }]
  } catch {
    return []
  }
}

function decode(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return value as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** The parts of a token, of which nothing is believed yet. */
export function parseToken(text: string): Token | undefined {
  const parts = text.split('.')
  const [head = '', body = '', signature = ''] = parts
  if (parts.length !== 3 || !parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part))) return undefined
  const header = decode(head)
  const claims = decode(body)
  if (header === undefined || claims === undefined || typeof header['alg'] !== 'string') return undefined
  // An extension that must be understood is not.
  if (header['crit'] !== undefined) return undefined
  return {
    keyId: typeof header['kid'] === 'string' ? header['kid'] : undefined,
    algorithm: header['alg'],
    signed: Buffer.from(`${head}.${body}`),
    signature: Buffer.from(signature, 'base64url'),
    claims,
  }
}

/** Was the token signed with one of these keys? */
export function isSigned(token: Token, keys: readonly SigningKey[]): boolean {
  const { algorithm, keyId, signed, signature } = token
  const hash = `sha${algorithm.slice(2)}`
  const options = algorithm.startsWith('ES')
    ? ({ dsaEncoding: 'ieee-p1363' } as const)
    : algorithm.startsWith('PS')
      ? {
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        }
      : {}
  return keys.some(
    ({ algorithms, id, key }) =>
      algorithms.has(algorithm) &&
      (keyId === undefined || id === undefined || id === keyId) &&
      verify(hash, signed, { key, ...options }, signature),
  )
}

/** Of whom a signed token speaks and until when; undefined when it is not for us, or not now. */
export function userOf(
  { claims }: Token,
  rules: TokenRules,
  nowMs: number,
): { readonly user: string; readonly expiresMs: number } | undefined {
  const { audience, issuer, skewMs, userClaim } = rules
  const seconds = (name: string): number | undefined =>
    typeof claims[name] === 'number' && Number.isFinite(claims[name]) ? claims[name] * 1000 : undefined
  const expiresMs = seconds('exp')
  const user = claims[userClaim]
  if (typeof user !== 'string' || user === '' || expiresMs === undefined) return undefined
  if (nowMs - skewMs >= expiresMs) return undefined
  const notBeforeMs = claims['nbf'] === undefined ? 0 : (seconds('nbf') ?? Number.POSITIVE_INFINITY)
  const issuedMs = claims['iat'] === undefined ? 0 : (seconds('iat') ?? Number.POSITIVE_INFINITY)
  if (Math.max(notBeforeMs, issuedMs) > nowMs + skewMs) return undefined
  if (issuer !== '' && claims['iss'] !== issuer) return undefined
  const aud = claims['aud']
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (audience.length > 0 && !audience.some((each) => audiences.includes(each))) return undefined
  return { user, expiresMs }
}
