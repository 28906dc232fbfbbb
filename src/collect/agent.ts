/**
 * Agents, after Flume: source → interceptors → selector → channels. A description for config files; nothing runs.
 *
 *     agent('flights', {
 *       source: spoolDirectory({ directory: 'spool', deserializer: csv({ nulls: ['NA'] }) }),
 *       interceptors: [interceptor<CsvRow>('flights', (event) => …)],
 *       channels: [topicChannel('departed', { partitions: 4 }), topicChannel('arrived')],
 *       replay: { speed: 8640 },
 *     })
 */
import type { ConfiguredSource } from '../connector/index.ts'
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import { type Size, sizeBytes } from '../core/size.ts'
import { checkTopicName, topicNameFault } from '../core/topic-name.ts'
import type { CompressionCodec } from '../protocol/compression/codec.ts'
import type { Channel } from './channel.ts'
import type { InvalidRows } from './event-processor.ts'
import type { Interceptor, InterceptorFunction } from './interceptor.ts'
import { compileSelector, defaultSelector, type Selector } from './selector.ts'

export interface ReplayOptions {
  /** Seconds of event time per second; 8640 plays a day in 10 s, and 0 as fast as possible. */
  readonly speed: number
  /** The most memory that a set of events may take. Default 1 GiB. */
  readonly bytesMax?: Size
}

export interface AgentOptions {
  readonly source: ConfiguredSource
  /** In order. */
  readonly interceptors?: readonly (Interceptor | InterceptorFunction)[]
  /** Default: an event that names a topic goes to that channel, any other to all. */
  readonly selector?: Selector
  readonly channels: readonly Channel[]
  /** Plays what the source has in the order of event time. Default: in the order of the source. */
  readonly replay?: ReplayOptions
  /** The topic for rows that cannot be used. Default: `<agent>-dead-letters`. */
  readonly deadLetters?: string
  /** What happens to such rows. Default `dead-letter`. */
  readonly onInvalid?: InvalidRows
  /** How often events are committed, 30s at most. Default 100ms. */
  readonly commitInterval?: Duration
  /** A transaction is committed early at this size. Default 16 MiB. */
  readonly transactionBytesMax?: Size
  /** The largest record. Default 1 MB, which Kafka's default of max.message.bytes allows. */
  readonly recordBytesMax?: Size
  readonly compression?: CompressionCodec
  /** How long failures that may pass are tried again before the agent gives up. Default 15 minutes. */
  readonly retryTimeout?: Duration
}

export interface AgentDescription {
  readonly kind: 'agent'
  readonly name: string
  readonly source: ConfiguredSource
  readonly interceptors: readonly (Interceptor | InterceptorFunction)[]
  readonly selector: Selector
  readonly channels: readonly Channel[]
  readonly replay: { readonly speed: number; readonly bytesMax: number } | undefined
  readonly deadLetters: string
  readonly onInvalid: InvalidRows
  readonly commitIntervalMs: number
  readonly transactionBytesMax: number
  readonly recordBytesMax: number
  readonly compression: CompressionCodec
  readonly retryTimeoutMs: number
}

const REPLAY_BYTES_MAX = 2 ** 30
const TRANSACTION_BYTES_MAX = 16 * 2 ** 20
const RECORD_BYTES_MAX = 1_000_000
/** Brokers end a transaction that is open for a minute. */
const COMMIT_INTERVAL_MAX_MS = 30_000
const RETRY_TIMEOUT = '15 minutes'

/** @throws MR_OPTION_INVALID, MR_TOPIC_NAME_INVALID, MR_DURATION_INVALID, MR_SIZE_INVALID */
export function agent(name: string, options: AgentOptions): AgentDescription {
  const fault = topicNameFault(name)
  if (fault !== undefined) throw invalid(name, 'name', `the name cannot be part of a topic's: ${fault}`)
  const { source, interceptors = [], selector = defaultSelector, channels } = options
  const deadLetters = options.deadLetters ?? `${name}-dead-letters`
  checkTopicName(deadLetters)
  const topics = channels.map((channel) => channel.topic)
  if (topics.length === 0) throw invalid(name, 'channels', 'there is no channel')
  const twice = topics.find((topic, index) => topics.indexOf(topic) !== index)
  if (twice !== undefined) throw invalid(name, 'channels', `topic "${twice}" is there twice`)
  if (topics.includes(deadLetters)) throw invalid(name, 'deadLetters', `"${deadLetters}" is a channel too`)
  compileSelector(name, selector, topics)
  return {
    kind: 'agent',
    name,
    source,
    interceptors,
    selector,
    channels,
    replay: options.replay && checkReplay(name, source, options.replay),
    deadLetters,
    onInvalid: options.onInvalid ?? 'dead-letter',
    commitIntervalMs: checkInterval(name, durationMs(options.commitInterval ?? '100ms')),
    transactionBytesMax: sizeBytes(options.transactionBytesMax ?? TRANSACTION_BYTES_MAX),
    recordBytesMax: sizeBytes(options.recordBytesMax ?? RECORD_BYTES_MAX),
    compression: options.compression ?? 'none',
    retryTimeoutMs: durationMs(options.retryTimeout ?? RETRY_TIMEOUT),
  }
}

function checkInterval(name: string, intervalMs: number): number {
  if (intervalMs <= COMMIT_INTERVAL_MAX_MS) return intervalMs
  throw invalid(
    name,
    'commitInterval',
    `commitInterval is at most ${COMMIT_INTERVAL_MAX_MS} ms, got ${intervalMs}`,
  )
}

function checkReplay(name: string, source: ConfiguredSource, replay: ReplayOptions) {
  if (!source.replayable) {
    throw invalid(name, 'replay', `source "${source.connector}" cannot be replayed`)
  }
  if (!(replay.speed >= 0 && Number.isFinite(replay.speed))) {
    throw invalid(name, 'replay.speed', `a speed is 0 or more, got ${replay.speed}`)
  }
  return { speed: replay.speed, bytesMax: sizeBytes(replay.bytesMax ?? REPLAY_BYTES_MAX) }
}

function invalid(name: string, option: string, what: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `agent "${name}": ${what}`, { context: { option } })
}
