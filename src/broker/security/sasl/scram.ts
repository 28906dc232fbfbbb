/**
 * SCRAM as the broker does it (RFC 5802):
 *
 * 1. `n,,n=user,r=nonce`: the answer is the nonce with ours behind it, the salt and the iterations.
 * 2. `c=biws,r=nonce,p=proof`: the nonce must be the whole one (CVE-2024-56128), the proof that of the password.
 *
 * A user that does not exist gets a salt too, the same one each time, and fails at the end with the same text after
 * the same work: who guesses does not learn which names there are.
 */
import { createHmac } from 'node:crypto'
import {
  fromBase64,
  GS2_HEADER,
  isProofOf,
  SCRAM_ITERATIONS_MIN,
  type ScramKeys,
  type ScramMechanism,
  scramAttributes,
  scramMechanisms,
  serverSignature,
  unescapeSaslName,
} from '../../../protocol/sasl/scram.ts'
import { failed, type SaslExchange, type SaslStep } from './exchange.ts'

const NONCE_BYTES = 24
const SALT_BYTES = 20

export interface ScramCredential extends ScramKeys {
  readonly salt: Buffer
  readonly iterations: number
}

export interface ScramWorld {
  find(user: string, mechanism: ScramMechanism): ScramCredential | undefined
  freshBytes(count: number): Buffer
  /** A key of this process, for the salts of users that do not exist. */
  readonly key: Uint8Array
}

interface Begun {
  readonly user: string
  readonly known: boolean
  readonly credential: ScramCredential
  readonly nonce: string
  readonly clientFirstBare: string
  readonly serverFirst: string
}

/** What stands in for the credential of a user that does not exist: no password has such keys. */
function credentialOfNobody(world: ScramWorld, user: string, mechanism: ScramMechanism): ScramCredential {
  const { hash, keyBytes } = scramMechanisms[mechanism]
  const bytes = createHmac(hash, world.key).update(user, 'utf8').digest()
  const keys = { storedKey: Buffer.alloc(keyBytes), serverKey: bytes }
  return { ...keys, salt: bytes.subarray(0, SALT_BYTES), iterations: SCRAM_ITERATIONS_MIN }
}

export class ScramExchange implements SaslExchange {
  private readonly mechanism: ScramMechanism
  private readonly world: ScramWorld
  private begun: Begun | undefined

  constructor(mechanism: ScramMechanism, world: ScramWorld) {
    this.mechanism = mechanism
    this.world = world
  }

  step(bytes: Buffer): SaslStep {
    const message = bytes.toString('utf8')
    return this.begun === undefined ? this.first(message) : this.final(message, this.begun)
  }

  private get refusal(): SaslStep {
    return failed(
      `Authentication failed during authentication due to invalid credentials with SASL mechanism ${this.mechanism}`,
    )
  }

  private first(message: string): SaslStep {
    // `y,,`: the client could bind a channel and thinks that we cannot, which is so.
    const head = /^[ny],(?:a=([^,]*))?,/.exec(message)
    const clientFirstBare = message.slice(head?.[0].length)
    const attributes = scramAttributes(clientFirstBare)
    const [[nameKey, name], [nonceKey, clientNonce]] = [
      attributes?.[0] ?? ['', ''],
      attributes?.[1] ?? ['', ''],
    ]
    const user = unescapeSaslName(name)
    const legal = nameKey === 'n' && nonceKey === 'r' && /^[\x21-\x2b\x2d-\x7e]{1,256}$/.test(clientNonce)
    if (head === null || user === undefined || !legal) return this.refusal
    const authorizationId = head[1] === undefined ? user : unescapeSaslName(head[1])
    if (authorizationId !== user) return this.refusal
    const { mechanism, world } = this
    const kept = world.find(user, mechanism)
    // Made for those who exist too, so that the first answer takes as long for both.
    const nobody = credentialOfNobody(world, user, mechanism)
    const credential = kept ?? nobody
    const nonce = clientNonce + world.freshBytes(NONCE_BYTES).toString('base64url')
    const serverFirst = `r=${nonce},s=${credential.salt.toString('base64')},i=${credential.iterations}`
    this.begun = { user, known: kept !== undefined, credential, nonce, clientFirstBare, serverFirst }
    return { kind: 'challenge', bytes: Buffer.from(serverFirst, 'utf8') }
  }

  private final(message: string, begun: Begun): SaslStep {
    const { clientFirstBare, credential, known, nonce, serverFirst, user } = begun
    const proofAt = message.lastIndexOf(',p=')
    const withoutProof = message.slice(0, Math.max(0, proofAt))
    const attributes = scramAttributes(withoutProof)
    const [[bindingKey, binding], [nonceKey, theirs]] = [
      attributes?.[0] ?? ['', ''],
      attributes?.[1] ?? ['', ''],
    ]
    const proof = proofAt < 0 ? undefined : fromBase64(message.slice(proofAt + 3))
    const header = fromBase64(binding)?.toString('utf8') ?? ''
    const bound = bindingKey !== 'c' || !(header === GS2_HEADER || /^[ny],(?:a=[^,]*)?,$/.test(header))
    if (bound || nonceKey !== 'r' || theirs !== nonce || proof === undefined) return this.refusal
    const authMessage = `${clientFirstBare},${serverFirst},${withoutProof}`
    const right = isProofOf(this.mechanism, credential.storedKey, { authMessage, proof })
    if (!right || !known) return this.refusal
    const signature = serverSignature(this.mechanism, credential.serverKey, authMessage)
    return { kind: 'done', bytes: Buffer.from(`v=${signature.toString('base64')}`), user }
  }
}
