/** One connection on which requests are sent as no client would send them. */
import { shakeHands } from '../../../src/client/connection/handshake.ts'
import { TcpConnection } from '../../../src/client/connection/tcp-connection.ts'
import { nodePlatform } from '../../../src/platform/node/platform.ts'
import { ErrorCodes } from '../../../src/protocol/error-codes.ts'
import type { AnyApi, RequestInput, ResponseOf } from '../../../src/protocol/schema/message.ts'
import type { Witness } from '../witness.ts'

const names = new Map<number, string>(Object.entries(ErrorCodes).map(([name, code]) => [code, name]))
const TIMEOUT_MS = 20_000

export class Wire {
  readonly witness: Witness
  private readonly connection: TcpConnection

  static async open(brokers: string, witness: Witness): Promise<Wire> {
    const { clock, net } = nodePlatform()
    const [host, port] = brokers.split(':') as [string, string]
    const socket = await net.connect({ host, port: Number(port), timeoutMs: TIMEOUT_MS })
    const options = { socket, clock, clientId: 'edge-cases', broker: brokers, requestTimeoutMs: TIMEOUT_MS }
    const connection = new TcpConnection(options)
    await shakeHands(connection)
    return new Wire(connection, witness)
  }

  private constructor(connection: TcpConnection, witness: Witness) {
    this.connection = connection
    this.witness = witness
  }

  send<A extends AnyApi>(api: A, request: RequestInput<A>, version?: number): Promise<ResponseOf<A>> {
    return this.connection.send(api, request, version === undefined ? {} : { version })
  }

  close(): Promise<void> {
    return this.connection.close()
  }
}

/** What a case asks, and the answer in a form that is the same in every run. */
export interface EdgeCase {
  readonly name: string
  ask(wire: Wire): Promise<unknown>
}

/** The values of these fields anywhere in an answer, in its order; error codes by their names. */
export function found(answer: unknown, fields: readonly string[] = []): unknown[] {
  const values: unknown[] = []
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk)
    else if (value !== null && typeof value === 'object' && !(value instanceof Uint8Array)) {
      for (const [field, inner] of Object.entries(value)) {
        if (field === 'errorCode') values.push(names.get(inner as number) ?? inner)
        else if (fields.includes(field)) values.push(typeof inner === 'bigint' ? Number(inner) : inner)
        else walk(inner)
      }
    }
  }
  walk(answer)
  return values
}
