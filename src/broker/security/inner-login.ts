/**
 * How threads of this process log in at its own broker: over loopback, as Millrace itself.
 *
 * Name and password are made of chance at each start and are told to nobody but those threads; they are never on the
 * disk. The login is SCRAM, so that the password does not travel either. Who logs in so may do everything, without
 * quotas, as a connection inside of the process.
 */
import { invariant } from '../../core/invariant.ts'
import type { Random } from '../../platform/random.ts'
import { SCRAM_ITERATIONS_MIN, saltPassword, scramKeys } from '../../protocol/sasl/scram.ts'
import type { SaslExchange } from './sasl/exchange.ts'
import { ScramExchange } from './sasl/scram.ts'

const MECHANISM = 'SCRAM-SHA-256'
const NAME_BYTES = 9
const SECRET_BYTES = 32
const SALT_BYTES = 24

export interface InnerCredential {
  readonly mechanism: 'scram-sha-256'
  readonly username: string
  readonly password: string
}

export class InnerLogin {
  readonly credential: InnerCredential
  /** For the listener. */
  readonly mechanisms: ReadonlyMap<string, () => SaslExchange>

  constructor(random: Random) {
    const username = `millrace-${random.bytes(NAME_BYTES).toString('base64url')}`
    const password = random.bytes(SECRET_BYTES).toString('base64url')
    const key = random.bytes(SECRET_BYTES)
    const salt = random.bytes(SALT_BYTES)
    const iterations = SCRAM_ITERATIONS_MIN
    const keys = scramKeys(MECHANISM, saltPassword(MECHANISM, password, { salt, iterations }))
    const credential = { ...keys, salt, iterations }
    const world = {
      key,
      find: (user: string) => (user === username ? credential : undefined),
      freshBytes: (count: number) => random.bytes(count),
    }
    this.credential = { mechanism: 'scram-sha-256', username, password }
    this.mechanisms = new Map([[MECHANISM, () => new ScramExchange(MECHANISM, world)]])
  }

  /** Only one name can have logged in. */
  check(user: string): void {
    invariant(user === this.credential.username, 'an inner login is by the one name there is')
  }
}
