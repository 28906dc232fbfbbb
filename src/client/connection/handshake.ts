/**
 * What happens on a new connection before it is used.
 *
 * 1. ApiVersions in our highest version. A broker that does not know it answers in version 0 with
 *    UNSUPPORTED_VERSION and its list (KIP-511): then once more in the highest version that it has; a broker that
 *    does not even list ApiVersions is asked in version 0.
 * 2. `authenticate`, if the user gave one, logs in over the connection; only then is it handed out. When
 *    the login holds for a time only, the connection repeats it (`tcp-connection.ts`).
 */
import { BrokerVersions } from '../../protocol/api-versions.ts'
import { apiVersions } from '../../protocol/apis/api-versions.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseOf } from '../../protocol/schema/message.ts'
import { answerError } from '../errors.ts'
import { clientSoftware, type NegotiatedConnection } from './negotiated.ts'
import type { TcpConnection } from './tcp-connection.ts'

/** What a login gave. */
export interface LoggedIn {
  /** After which time the broker asks for another login (KIP-368); 0 for never. */
  readonly sessionLifetimeMs: number
}

/** Logs in on a connection whose versions are agreed on. It throws when the broker refuses. */
// biome-ignore lint/suspicious/noConfusingVoidType: a login of one's own need not know of lifetimes
export type Authenticate = (connection: NegotiatedConnection) => Promise<LoggedIn | void>

type Answer = ResponseOf<typeof apiVersions>

/** @throws MR_KAFKA, MR_CONNECTION_LOST, MR_TIMEOUT, and what `authenticate` throws */
export async function shakeHands(connection: TcpConnection, authenticate?: Authenticate): Promise<void> {
  connection.versions = new BrokerVersions(await askVersions(connection))
  if (authenticate !== undefined) await connection.logIn(authenticate)
}

async function askVersions(connection: TcpConnection): Promise<Answer> {
  const ask = (version: number): Promise<Answer> =>
    connection.send(apiVersions, version >= 3 ? clientSoftware : {}, { version })
  let answer = await ask(apiVersions.latestStable)
  if (answer.errorCode === ErrorCodes.UNSUPPORTED_VERSION) {
    const theirs = answer.apiKeys.find((announced) => announced.apiKey === apiVersions.key)
    answer = await ask(Math.min(theirs?.maxVersion ?? 0, apiVersions.latestStable))
  }
  if (answer.errorCode !== ErrorCodes.NONE) {
    throw answerError(answer.errorCode, 'agree on versions', { broker: connection.broker })
  }
  return answer
}
