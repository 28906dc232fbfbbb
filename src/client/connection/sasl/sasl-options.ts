/** How a client logs in. Passwords and tokens are asked for at each login, so that they can change. */

type Secret = string | (() => string | Promise<string>)

export interface PasswordLogin {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: Secret
}

export interface TokenLogin {
  readonly mechanism: 'oauthbearer'
  /** A signed JSON Web Token, as the identity provider gave it. */
  readonly token: Secret
}

export type SaslOptions = PasswordLogin | TokenLogin

export async function secretOf(secret: Secret): Promise<string> {
  return typeof secret === 'string' ? secret : secret()
}
