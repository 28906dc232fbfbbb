/**
 * Logs in on a connection: SaslHandshake, then SaslAuthenticate until the mechanism is done (KIP-43, KIP-152).
 *
 * What was refused is told by the broker's own text, with its address, and never with a password or token.
 */
import type { Random } from '../../../platform/random.ts'
import { saslAuthenticate } from '../../../protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../../../protocol/apis/sasl-handshake.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import type { ScramMechanism } from '../../../protocol/sasl/scram.ts'
import type { ResponseOf } from '../../../protocol/schema/message.ts'
import { answerError, checkAnswer } from '../../errors.ts'
import type { Authenticate } from '../handshake.ts'
import type { NegotiatedConnection } from '../negotiated.ts'
import { type PasswordLogin, type SaslOptions, secretOf } from './sasl-options.ts'
import { ScramClient } from './scram-client.ts'

type Answer = ResponseOf<typeof saslAuthenticate>

const SEPARATOR = '\x01'

/** The login that the options describe, for each new connection. */
export function logIn(options: SaslOptions, random: Random): Authenticate {
  return async (connection) => {
    const mechanism = options.mechanism.toUpperCase()
    await shake(connection, mechanism)
    const answer = await speak(connection, options, random)
    return { sessionLifetimeMs: Number(answer.sessionLifetimeMs) }
  }
}

async function shake(connection: NegotiatedConnection, mechanism: string): Promise<void> {
  const { broker } = connection
  const { errorCode, mechanisms } = await connection.send(saslHandshake, { mechanism }, { version: 1 })
  if (errorCode === ErrorCodes.UNSUPPORTED_SASL_MECHANISM) {
    const offered = mechanisms.join(', ').toLowerCase() || 'none'
    throw answerError(errorCode, `log in by ${mechanism}`, { broker }, `the broker offers ${offered}`)
  }
  if (errorCode === ErrorCodes.ILLEGAL_SASL_STATE) {
    const text = 'nobody logs in on this listener: leave sasl away, or name the port of one with SASL'
    throw answerError(errorCode, 'log in', { broker }, text)
  }
  checkAnswer(errorCode, 'log in', { broker })
}

function speak(connection: NegotiatedConnection, options: SaslOptions, random: Random): Promise<Answer> {
  if (options.mechanism === 'plain') return speakPlain(connection, options)
  if (options.mechanism === 'oauthbearer') return speakToken(connection, options)
  return speakScram(connection, options, random)
}

async function say(connection: NegotiatedConnection, authBytes: Buffer): Promise<Answer> {
  const answer = await connection.send(saslAuthenticate, { authBytes })
  checkAnswer(answer.errorCode, 'log in', { broker: connection.broker }, answer.errorMessage)
  return answer
}

async function speakPlain(
  connection: NegotiatedConnection,
  { password, username }: PasswordLogin,
): Promise<Answer> {
  return say(connection, Buffer.from(`\0${username}\0${await secretOf(password)}`))
}

async function speakScram(
  connection: NegotiatedConnection,
  { mechanism, password, username }: PasswordLogin,
  random: Random,
): Promise<Answer> {
  const client = new ScramClient({
    mechanism: mechanism.toUpperCase() as ScramMechanism,
    username,
    password: await secretOf(password),
    freshBytes: (count) => random.bytes(count),
  })
  const first = await say(connection, client.first())
  const final = await say(connection, client.final(first.authBytes))
  client.check(final.authBytes)
  return final
}

async function speakToken(
  connection: NegotiatedConnection,
  { token }: Extract<SaslOptions, { mechanism: 'oauthbearer' }>,
): Promise<Answer> {
  const text = await secretOf(token)
  const answer = await say(
    connection,
    Buffer.from(`n,,${SEPARATOR}auth=Bearer ${text}${SEPARATOR}${SEPARATOR}`),
  )
  if (answer.authBytes.length === 0) return answer
  // A status instead of nothing: the token was refused, and the broker says so after this (RFC 7628 §3.2.3).
  return say(connection, Buffer.from(SEPARATOR))
}
