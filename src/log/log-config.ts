/**
 * The settings of a topic's logs: Kafka 4.3's names, types, defaults and legal values, and `flush`, which is ours.
 *
 * A `LogConfig` has a value for every setting, under Kafka's name: `config['segment.bytes']`.
 */
import { MillraceError } from '../core/errors.ts'
import type { CompressionCodec } from '../protocol/compression/codec.ts'
import { ErrorCodes } from '../protocol/error-codes.ts'
import {
  booleanSetting,
  choiceSetting,
  doubleSetting,
  formatSetting,
  intSetting,
  invalidSetting,
  listSetting,
  longSetting,
  type Setting,
  type SettingType,
  type SettingValue,
} from './config-setting.ts'

const DAY_MS = 86_400_000
const NEVER = Number.POSITIVE_INFINITY
const noEffect =
  'Taken and shown for the sake of Kafka’s tools; without effect, since a topic has one replica on one disk.'

const settings = {
  'cleanup.policy': listSetting(
    ['delete'],
    ['compact', 'delete'],
    'What happens to old records: `delete` drops whole segments by age and size, `compact` keeps the last record of each key. Both may be set; nothing is dropped when the list is empty.',
  ),
  'compression.gzip.level': intSetting(
    -1,
    { min: 1, max: 9, or: -1 },
    'The level when the broker itself compresses with gzip; -1 is gzip’s default.',
  ),
  'compression.lz4.level': intSetting(
    9,
    { min: 1, max: 17 },
    'Taken for the sake of Kafka’s tools; lz4 is written at one level.',
  ),
  'compression.type': choiceSetting(
    'producer',
    ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    'How batches are stored: `producer` keeps what the producer chose; any other codec has the broker compress batches anew that come otherwise.',
  ),
  'compression.zstd.level': intSetting(
    3,
    { min: -131_072, max: 22 },
    'The level when the broker itself compresses with zstd.',
  ),
  'delete.retention.ms': longSetting(
    DAY_MS,
    { min: 0 },
    'How long tombstones and transaction marks stay readable in a compacted log after the record they delete was compacted away.',
  ),
  'file.delete.delay.ms': longSetting(
    60_000,
    { min: 0 },
    'How long a segment’s files stay on the disk, renamed, after the segment was deleted.',
  ),
  flush: choiceSetting(
    'os',
    ['os', 'group', 'batch'],
    'What an acknowledgement survives. `os`: the end of the process (the operating system writes the file to the disk in its time). `group`: a power cut too; one sync of the file serves all that wait. `batch`: the same, with one sync for each batch.',
  ),
  'flush.messages': longSetting(
    NEVER,
    { min: 1 },
    'Sync the log after this many records; an acknowledgement then waits for it.',
  ),
  'flush.ms': longSetting(
    NEVER,
    { min: 0 },
    'Sync the log when its oldest unsynced record has waited this long.',
  ),
  'follower.replication.throttled.replicas': listSetting([], [], noEffect),
  'index.interval.bytes': intSetting(
    4096,
    { min: 0 },
    'How many bytes of records lie between two entries of an index.',
  ),
  'internal.segment.bytes': intSetting(
    0,
    { min: 0 },
    'Overrules segment.bytes when not 0, for tests that need small segments.',
  ),
  'leader.replication.throttled.replicas': listSetting([], [], noEffect),
  'local.retention.bytes': longSetting(-2, { min: -2 }, noEffect),
  'local.retention.ms': longSetting(-2, { min: -2 }, noEffect),
  'max.compaction.lag.ms': longSetting(
    NEVER,
    { min: 1 },
    'The longest time that a record stays out of compaction, however little there is to gain.',
  ),
  'max.message.bytes': intSetting(
    1_048_588,
    { min: 0 },
    'The largest record batch that is taken, as it is sent (compressed), with its header.',
  ),
  'message.timestamp.after.max.ms': longSetting(
    3_600_000,
    { min: 0 },
    'How far ahead of the broker’s clock a record’s timestamp may be. Without effect with LogAppendTime.',
  ),
  'message.timestamp.before.max.ms': longSetting(
    NEVER,
    { min: 0 },
    'How far behind the broker’s clock a record’s timestamp may be. Without effect with LogAppendTime.',
  ),
  'message.timestamp.type': choiceSetting(
    'CreateTime',
    ['CreateTime', 'LogAppendTime'],
    'Whether a record keeps its producer’s timestamp or gets the time at which the broker appended it.',
  ),
  'min.cleanable.dirty.ratio': doubleSetting(
    0.5,
    { min: 0, max: 1 },
    'Compact when more than this share of the log was not compacted before.',
  ),
  'min.compaction.lag.ms': longSetting(0, { min: 0 }, 'How long a record stays out of compaction at least.'),
  'min.insync.replicas': intSetting(
    1,
    { min: 1 },
    'How many replicas an append with acks=all needs. There is one, so a larger number refuses such appends.',
  ),
  preallocate: booleanSetting(false, 'Taken for the sake of Kafka’s tools; files grow as they are written.'),
  'remote.log.copy.disable': booleanSetting(false, noEffect),
  'remote.log.delete.on.disable': booleanSetting(false, noEffect),
  'remote.storage.enable': booleanSetting(false, 'Must be false: there is no tiered storage.'),
  'retention.bytes': longSetting(
    -1,
    {},
    'How large a partition may grow before its oldest segments are deleted; no limit when negative.',
  ),
  'retention.ms': longSetting(
    7 * DAY_MS,
    { min: -1 },
    'How old the newest record of a segment may become before the segment is deleted; no limit when -1.',
  ),
  'segment.bytes': intSetting(2 ** 30, { min: 2 ** 20 }, 'How large the file of one segment may grow.'),
  'segment.index.bytes': intSetting(
    10 * 2 ** 20,
    { min: 4 },
    'How large the index of one segment may grow before the next segment is begun.',
  ),
  'segment.jitter.ms': longSetting(
    0,
    { min: 0 },
    'A random time up to this is taken from segment.ms, so that partitions do not all begin a segment at once.',
  ),
  'segment.ms': longSetting(
    7 * DAY_MS,
    { min: 1 },
    'After how long the next segment is begun even though the last is not full, so that retention and compaction get at its records.',
  ),
  'unclean.leader.election.enable': booleanSetting(false, noEffect),
}

type Settings = typeof settings
export type LogSettingName = keyof Settings
/** A value for every setting, under Kafka's names. */
export type LogConfig = { readonly [N in LogSettingName]: Settings[N] extends Setting<infer T> ? T : never }

export interface LogSetting {
  readonly name: LogSettingName
  readonly type: SettingType
  readonly default: SettingValue
  readonly documentation: string
  readonly legal: string
  /** Why a text is not a legal value, or undefined. */
  readonly validate: (text: string) => string | undefined
  /** Not shown to users. */
  readonly internal: boolean
}

const byName = settings as unknown as Readonly<Record<string, Setting>>

/** The settings, sorted by name. */
export const logSettings: readonly LogSetting[] = (Object.keys(settings) as LogSettingName[])
  .sort()
  .map((name) => {
    const setting = byName[name]!
    return {
      name,
      type: setting.type,
      default: setting.default,
      documentation: setting.documentation,
      legal: setting.legal,
      internal: name.startsWith('internal.'),
      validate: (text) => {
        try {
          setting.parse(text, name)
          return undefined
        } catch (error) {
          return (error as MillraceError).message
        }
      },
    }
  })

/** True for a name in the table. */
export function isLogSetting(name: string): name is LogSettingName {
  return Object.hasOwn(byName, name)
}

/** The defaults. */
export const defaultLogConfig: LogConfig = Object.fromEntries(
  Object.entries(byName).map(([name, setting]) => [name, setting.default]),
) as LogConfig

/**
 * The config of a topic: `base` (the broker's own defaults) with the topic's texts over it.
 *
 * @throws MR_CONFIG_INVALID (INVALID_CONFIG) for an unknown name, an illegal value, or two that contradict each other
 */
export function resolveLogConfig(
  overrides: Readonly<Record<string, string>> = {},
  base: Partial<LogConfig> = {},
): LogConfig {
  const values: Record<string, SettingValue> = { ...defaultLogConfig, ...base }
  for (const [name, text] of Object.entries(overrides)) {
    if (!isLogSetting(name)) {
      throw new MillraceError('MR_CONFIG_INVALID', `a topic has no setting "${name}"`, {
        context: { kafkaCode: ErrorCodes.INVALID_CONFIG, setting: name },
      })
    }
    values[name] = byName[name]!.parse(text, name)
  }
  const config = values as unknown as LogConfig
  checkTogether(config)
  return config
}

function checkTogether(config: LogConfig): void {
  const min = config['min.compaction.lag.ms']
  if (min > config['max.compaction.lag.ms']) {
    throw invalidSetting('min.compaction.lag.ms', String(min), 'it is more than max.compaction.lag.ms')
  }
  if (config['remote.storage.enable']) {
    throw invalidSetting('remote.storage.enable', 'true', 'there is no tiered storage')
  }
}

/** A value as text, as Kafka's tools show it. */
export function formatLogSetting(name: LogSettingName, value: SettingValue): string {
  return formatSetting(byName[name]!, value)
}

/** The largest file of a segment. */
export function segmentBytesMax(config: LogConfig): number {
  return config['internal.segment.bytes'] || config['segment.bytes']
}

/** How long a segment takes records: compaction needs its records no later than its longest lag. */
export function segmentAgeMaxMs(config: LogConfig): number {
  return isCompacted(config)
    ? Math.min(config['segment.ms'], config['max.compaction.lag.ms'])
    : config['segment.ms']
}

export function isCompacted(config: LogConfig): boolean {
  return config['cleanup.policy'].includes('compact')
}

/** The codec that batches must have, or undefined when producers choose. */
export function requiredCodec(config: LogConfig): CompressionCodec | undefined {
  const type = config['compression.type']
  return type === 'producer' ? undefined : type === 'uncompressed' ? 'none' : type
}

/** The level for a codec that has levels. */
export function codecLevel(config: LogConfig, codec: CompressionCodec): number | undefined {
  if (codec === 'zstd') return config['compression.zstd.level']
  const level = config['compression.gzip.level']
  return codec === 'gzip' && level > 0 ? level : undefined
}
