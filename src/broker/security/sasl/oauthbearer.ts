/**
 * SASL OAUTHBEARER (RFC 7628): `n,[a=user],` then `auth=Bearer <token>` between bytes 0x01.
 *
 * A token that is not believed is answered with a JSON status first; the client says 0x01, and only then the login
 * fails (§3.2.3). What was wrong with the token is logged and told to nobody.
 */
import type { Clock } from '../../../platform/clock.ts'
import { failed, noBytes, type SaslExchange, type SaslStep } from './exchange.ts'
import type { KeySource } from './jwks.ts'
import { isSigned, parseToken, type TokenRules, userOf } from './jwt.ts'

const refusal = failed(
  'Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER',
)
const SEPARATOR = '\x01'

export interface TokenWorld {
  readonly clock: Clock
  readonly keys: KeySource
  readonly rules: TokenRules
}

export class OauthBearerExchange implements SaslExchange {
  private readonly world: TokenWorld
  private refused = false

  constructor(world: TokenWorld) {
    this.world = world
  }

  step(bytes: Buffer): SaslStep | Promise<SaslStep> {
    if (this.refused) return refusal
    const parts = bytes.toString('utf8').split(SEPARATOR)
    const head = /^n,(?:a=([^,]*))?,$/.exec(parts[0] ?? '')
    const scheme = /^auth=Bearer +([^\s]+)$/i
    const token = parts.map((part) => scheme.exec(part)?.[1]).find((each) => each !== undefined)
    // key=value pairs, each closed by the separator, and one more.
    if (head === null || token === undefined || parts.at(-1) !== '' || parts.at(-2) !== '') return refusal
    return this.check(token, head[1])
  }

  private async check(text: string, authorizationId: string | undefined): Promise<SaslStep> {
    const { clock, keys, rules } = this.world
    const token = parseToken(text)
    const signed = token !== undefined && isSigned(token, await keys.find(token.keyId))
    const found = signed ? userOf(token, rules, clock.nowMs()) : undefined
    if (found === undefined) {
      this.refused = true
      return { kind: 'challenge', bytes: Buffer.from('{"status":"invalid_token"}') }
    }
    if (authorizationId !== undefined && authorizationId !== '' && authorizationId !== found.user)
      return refusal
    return { kind: 'done', bytes: noBytes, ...found }
  }
}
