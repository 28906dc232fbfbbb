/**
 * What both sides of a SCRAM login compute and write (RFC 5802; SHA-256 by RFC 7677).
 *
 *   SaltedPassword = Hi(password, salt, iterations)         PBKDF2 with HMAC
 *   ClientKey      = HMAC(SaltedPassword, "Client Key")     StoredKey = H(ClientKey)
 *   ServerKey      = HMAC(SaltedPassword, "Server Key")
 *   AuthMessage    = client-first-bare , server-first , client-final-without-proof
 *   ClientProof    = ClientKey XOR HMAC(StoredKey, AuthMessage)
 *   ServerSignature = HMAC(ServerKey, AuthMessage)
 *
 * A broker keeps salt, StoredKey, ServerKey and iterations: enough to check a password, not to log in with.
 * As in Kafka, names and passwords are used as they are (no SASLprep), and there is no channel binding.
 */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { invariant } from '../../core/invariant.ts'

/** The mechanisms with Kafka's number of each (AlterUserScramCredentials). */
export const scramMechanisms = {
  'SCRAM-SHA-256': { type: 1, hash: 'sha256', keyBytes: 32 },
  'SCRAM-SHA-512': { type: 2, hash: 'sha512', keyBytes: 64 },
} as const

export type ScramMechanism = keyof typeof scramMechanisms

/** RFC 5802 asks for at least so many; Kafka takes no more than the second from a client. */
export const SCRAM_ITERATIONS_MIN = 4096
export const SCRAM_ITERATIONS_MAX = 16_384

/** `n,,` in base64: the header of a client that binds no channel. */
export const GS2_HEADER = 'n,,'

export interface ScramKeys {
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

const hmac = (mechanism: ScramMechanism, key: Uint8Array, text: string): Buffer =>
  createHmac(scramMechanisms[mechanism].hash, key).update(text, 'utf8').digest()

const digest = (mechanism: ScramMechanism, bytes: Uint8Array): Buffer =>
  createHash(scramMechanisms[mechanism].hash).update(bytes).digest()

function exclusiveOr(a: Uint8Array, b: Uint8Array): Buffer {
  invariant(a.length === b.length, 'keys of a mechanism have one length')
  return Buffer.from(a.map((byte, at) => byte ^ b[at]!))
}

/** Takes about a millisecond per 4096 iterations, without giving way to others. */
export function saltPassword(
  mechanism: ScramMechanism,
  password: string,
  { salt, iterations }: { readonly salt: Uint8Array; readonly iterations: number },
): Buffer {
  const { hash, keyBytes } = scramMechanisms[mechanism]
  return pbkdf2Sync(Buffer.from(password, 'utf8'), salt, iterations, keyBytes, hash)
}

/** What a broker keeps of a salted password. */
export function scramKeys(mechanism: ScramMechanism, saltedPassword: Uint8Array): ScramKeys {
  return {
    storedKey: digest(mechanism, hmac(mechanism, saltedPassword, 'Client Key')),
    serverKey: hmac(mechanism, saltedPassword, 'Server Key'),
  }
}

export function clientProof(
  mechanism: ScramMechanism,
  saltedPassword: Uint8Array,
  authMessage: string,
): Buffer {
  const clientKey = hmac(mechanism, saltedPassword, 'Client Key')
  return exclusiveOr(clientKey, hmac(mechanism, digest(mechanism, clientKey), authMessage))
}

/** Does the proof come from somebody who knows the password? Takes the same time for every answer. */
export function isProofOf(
  mechanism: ScramMechanism,
  storedKey: Uint8Array,
  { authMessage, proof }: { readonly authMessage: string; readonly proof: Uint8Array },
): boolean {
  const signature = hmac(mechanism, storedKey, authMessage)
  if (proof.length !== signature.length) return false
  return timingSafeEqual(digest(mechanism, exclusiveOr(proof, signature)), storedKey)
}

export function serverSignature(
  mechanism: ScramMechanism,
  serverKey: Uint8Array,
  authMessage: string,
): Buffer {
  return hmac(mechanism, serverKey, authMessage)
}

/** A name as it stands in a message: commas and equals signs are written as `=2C` and `=3D`. */
export const escapeSaslName = (name: string): string => name.replaceAll('=', '=3D').replaceAll(',', '=2C')

/** The name that was escaped, or undefined for what is none. */
export function unescapeSaslName(text: string): string | undefined {
  if (text === '' || /=(?!2C|3D)/.test(text)) return undefined
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

/** The attributes of a message, `r=…,s=…,i=…`, in their order; undefined when it is not made of such. */
export function scramAttributes(
  message: string,
): readonly (readonly [name: string, value: string])[] | undefined {
  const attributes: [string, string][] = []
  for (const part of message.split(',')) {
    if (!/^[A-Za-z]=/.test(part)) return undefined
    attributes.push([part[0]!, part.slice(2)])
  }
  return attributes
}

/** The bytes of a base64 text, or undefined for what is none. */
export function fromBase64(text: string): Buffer | undefined {
  const whole = text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
  return whole ? Buffer.from(text, 'base64') : undefined
}
