/**
 * SCRAM as the client does it (RFC 5802). The broker proves, too, that it knows the password: an answer without its
 * signature is no login, so that nobody in between can play the broker.
 */
import { timingSafeEqual } from 'node:crypto'
import { MillraceError } from '../../../core/errors.ts'
import {
  clientProof,
  escapeSaslName,
  fromBase64,
  GS2_HEADER,
  SCRAM_ITERATIONS_MIN,
  type ScramMechanism,
  saltPassword,
  scramAttributes,
  scramKeys,
  serverSignature,
} from '../../../protocol/sasl/scram.ts'

const NONCE_BYTES = 24
/** A broker that asks for more would keep this process busy: 200,000 take about 50 ms. */
const ITERATIONS_MAX = 200_000

export interface ScramClientOptions {
  readonly mechanism: ScramMechanism
  readonly username: string
  readonly password: string
  readonly freshBytes: (count: number) => Buffer
}

export class ScramClient {
  private readonly options: ScramClientOptions
  private readonly nonce: string
  private expected: Buffer | undefined

  constructor(options: ScramClientOptions) {
    this.options = options
    this.nonce = options.freshBytes(NONCE_BYTES).toString('base64url')
  }

  first(): Buffer {
    return Buffer.from(`${GS2_HEADER}${this.firstBare}`)
  }

  /** The answer to what the broker said first. @throws MR_PROTOCOL_REQUEST_INVALID */
  final(serverFirst: Buffer): Buffer {
    const { mechanism, password } = this.options
    const message = serverFirst.toString('utf8')
    const [[nonceKey, nonce] = [], [saltKey, saltText = ''] = [], [countKey, count = ''] = []] =
      scramAttributes(message) ?? []
    const salt = fromBase64(saltText)
    const iterations = /^\d{1,9}$/.test(count) ? Number(count) : 0
    const ours = nonce?.startsWith(this.nonce) === true && nonce.length > this.nonce.length
    if (nonceKey !== 'r' || !ours) throw untrusted('it did not answer to our nonce')
    if (saltKey !== 's' || salt === undefined || countKey !== 'i') throw untrusted('it sent no salt')
    if (iterations < SCRAM_ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
      throw untrusted(
        `it asks for ${count} iterations; legal are ${SCRAM_ITERATIONS_MIN} to ${ITERATIONS_MAX}`,
      )
    }
    const salted = saltPassword(mechanism, password, { salt, iterations })
    const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${nonce}`
    const authMessage = `${this.firstBare},${message},${withoutProof}`
    this.expected = serverSignature(mechanism, scramKeys(mechanism, salted).serverKey, authMessage)
    return Buffer.from(`${withoutProof},p=${clientProof(mechanism, salted, authMessage).toString('base64')}`)
  }

  /** Throws unless the broker knows the password too. */
  check(serverFinal: Buffer): void {
    const [[key, value = ''] = []] = scramAttributes(serverFinal.toString('utf8')) ?? []
    const signature = key === 'v' ? fromBase64(value) : undefined
    const { expected } = this
    if (signature?.length !== expected?.length || !timingSafeEqual(signature!, expected!)) {
      throw untrusted('it does not know the password itself')
    }
  }

  private get firstBare(): string {
    return `n=${escapeSaslName(this.options.username)},r=${this.nonce}`
  }
}

function untrusted(why: string): MillraceError {
  return new MillraceError('MR_PROTOCOL_REQUEST_INVALID', `the broker cannot be trusted: ${why}`, {
    hint: 'Check that the address is that of your broker, and use TLS.',
  })
}
