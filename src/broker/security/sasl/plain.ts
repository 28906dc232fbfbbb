/**
 * SASL PLAIN (RFC 4616): `[authzid] NUL user NUL password` in one message.
 *
 * A password is compared by its digest under a key of this process: the time says neither how much of it fits nor
 * whether the user exists.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { failed, noBytes, type SaslExchange, type SaslStep } from './exchange.ts'

const wrong = 'Authentication failed: Invalid username or password'

export class PlainUsers {
  private readonly key: Uint8Array
  private readonly digests = new Map<string, Buffer>()
  /** What the password of a user that does not exist is compared with; nothing has this digest. */
  private readonly nobody: Buffer

  /** `key`: at least 32 random bytes. */
  constructor(users: ReadonlyMap<string, string>, key: Uint8Array) {
    this.key = key
    this.nobody = Buffer.alloc(this.digest('').length)
    for (const [user, password] of users) this.digests.set(user, this.digest(password))
  }

  knows(user: string, password: string): boolean {
    const kept = this.digests.get(user)
    const same = timingSafeEqual(this.digest(password), kept ?? this.nobody)
    return same && kept !== undefined
  }

  private digest(password: string): Buffer {
    return createHmac('sha256', this.key).update(password, 'utf8').digest()
  }
}

export class PlainExchange implements SaslExchange {
  private readonly users: PlainUsers

  constructor(users: PlainUsers) {
    this.users = users
  }

  step(bytes: Buffer): SaslStep {
    const parts = bytes.toString('utf8').split('\0')
    const [authorizationId = '', user = '', password = ''] = parts
    if (parts.length !== 3) return failed('Authentication failed: Invalid SASL/PLAIN response')
    if (user === '' || password === '')
      return failed('Authentication failed: username or password not specified')
    if (!this.users.knows(user, password)) return failed(wrong)
    if (authorizationId !== '' && authorizationId !== user) {
      return failed(
        'Authentication failed: Client requested an authorization id that is different from username',
      )
    }
    return { kind: 'done', bytes: noBytes, user }
  }
}
