/** Which settings of a topic go with it to another cluster. */
import type { ConfigEntry } from '../admin/configs.ts'

/** Settings of Kafka 4.3 that say what happens to records, whatever cluster they are on. */
const carried: ReadonlySet<string> = new Set([
  'cleanup.policy',
  'compression.gzip.level',
  'compression.lz4.level',
  'compression.type',
  'compression.zstd.level',
  'delete.retention.ms',
  'file.delete.delay.ms',
  'flush.messages',
  'flush.ms',
  'index.interval.bytes',
  'max.compaction.lag.ms',
  'max.message.bytes',
  'min.cleanable.dirty.ratio',
  'min.compaction.lag.ms',
  'preallocate',
  'retention.bytes',
  'retention.ms',
  'segment.bytes',
  'segment.index.bytes',
  'segment.jitter.ms',
  'segment.ms',
])

export interface TopicConfigs {
  readonly carried: Readonly<Record<string, string>>
  /**
   * Names of those that stay behind: what Kafka does not know, what depends on the cluster (replicas, tiers), and
   * `message.timestamp.*`, with which the target would change or refuse the timestamps of old records.
   */
  readonly left: readonly string[]
}

/** Divides what was set for the topic itself. */
export function configsToCarry(entries: readonly ConfigEntry[]): TopicConfigs {
  const set = entries.filter(({ source, value }) => source === 'topic' && value !== null)
  return {
    carried: Object.fromEntries(
      set.filter(({ name }) => carried.has(name)).map(({ name, value }) => [name, value as string]),
    ),
    left: set
      .filter(({ name }) => !carried.has(name))
      .map(({ name }) => name)
      .sort(),
  }
}
