/**
 * Keeps the metadata cache fresh.
 *
 * 1. A refresh asks for every topic that is known plus those that callers name now. One request is under way at a
 *    time; whoever asks meanwhile shares the next one.
 * 2. Without being asked it happens every `metadataMaxAgeMs`.
 * 3. Topics that do not exist are reported to the callers and forgotten.
 */
import { MillraceError } from '../../core/errors.ts'
import { type Clock, every, type Timer } from '../../platform/clock.ts'
import { metadata } from '../../protocol/apis/metadata.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { answerError, checkAnswer } from '../errors.ts'
import type { MetadataCache } from './metadata.ts'

/** Topics whose metadata one client keeps. */
const TOPICS_KEPT_MAX = 100_000

export interface MetadataRefreshOptions {
  readonly cache: MetadataCache
  readonly clock: Clock
  readonly maxAgeMs: number
  readonly autoCreateTopics: boolean
  readonly anyBroker: () => Promise<NegotiatedConnection>
  readonly onRefreshed: () => void
}

export class MetadataRefresh {
  private readonly options: MetadataRefreshOptions
  private running: Promise<ReadonlySet<string>> | undefined
  private next: Promise<ReadonlySet<string>> | undefined
  private readonly wanted = new Set<string>()
  private aging: Timer | undefined
  private closed = false

  constructor(options: MetadataRefreshOptions) {
    this.options = options
  }

  /**
   * Asks once. Resolves with the names of the topics that do not exist.
   * @throws MR_BROKER_UNREACHABLE, MR_CONNECTION_LOST, MR_TIMEOUT, MR_KAFKA, MR_CLOSED
   */
  refresh(topics: Iterable<string> = []): Promise<ReadonlySet<string>> {
    for (const topic of topics) this.wanted.add(topic)
    if (this.next !== undefined) return this.next
    const { running } = this
    if (running === undefined) return this.start()
    this.next = running
      .catch(() => {})
      .then(() => {
        this.next = undefined
        return this.start()
      })
    return this.next
  }

  close(): void {
    this.closed = true
    this.aging?.cancel()
  }

  private start(): Promise<ReadonlySet<string>> {
    const run = this.ask().finally(() => {
      if (this.running === run) this.running = undefined
    })
    this.running = run
    return run
  }

  private async ask(): Promise<ReadonlySet<string>> {
    const { anyBroker, autoCreateTopics, cache, onRefreshed } = this.options
    const names = new Set([...cache.topics.keys(), ...this.wanted])
    // Also of those that are too many, or no later refresh could succeed.
    this.wanted.clear()
    if (names.size > TOPICS_KEPT_MAX) {
      throw new MillraceError('MR_LIMIT', `one client keeps metadata of at most ${TOPICS_KEPT_MAX} topics`, {
        hint: 'Use several clients, each for a part of the topics.',
      })
    }
    const connection = await anyBroker()
    const answer = await connection.send(metadata, {
      topics: [...names].map((name) => ({ name })),
      allowAutoTopicCreation: autoCreateTopics,
    })
    checkAnswer(answer.errorCode, 'read metadata', { broker: connection.broker })
    if (this.closed) return new Set()
    const missing = cache.merge(answer)
    const refused = answer.topics.find(({ errorCode }) => isFinal(errorCode))
    this.aging ??= every(this.options.clock, this.options.maxAgeMs, () => void this.refresh().catch(() => {}))
    onRefreshed()
    if (refused !== undefined) {
      throw answerError(refused.errorCode, 'read metadata', {
        broker: connection.broker,
        ...(refused.name === null ? {} : { topic: refused.name }),
      })
    }
    return missing
  }
}

/** Asking again would not help, and the caller has to know. */
function isFinal(code: number): boolean {
  return code === ErrorCodes.TOPIC_AUTHORIZATION_FAILED || code === ErrorCodes.INVALID_TOPIC_EXCEPTION
}
