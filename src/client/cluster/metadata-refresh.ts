/**
 * Keeps the metadata cache fresh.
 *
 * 1. A refresh asks for every topic that is known plus those that callers name now. One request is under way at a
 *    time; whoever asks meanwhile shares the next one.
 * 2. Without being asked it happens every `metadataMaxAgeMs`.
 * 3. Topics that do not exist are reported to the callers and forgotten. A topic that is refused is an error for those
 *    who have named it, and for nobody who only shares the request.
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

/** What one request has found out. */
interface Found {
  /** Topics that do not exist. */
  readonly missing: ReadonlySet<string>
  /** Topics that the broker does not tell of, and why. */
  readonly refused: ReadonlyMap<string, MillraceError>
}

export class MetadataRefresh {
  private readonly options: MetadataRefreshOptions
  private running: Promise<Found> | undefined
  private next: Promise<Found> | undefined
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
  async refresh(topics: Iterable<string> = []): Promise<ReadonlySet<string>> {
    const named = [...topics]
    const { missing, refused } = await this.share(named)
    const own = named.find((topic) => refused.has(topic))
    if (own !== undefined) throw refused.get(own)
    return missing
  }

  close(): void {
    this.closed = true
    this.aging?.cancel()
  }

  private share(topics: readonly string[]): Promise<Found> {
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

  private start(): Promise<Found> {
    const run = this.ask().finally(() => {
      if (this.running === run) this.running = undefined
    })
    this.running = run
    return run
  }

  private async ask(): Promise<Found> {
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
    const refused = new Map<string, MillraceError>()
    if (this.closed) return { missing: new Set(), refused }
    const missing = cache.merge(answer)
    for (const { name, errorCode } of answer.topics) {
      if (name === null || !isFinal(errorCode)) continue
      refused.set(name, answerError(errorCode, 'read metadata', { broker: connection.broker, topic: name }))
    }
    this.aging ??= every(this.options.clock, this.options.maxAgeMs, () => void this.refresh().catch(() => {}))
    onRefreshed()
    return { missing, refused }
  }
}

/** Asking again would not help, and the caller has to know. */
function isFinal(code: number): boolean {
  return code === ErrorCodes.TOPIC_AUTHORIZATION_FAILED || code === ErrorCodes.INVALID_TOPIC_EXCEPTION
}
