/**
 * One fetch at a time to one broker, over a connection and a session of its own.
 *
 * Version notes: from 13 on a fetch calls topics by their ids. A cluster that came from Kafka 2.7 or older has none
 * until its `inter.broker.protocol.version` is raised, though its brokers announce version 13.
 */
import { fetch } from '../../../protocol/apis/fetch.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import type { ResponseOf } from '../../../protocol/schema/message.ts'
import { zeroUuid } from '../../../protocol/uuid.ts'
import { isolationNumber } from '../../cluster/list-offsets.ts'
import type { BrokerLink } from '../../connection/broker-link.ts'
import type { Lane } from '../../connection/lane.ts'
import type { NegotiatedConnection } from '../../connection/negotiated.ts'
import { answerError } from '../../errors.ts'
import type { ConsumerSettings } from '../options.ts'
import { FetchSession, type FetchTarget } from './fetch-session.ts'

export type FetchAnswer = ResponseOf<typeof fetch>
export type PartitionAnswer = FetchAnswer['responses'][number]['partitions'][number]

/** How much longer than the broker may wait an answer is waited for. */
const ANSWER_GRACE_MS = 30_000

/** The last version that calls topics by their names. */
const NAMED_VERSION_MAX = 12

const sessionErrors = new Set<number>([
  ErrorCodes.FETCH_SESSION_ID_NOT_FOUND,
  ErrorCodes.INVALID_FETCH_SESSION_EPOCH,
  ErrorCodes.FETCH_SESSION_TOPIC_ID_ERROR,
])

export class FetchSlot {
  readonly lane: Lane
  busy = false
  /** The connection over which the last answer came. */
  connection: NegotiatedConnection | undefined
  private readonly settings: ConsumerSettings
  private readonly rack: string
  private session = new FetchSession(false)

  constructor(lane: Lane, settings: ConsumerSettings, rack: string) {
    this.lane = lane
    this.settings = settings
    this.rack = rack
  }

  /**
   * Sends a fetch and resolves with the answer, or with undefined when the session is gone and the caller should just
   * ask again.
   */
  async fetch(link: BrokerLink, targets: readonly FetchTarget[]): Promise<FetchAnswer | undefined> {
    const connection = link.current ?? (await link.connect())
    if (connection !== this.connection) {
      this.connection = connection
      this.session = new FetchSession(connection.remote)
    }
    const { isolation, maxBytes, maxWaitMs, minBytes } = this.settings
    const { session } = this
    const hasIds = !targets.some(({ topicId }) => topicId.equals(zeroUuid))
    const version = connection.versions.choose(fetch, hasIds ? undefined : NAMED_VERSION_MAX)
    try {
      const answer = await connection.send(
        fetch,
        {
          maxWaitMs,
          minBytes,
          maxBytes,
          isolationLevel: isolationNumber(isolation),
          rackId: this.rack,
          ...session.request(targets, version > NAMED_VERSION_MAX ? 'id' : 'name'),
        },
        { version, timeoutMs: maxWaitMs + ANSWER_GRACE_MS },
      )
      if (sessionErrors.has(answer.errorCode)) {
        session.reset()
        return undefined
      }
      if (answer.errorCode !== ErrorCodes.NONE) {
        throw answerError(answer.errorCode, 'fetch', { broker: connection.broker })
      }
      session.answered(answer.sessionId)
      return answer
    } catch (error) {
      session.reset()
      throw error
    }
  }
}
