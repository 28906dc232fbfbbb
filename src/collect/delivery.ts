/**
 * Deliveries: topics → sink. A description for config files; nothing runs.
 *
 *     deliver('archive', { topics: ['departed', 'arrived'], sink: fileSink({ directory: 'out' }) })
 */
import type { ConfiguredSink } from '../connector/index.ts'
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import { checkTopicName, topicNameFault } from '../core/topic-name.ts'
import type { InvalidRows } from './event-processor.ts'

export interface DeliveryOptions {
  readonly topics: readonly string[]
  readonly sink: ConfiguredSink
  /** The topic for records that the sink refuses. Default: `<delivery>-dead-letters`. */
  readonly deadLetters?: string
  /** What happens to such records. Default `dead-letter`. */
  readonly onInvalid?: InvalidRows
  /** Records that are handed to the sink at once. Default 1000. */
  readonly batchRecordsMax?: number
  /** How long records may be written before the sink is flushed and offsets are committed. Default 500ms. */
  readonly flushInterval?: Duration
  /** The sink is flushed early after so many records. Default 100000. */
  readonly flushRecordsMax?: number
  /** How long failures that may pass are tried again before the delivery gives up. Default 15 minutes. */
  readonly retryTimeout?: Duration
}

export interface DeliveryDescription {
  readonly kind: 'delivery'
  readonly name: string
  readonly topics: readonly string[]
  readonly sink: ConfiguredSink
  readonly deadLetters: string
  readonly onInvalid: InvalidRows
  readonly batchRecordsMax: number
  readonly flushIntervalMs: number
  readonly flushRecordsMax: number
  readonly retryTimeoutMs: number
}

const BATCH_RECORDS_MAX = 1000
const FLUSH_RECORDS_MAX = 100_000

/** @throws MR_OPTION_INVALID, MR_TOPIC_NAME_INVALID, MR_DURATION_INVALID */
export function deliver(name: string, options: DeliveryOptions): DeliveryDescription {
  const fault = topicNameFault(name)
  if (fault !== undefined) throw invalid(name, 'name', `the name cannot be part of a topic's: ${fault}`)
  const { topics, sink } = options
  if (topics.length === 0) throw invalid(name, 'topics', 'there is no topic')
  const deadLetters = options.deadLetters ?? `${name}-dead-letters`
  for (const topic of [...topics, deadLetters]) checkTopicName(topic)
  if (topics.includes(deadLetters)) throw invalid(name, 'deadLetters', `"${deadLetters}" is delivered too`)
  const { batchRecordsMax = BATCH_RECORDS_MAX, flushRecordsMax = FLUSH_RECORDS_MAX } = options
  for (const [option, value] of Object.entries({ batchRecordsMax, flushRecordsMax })) {
    if (!Number.isInteger(value) || value < 1)
      throw invalid(name, option, `${option} is 1 or more, got ${value}`)
  }
  return {
    kind: 'delivery',
    name,
    topics: [...new Set(topics)],
    sink,
    deadLetters,
    onInvalid: options.onInvalid ?? 'dead-letter',
    batchRecordsMax,
    flushIntervalMs: durationMs(options.flushInterval ?? '500ms'),
    flushRecordsMax,
    retryTimeoutMs: durationMs(options.retryTimeout ?? '15 minutes'),
  }
}

function invalid(name: string, option: string, what: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `delivery "${name}": ${what}`, { context: { option } })
}
