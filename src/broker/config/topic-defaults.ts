/**
 * What topics get unless they say otherwise: the broker's `log.*` settings, by the topic setting they stand for.
 *
 * As in Kafka, some have several names (`log.retention.ms`, `.minutes`, `.hours`): the finest unit given wins.
 */
import { type LogConfig, type LogSettingName, logSettings, resolveLogConfig } from '../../log/log-config.ts'

/** A broker setting that stands for a topic setting; its value counts in units of `factor`. */
interface Synonym {
  readonly name: string
  readonly factor: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

const one = (name: string): readonly Synonym[] => [{ name, factor: 1 }]
const time = (name: string, ...units: readonly ('ms' | 'minutes' | 'hours')[]): readonly Synonym[] =>
  units.map((unit) => ({
    name: `${name}.${unit}`,
    factor: unit === 'ms' ? 1 : unit === 'minutes' ? MINUTE_MS : HOUR_MS,
  }))

/** By topic setting, the most decisive name first. */
export const topicDefaultSynonyms: Readonly<Partial<Record<LogSettingName, readonly Synonym[]>>> = {
  'cleanup.policy': one('log.cleanup.policy'),
  'compression.type': one('compression.type'),
  'compression.gzip.level': one('compression.gzip.level'),
  'compression.lz4.level': one('compression.lz4.level'),
  'compression.zstd.level': one('compression.zstd.level'),
  'delete.retention.ms': one('log.cleaner.delete.retention.ms'),
  'file.delete.delay.ms': one('log.segment.delete.delay.ms'),
  flush: one('flush'),
  'flush.messages': one('log.flush.interval.messages'),
  'flush.ms': one('log.flush.interval.ms'),
  'index.interval.bytes': one('log.index.interval.bytes'),
  'max.compaction.lag.ms': one('log.cleaner.max.compaction.lag.ms'),
  'max.message.bytes': one('message.max.bytes'),
  'message.timestamp.after.max.ms': one('log.message.timestamp.after.max.ms'),
  'message.timestamp.before.max.ms': one('log.message.timestamp.before.max.ms'),
  'message.timestamp.type': one('log.message.timestamp.type'),
  'min.cleanable.dirty.ratio': one('log.cleaner.min.cleanable.ratio'),
  'min.compaction.lag.ms': one('log.cleaner.min.compaction.lag.ms'),
  'min.insync.replicas': one('min.insync.replicas'),
  preallocate: one('log.preallocate'),
  'retention.bytes': one('log.retention.bytes'),
  'retention.ms': time('log.retention', 'ms', 'minutes', 'hours'),
  'segment.bytes': one('log.segment.bytes'),
  'segment.index.bytes': one('log.index.size.max.bytes'),
  'segment.jitter.ms': time('log.roll.jitter', 'ms', 'hours'),
  'segment.ms': time('log.roll', 'ms', 'hours'),
  'unclean.leader.election.enable': one('unclean.leader.election.enable'),
}

/** Every broker name of a topic default. */
export type TopicDefaultName =
  | 'compression.type'
  | 'compression.gzip.level'
  | 'compression.lz4.level'
  | 'compression.zstd.level'
  | 'flush'
  | 'message.max.bytes'
  | 'min.insync.replicas'
  | 'unclean.leader.election.enable'
  | `log.${string}`

const settingByName = new Map<string, { readonly setting: LogSettingName; readonly factor: number }>()
for (const [setting, synonyms] of Object.entries(topicDefaultSynonyms)) {
  for (const { name, factor } of synonyms) {
    settingByName.set(name, { setting: setting as LogSettingName, factor })
  }
}

export function isTopicDefault(name: string): boolean {
  return settingByName.has(name)
}

/** The topic setting that a broker setting stands for. */
export function topicSettingOf(name: string): LogSettingName | undefined {
  return settingByName.get(name)?.setting
}

/** The broker setting by which the default of a topic setting is changed. */
export function brokerNameOf(setting: LogSettingName): string | undefined {
  return topicDefaultSynonyms[setting]?.[0]?.name
}

/**
 * The topic settings that follow from broker settings, as texts. Names that are none are left out.
 *
 * @throws MR_CONFIG_INVALID for a value that the topic setting does not take
 */
export function topicDefaultTexts(given: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {}
  for (const { name: setting } of logSettings) {
    const found = topicDefaultSynonyms[setting]?.find(({ name }) => given.has(name))
    if (found === undefined) continue
    const text = given.get(found.name)!
    texts[setting] = found.factor === 1 || text.trim() === '-1' ? text : String(Number(text) * found.factor)
  }
  resolveLogConfig(texts)
  return texts
}

export type { LogConfig }
