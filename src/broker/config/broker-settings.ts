/**
 * The settings of the broker, under Kafka's names where Kafka has one.
 *
 * Defaults are Kafka's, except where a single node for development wants another: one partition each for the
 * internal topics (fast start), no delay before the first rebalance. The defaults of topics (`log.*`,
 * `message.max.bytes`) stand in topic-defaults.ts, listeners, TLS, SASL, rights and quotas in security-settings.ts.
 */
import { nearestName } from '../../core/did-you-mean.ts'
import { MillraceError } from '../../core/errors.ts'
import {
  booleanSetting,
  formatSetting,
  intSetting,
  listSetting,
  longSetting,
  type Setting,
  type SettingValue,
} from '../../log/config-setting.ts'
import { securitySettings } from './security-settings.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const MIB = 1 << 20
const INT_MAX = 0x7fff_ffff

const positive = { min: 1 }
const natural = { min: 0 }

const settings = {
  'node.id': intSetting(1, natural, 'The number by which clients know this broker.'),
  'num.partitions': intSetting(1, positive, 'Partitions of a topic that is created without a number.'),
  'default.replication.factor': intSetting(1, { min: 1, max: 1 }, 'Always 1: a Millrace broker is one node.'),
  'auto.create.topics.enable': booleanSetting(true, 'Create a topic when a client asks for its metadata.'),
  'delete.topic.enable': booleanSetting(true, 'Let clients delete topics.'),

  'fetch.max.bytes': intSetting(55 * MIB, { min: 1024 }, 'The most bytes of records in one fetch answer.'),
  'max.incremental.fetch.session.cache.slots': intSetting(
    1000,
    natural,
    'Fetch sessions that are kept at a time.',
  ),

  'offsets.topic.num.partitions': intSetting(
    1,
    positive,
    'Partitions of __consumer_offsets when it is created. Kafka has 50.',
  ),
  'offsets.topic.segment.bytes': intSetting(100 * MIB, { min: MIB }, 'Segment size of __consumer_offsets.'),
  'offset.metadata.max.bytes': intSetting(4096, natural, 'The longest metadata of a committed offset.'),
  'offsets.retention.minutes': intSetting(
    7 * 24 * 60,
    positive,
    'How long committed offsets outlive the last member of their group.',
  ),
  'offsets.retention.check.interval.ms': longSetting(
    10 * MINUTE_MS,
    positive,
    'How often expired offsets are looked for.',
  ),
  'group.initial.rebalance.delay.ms': intSetting(
    0,
    natural,
    'How long an empty classic group waits for more members. Kafka: 3000.',
  ),
  'group.min.session.timeout.ms': intSetting(
    6000,
    natural,
    'The shortest session timeout of a classic member.',
  ),
  'group.max.session.timeout.ms': intSetting(
    30 * MINUTE_MS,
    positive,
    'The longest session timeout of a classic member.',
  ),
  'group.max.size': intSetting(INT_MAX, positive, 'The most members of a classic group.'),
  'group.consumer.assignors': listSetting(
    ['uniform', 'range'],
    ['uniform', 'range'],
    'Server-side assignors of consumer groups (KIP-848); the first is the default.',
  ),
  'group.consumer.heartbeat.interval.ms': intSetting(
    5000,
    positive,
    'How often a member of a consumer group sends a heartbeat.',
  ),
  'group.consumer.session.timeout.ms': intSetting(
    45_000,
    positive,
    'After which silence a member of a consumer group counts as gone.',
  ),
  'group.consumer.max.size': intSetting(INT_MAX, positive, 'The most members of a consumer group.'),

  'transaction.state.log.num.partitions': intSetting(
    1,
    positive,
    'Partitions of __transaction_state when it is created. Kafka has 50.',
  ),
  'transaction.state.log.segment.bytes': intSetting(
    100 * MIB,
    { min: MIB },
    'Segment size of __transaction_state.',
  ),
  'transaction.max.timeout.ms': intSetting(
    15 * MINUTE_MS,
    positive,
    'The longest transaction timeout that a producer may ask for.',
  ),
  'transactional.id.expiration.ms': intSetting(
    7 * DAY_MS,
    positive,
    'After which idle time a transactional id is forgotten.',
  ),
  'transaction.remove.expired.transaction.cleanup.interval.ms': intSetting(
    HOUR_MS,
    positive,
    'How often expired transactional ids are looked for.',
  ),
  'transaction.partition.verification.enable': booleanSetting(
    true,
    'Refuse transactional records for a partition that is not part of the transaction (KIP-890).',
  ),

  'producer.id.expiration.ms': intSetting(
    DAY_MS,
    positive,
    'After which idle time a partition forgets the sequences of a producer.',
  ),

  'socket.request.max.bytes': intSetting(
    100 * MIB,
    { min: 1024 },
    'The largest request; a connection with a larger one is closed.',
  ),
  'queued.max.request.bytes': longSetting(
    128 * MIB,
    { min: MIB },
    'Memory for requests that are still arriving, over all connections. Beyond it sockets are read later.',
  ),
  'queued.max.response.bytes': longSetting(
    256 * MIB,
    { min: MIB },
    'Memory for answers that clients have not read, over all connections. Beyond it fetch answers get small.',
  ),
  'max.connections': intSetting(
    20_000,
    positive,
    'Open connections over all listeners; more are closed at once.',
  ),
  'max.connections.per.ip': intSetting(INT_MAX, positive, 'Open connections from one address.'),
  'max.in.flight.requests.per.connection': intSetting(
    32,
    positive,
    'Requests of one connection that may wait for answers; then its socket is not read.',
  ),
  'connections.max.idle.ms': longSetting(
    10 * MINUTE_MS,
    positive,
    'After which silence a connection is closed.',
  ),
  'request.receive.timeout.ms': longSetting(
    30_000,
    positive,
    'How long a request may take to arrive once it has begun.',
  ),
  'connection.write.stall.timeout.ms': longSetting(
    60_000,
    positive,
    'How long a client may leave an answer unread before its connection is closed.',
  ),

  'log.retention.check.interval.ms': longSetting(
    5 * MINUTE_MS,
    positive,
    'How often old segments are looked for.',
  ),
  'log.cleaner.enable': booleanSetting(true, 'Compact topics whose cleanup.policy has compact.'),
  'log.cleaner.backoff.ms': longSetting(15_000, positive, 'How often logs to compact are looked for.'),

  ...securitySettings,
}

type Table = typeof settings
export type BrokerSettingName = keyof Table

/** A value for every setting, under Kafka's names. */
export type BrokerSettings = {
  readonly [N in BrokerSettingName]: Table[N] extends Setting<infer T> ? T : never
}

export const brokerSettingTable: Readonly<Record<BrokerSettingName, Setting>> =
  settings as unknown as Readonly<Record<BrokerSettingName, Setting>>

export function isBrokerSetting(name: string): name is BrokerSettingName {
  return Object.hasOwn(settings, name)
}

/**
 * The value of each setting: what is given, as text or typed, over the defaults.
 *
 * @throws MR_CONFIG_INVALID for an illegal value
 */
export function resolveBrokerSettings(
  given: Readonly<Record<string, SettingValue | undefined>>,
): BrokerSettings {
  const resolved: Record<string, SettingValue> = {}
  for (const [name, setting] of Object.entries(brokerSettingTable)) {
    const value = given[name]
    const text = value === undefined || typeof value === 'string' ? value : formatSetting(setting, value)
    resolved[name] = text === undefined ? setting.default : setting.parse(text, name)
  }
  return resolved as unknown as BrokerSettings
}

/** The error for a name that is no setting of the broker. */
export function unknownSetting(name: string): MillraceError {
  const nearest = nearestName(name, Object.keys(brokerSettingTable))
  return new MillraceError('MR_CONFIG_INVALID', `the broker has no setting "${name}"`, {
    hint: nearest === undefined ? 'The names are those of a Kafka broker.' : `Did you mean "${nearest}"?`,
  })
}
