/** Waits for the metadata of a topic that is written to or subscribed to. */
import { MillraceError } from '../../core/errors.ts'
import { type Cluster, topicUnknown } from '../cluster.ts'
import { isTransportError } from '../errors.ts'
import { withRetries } from '../retry.ts'

/** A topic that was just made may not be known to every broker yet: so long its absence is not believed. */
const ABSENCE_BELIEVED_AFTER_MS = 1000

/**
 * Resolves when the partitions of a topic are known.
 * @throws MR_TOPIC_UNKNOWN when brokers keep saying that there is no such topic
 */
export function waitForTopic(cluster: Cluster, topic: string, timeoutMs: number): Promise<void> {
  const { clock } = cluster.platform
  const what = `reading metadata of topic ${topic}`
  let missingSinceMs: number | undefined
  const retriable = (error: unknown): boolean =>
    isTransportError(error) || (error instanceof MillraceError && error.retriable)
  return withRetries(cluster.platform, { what, timeoutMs, retriable }, async () => {
    if (cluster.metadata.topics.has(topic)) return
    const missing = await cluster.refresh([topic])
    if (cluster.metadata.topics.has(topic)) return
    const error = topicUnknown(topic)
    if (!missing.has(topic)) throw retriableForm(error)
    missingSinceMs ??= clock.monotonicMs()
    throw clock.monotonicMs() - missingSinceMs >= ABSENCE_BELIEVED_AFTER_MS ? error : retriableForm(error)
  })
}

function retriableForm(error: MillraceError): MillraceError {
  return new MillraceError(error.code, error.message, {
    retriable: true,
    context: error.context,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  })
}
