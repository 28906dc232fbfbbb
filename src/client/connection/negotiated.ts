/** A connection of which it is known what the broker speaks. */
import type { Clock } from '../../platform/clock.ts'
import { within } from '../../platform/clock.ts'
import { BrokerVersions } from '../../protocol/api-versions.ts'
import { apiVersions } from '../../protocol/apis/api-versions.ts'
import type { Connection, SendOptions } from '../../protocol/connection.ts'
import type { AnyApi, RequestInput, ResponseOf } from '../../protocol/schema/message.ts'
import { checkAnswer } from '../errors.ts'

export interface NegotiatedConnection extends Connection {
  readonly versions: BrokerVersions
  /** `host:port`, or `in-process`: for texts. */
  readonly broker: string
  /** Bytes are copied between the two sides, so they may have been damaged on the way. */
  readonly remote: boolean
}

/** How the client names itself to a broker (KIP-511). */
export const clientSoftware = { clientSoftwareName: 'millrace', clientSoftwareVersion: '0.1.0' } as const

/** A connection given by somebody else, with the versions that its broker announces. */
class GivenConnection implements NegotiatedConnection {
  readonly versions: BrokerVersions
  readonly broker = 'in-process'
  readonly remote = false
  private readonly inner: Connection

  constructor(inner: Connection, versions: BrokerVersions) {
    this.inner = inner
    this.versions = versions
  }

  get closed(): boolean {
    return this.inner.closed
  }

  send<A extends AnyApi>(api: A, request: RequestInput<A>, options?: SendOptions): Promise<ResponseOf<A>> {
    return this.inner.send(api, request, options)
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}

/** Asks what the broker behind `connection` speaks. @throws MR_TIMEOUT and whatever the connection throws */
export async function negotiate(
  connection: Connection,
  clock: Clock,
  timeoutMs: number,
): Promise<NegotiatedConnection> {
  const answer = await within(
    clock,
    timeoutMs,
    'the answer to ApiVersions',
    connection.send(apiVersions, clientSoftware),
  )
  checkAnswer(answer.errorCode, 'agree on versions')
  return new GivenConnection(connection, new BrokerVersions(answer))
}
