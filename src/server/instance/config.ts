/**
 * The configuration: what one Millrace runs. A config file has one as its default export.
 *
 * ```ts
 * export default defineConfig({ pipelines: [revenue()], topics: { orders: { partitions: 4 } } })
 * ```
 */
import { isKnownSetting, suggestSetting } from '../../broker/config/setting-names.ts'
import type { AgentDescription } from '../../collect/agent.ts'
import type { DeliveryDescription } from '../../collect/delivery.ts'
import { suggestName } from '../../core/did-you-mean.ts'
import { MillraceError } from '../../core/errors.ts'
import type { PhysicalPlan } from '../../plan/plan.ts'
import type { PipelineRunOptions } from '../../runtime/pipeline-config.ts'
import { type BrokerSection, brokerSectionNames } from './broker-section.ts'

export interface TopicConfig {
  /** Default: `run.partitions`. */
  readonly partitions?: number
  /** Kafka's names and values: `{ 'retention.ms': '3600000' }`. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A table of results on the page and in the terminal, read from a topic. */
export interface ResultConfig {
  readonly topic: string
  /** Default: the topic's name. */
  readonly title?: string
  /** Fields of the value to show, in order; default: those of the first record. Names ending in `Ms` are times. */
  readonly columns?: readonly string[]
}

/** What a configuration needs of a pipeline. */
export interface ConfiguredPipeline {
  readonly name: string
  plan(): PhysicalPlan
}

export interface MillraceConfig {
  /** What the page is called. Default: the file's directory. */
  readonly title?: string
  /** A cluster to use, `host:port`. Without it the broker of this process. */
  readonly brokers?: readonly string[]
  /** How that cluster is reached: Kafka's properties `security.protocol`, `sasl.…`, `ssl.…`. */
  readonly kafka?: Readonly<Record<string, string>>
  /** What the broker of this process is told: listeners, TLS, logins, users, defaults of topics. */
  readonly broker?: BrokerSection
  readonly topics?: Readonly<Record<string, TopicConfig>>
  readonly agents?: readonly AgentDescription[]
  readonly pipelines?: readonly ConfiguredPipeline[]
  readonly deliveries?: readonly DeliveryDescription[]
  readonly results?: readonly ResultConfig[]
  readonly run?: PipelineRunOptions
}

const names: readonly (keyof MillraceConfig)[] = [
  'title',
  'brokers',
  'kafka',
  'broker',
  'topics',
  'agents',
  'pipelines',
  'deliveries',
  'results',
  'run',
]
const topicNames: readonly (keyof TopicConfig)[] = ['partitions', 'settings']
const resultNames: readonly (keyof ResultConfig)[] = ['topic', 'title', 'columns']
const runNames: readonly (keyof PipelineRunOptions)[] = [
  'delivery',
  'commitInterval',
  'idle',
  'threads',
  'partitions',
]

/** Gives a configuration its type. */
export function defineConfig(config: MillraceConfig): MillraceConfig {
  return config
}

/** Tells of a setting that is not legal. */
type Refuse = (message: string, hint: string, setting?: string) => never

/** The configuration that a file exports. @throws MR_CONFIG_INVALID, with the setting in its context */
export function checkConfig(value: unknown, file: string): MillraceConfig {
  const refuse: Refuse = (message, hint, setting) => {
    const context = setting === undefined ? {} : { setting }
    throw new MillraceError('MR_CONFIG_INVALID', message, { where: file, hint, context })
  }
  if (!isObject(value)) {
    return refuse(
      'the file has no configuration as its default export',
      'Write: export default defineConfig({ … })',
    )
  }
  checkNames(value, names, '', refuse)
  const config = value as MillraceConfig
  for (const list of ['agents', 'pipelines', 'deliveries', 'results', 'brokers'] as const) {
    if (config[list] !== undefined && !Array.isArray(config[list]))
      refuse(`"${list}" is not a list`, `Write: ${list}: [ … ]`, list)
  }
  checkBrokers(config, refuse)
  checkTopics(config, refuse)
  checkResults(config, refuse)
  if (config.run !== undefined) checkNames(config.run, runNames, ' in "run"', refuse)
  for (const pipeline of config.pipelines ?? []) {
    if (typeof pipeline?.plan !== 'function') {
      refuse(
        'an entry of "pipelines" is not a pipeline',
        'Call the function that makes it: pipelines: [revenue()]',
        'pipelines',
      )
    }
  }
  checkPartNames(config, refuse)
  return config
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function checkNames(value: object, legal: readonly string[], place: string, refuse: Refuse): void {
  for (const name of Object.keys(value)) {
    if (!legal.includes(name)) refuse(`no setting "${name}"${place}`, suggestName(name, legal), name)
  }
}

function checkBrokers({ broker, brokers, kafka }: MillraceConfig, refuse: Refuse): void {
  if (kafka !== undefined && !isObject(kafka)) {
    refuse('"kafka" is not an object', "Write: kafka: { 'security.protocol': 'SASL_SSL', … }", 'kafka')
  }
  if (kafka !== undefined && brokers === undefined && kafka['bootstrap.servers'] === undefined) {
    refuse('"kafka" is about a cluster, and none is named', "Write: brokers: ['host:9092']", 'kafka')
  }
  if (broker === undefined) return
  if (!isObject(broker)) refuse('"broker" is not an object', 'Write: broker: { settings: { … } }', 'broker')
  checkNames(broker, brokerSectionNames, ' in "broker"', refuse)
  if (brokers !== undefined || kafka !== undefined) {
    const hint = 'Leave "broker" away, or "brokers" and "kafka".'
    refuse('"broker" is about the broker of this process, and another cluster is named', hint, 'broker')
  }
  const { settings = {}, users = {} } = broker
  if (!isObject(settings)) {
    refuse('"settings" of "broker" is not an object', "Write: settings: { 'num.partitions': 4 }", 'settings')
  }
  for (const name of Object.keys(settings)) {
    if (!isKnownSetting(name)) refuse(`the broker has no setting "${name}"`, suggestSetting(name), name)
  }
  if (!isObject(users))
    refuse('"users" of "broker" is not an object', "Write: users: { alice: '…' }", 'users')
  for (const [user, password] of Object.entries(users)) {
    if (typeof password !== 'string' || password === '') {
      refuse(`user "${user}" has no password`, 'Is the environment variable set that it comes from?', user)
    }
  }
}

function checkTopics({ topics = {} }: MillraceConfig, refuse: Refuse): void {
  if (!isObject(topics)) refuse('"topics" is not an object', 'Write: topics: { orders: { … } }', 'topics')
  for (const [topic, own] of Object.entries(topics)) {
    if (!isObject(own)) refuse(`topic "${topic}" has no settings`, `Write: topics: { '${topic}': {} }`, topic)
    checkNames(own, topicNames, ` of topic "${topic}"`, refuse)
    const { partitions } = own as TopicConfig
    if (partitions !== undefined && !(Number.isSafeInteger(partitions) && partitions > 0))
      refuse(
        `topic "${topic}" cannot have ${String(partitions)} partitions`,
        'Write a whole number from 1 on.',
        topic,
      )
  }
}

function checkResults({ results = [] }: MillraceConfig, refuse: Refuse): void {
  for (const result of results) {
    if (!isObject(result) || typeof result.topic !== 'string')
      refuse('an entry of "results" names no topic', "Write: results: [{ topic: 'revenue' }]", 'results')
    checkNames(result, resultNames, ` of result "${result.topic}"`, refuse)
  }
}

function checkPartNames(config: MillraceConfig, refuse: Refuse): void {
  const taken = new Set<string>()
  for (const { name } of [
    ...(config.agents ?? []),
    ...(config.pipelines ?? []),
    ...(config.deliveries ?? []),
  ]) {
    if (taken.has(name))
      refuse(`two parts are named "${name}"`, 'Agents, pipelines and deliveries have names of their own.')
    taken.add(name)
  }
}
