/**
 * What commands share that talk to a cluster: reaching it within the time that `--timeout` allows, Ctrl-C, and topics
 * that do not exist.
 */

import type { TopicInfo } from '../client/cluster/metadata.ts'
import { Cluster } from '../client/cluster.ts'
import { nearestName } from '../core/did-you-mean.ts'
import { isMillraceError, MillraceError } from '../core/errors.ts'
import { brokerAddresses } from './broker-address.ts'
import type { CommandContext } from './command.ts'
import { commandConfig } from './command-config.ts'
import { hungUp, inWordsOfProperties } from './connect-error.ts'
import type { ClientSecurity } from './kafka-properties.ts'

const CONNECT_TIMEOUT_MS = 10_000
const CLOSE_GRACE_MS = 300

/** How long to wait for a broker. @throws MR_USAGE, MR_DURATION_INVALID */
export function timeoutMsOf({ flags }: CommandContext): number {
  const timeoutMs = flags.durationMs('timeout') ?? 0
  if (timeoutMs >= 1) return timeoutMs
  throw new MillraceError('MR_USAGE', '--timeout allows no time at all', { hint: 'Write --timeout 30s.' })
}

/**
 * Runs `use` with a cluster that was reached, and closes it.
 *
 * @throws MR_BROKER_UNREACHABLE, MR_TIMEOUT when a broker does not answer, MR_ABORTED
 */
export function withCluster<T>(context: CommandContext, use: (cluster: Cluster) => Promise<T>): Promise<T> {
  const { brokers, security } = commandConfig(context)
  return withClusterAt(context, brokerAddresses(context.flags, context.process, brokers), use, security)
}

/** The same with a cluster that the command names in another way. */
export async function withClusterAt<T>(
  context: CommandContext,
  brokers: readonly string[],
  use: (cluster: Cluster) => Promise<T>,
  security: ClientSecurity = {},
): Promise<T> {
  const timeoutMs = timeoutMsOf(context)
  const cluster = new Cluster({
    platform: context.platform,
    brokers,
    ...security,
    clientId: 'millrace-cli',
    logger: context.logger,
    requestTimeoutMs: timeoutMs,
    connectTimeoutMs: Math.min(timeoutMs, CONNECT_TIMEOUT_MS),
  })
  try {
    await orAborted(context.signal, reach(cluster))
    return await use(cluster)
  } finally {
    await close(cluster, context)
  }
}

/**
 * Ends the connections. After Ctrl-C nothing of value is left to them: one that is still being made, to a broker that
 * does not answer, is not waited for.
 */
async function close(cluster: Cluster, { platform, process: host, signal }: CommandContext): Promise<void> {
  const exit = (): void => host.exit(Number(signal.reason))
  const deadline = signal.aborted ? platform.clock.after(CLOSE_GRACE_MS, exit) : undefined
  await cluster.close()
  deadline?.cancel()
}

/** The same for requests that need no end of their own on Ctrl-C. */
export function askCluster<T>(context: CommandContext, ask: (cluster: Cluster) => Promise<T>): Promise<T> {
  return withCluster(context, (cluster) => orAborted(context.signal, ask(cluster)))
}

/** The promise's outcome, unless the signal aborts first. @throws MR_ABORTED */
export async function orAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  let abort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new MillraceError('MR_ABORTED', 'interrupted'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** A broker that takes connections and then says nothing, or ends them, is not an absence. */
async function reach(cluster: Cluster): Promise<void> {
  try {
    await cluster.anyBroker()
  } catch (error) {
    const { cause } = error as Error
    if (isMillraceError(error, 'MR_BROKER_UNREACHABLE')) {
      if (isMillraceError(cause, 'MR_TIMEOUT')) throw cause
      if (isMillraceError(cause, 'MR_CONNECTION_LOST')) throw hungUp(cause)
    }
    throw isMillraceError(error, 'MR_TLS_FAILED') ? inWordsOfProperties(error) : error
  }
}

/** What is known of a topic. @throws MR_TOPIC_UNKNOWN with the topic that was probably meant */
export async function requireTopic(cluster: Cluster, topic: string): Promise<TopicInfo> {
  try {
    return await cluster.topic(topic)
  } catch (error) {
    if (!isMillraceError(error, 'MR_TOPIC_UNKNOWN')) throw error
    const { createAdmin } = await import('../client/admin/admin.ts')
    const topics = await createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs }).listTopics()
    throw topicUnknown(
      topic,
      topics.map((one) => one.topic),
    )
  }
}

export function topicUnknown(topic: string, known: readonly string[]): MillraceError {
  const nearest = nearestName(topic, known)
  const hint =
    nearest === undefined
      ? `Create it with \`millrace topics create ${topic}\`; \`millrace topics list\` shows what there is.`
      : `Did you mean "${nearest}"?`
  return new MillraceError('MR_TOPIC_UNKNOWN', `topic "${topic}" does not exist`, {
    hint,
    context: { topic },
  })
}

/** @throws MR_USAGE when the topic has no such partition */
export function requirePartition({ topic, partitions }: TopicInfo, partition: number): void {
  if (partition < partitions.length) return
  throw new MillraceError('MR_USAGE', `topic "${topic}" has no partition ${partition}`, {
    hint: partitions.length === 1 ? 'It has partition 0 only.' : `It has 0 to ${partitions.length - 1}.`,
  })
}
