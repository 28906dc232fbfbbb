/**
 * What the engine knows of a broker: requests go in, answers come out.
 *
 * The same interface is a TCP socket, a call into the broker of this process, and a port to another thread,
 * so that everything above behaves the same on one machine and on a cluster.
 */
import type { AnyApi, RequestInput, ResponseOf } from './schema/message.ts'

export interface SendOptions {
  /** The version to use; without it, the highest that both sides know. */
  readonly version?: number
  /** How long to wait for the answer. */
  readonly timeoutMs?: number
}

/**
 * One way to one broker. Answers come in the order of the requests.
 *
 * An answer that carries a Kafka error code is an answer: `send` resolves, and the caller looks at the code.
 */
export interface Connection {
  /**
   * Sends a request and resolves with its response; left-out fields take their defaults.
   *
   * A Produce request with `acks: 0` is never answered: it resolves with an empty response once it is handed over.
   * @throws MR_PROTOCOL_VERSION_UNSUPPORTED when the two sides share no version
   * @throws MR_PROTOCOL_FIELD_UNSUPPORTED when the version has no place for a field that is set
   * @throws MR_CONNECTION_LOST when the connection ends before the answer: the request may have had effect
   * @throws MR_TIMEOUT, MR_CLOSED
   */
  send<A extends AnyApi>(api: A, request: RequestInput<A>, options?: SendOptions): Promise<ResponseOf<A>>
  /** Ends the connection; requests that wait for an answer are rejected. */
  close(): Promise<void>
  readonly closed: boolean
}
