/**
 * The configuration: what one Millrace runs. A config file has one as its default export.
 *
 * ```ts
 * export default defineConfig({ pipelines: [revenue()], topics: { orders: { partitions: 4 } } })
 * ```
 */
import type { AgentDescription } from '../../collect/agent.ts'
import type { DeliveryDescription } from '../../collect/delivery.ts'
import { suggestName } from '../../core/did-you-mean.ts'
import { MillraceError } from '../../core/errors.ts'
import type { PhysicalPlan } from '../../plan/plan.ts'
import type { PipelineRunOptions } from '../../runtime/pipeline-config.ts'

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
  readonly topics?: Readonly<Record<string, TopicConfig>>
  readonly agents?: readonly AgentDescription[]
  readonly pipelines?: readonly ConfiguredPipeline[]
  readonly deliveries?: readonly DeliveryDescription[]
  readonly results?: readonly ResultConfig[]
  readonly run?: PipelineRunOptions
}

const names = ['title', 'brokers', 'topics', 'agents', 'pipelines', 'deliveries', 'results', 'run'] as const

/** Gives a configuration its type. */
export function defineConfig(config: MillraceConfig): MillraceConfig {
  return config
}

/** The configuration that a file exports. @throws MR_CONFIG_INVALID */
export function checkConfig(value: unknown, file: string): MillraceConfig {
  const refuse = (message: string, hint: string): never => {
    throw new MillraceError('MR_CONFIG_INVALID', message, { where: file, hint })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(
      'the file has no configuration as its default export',
      'Write: export default defineConfig({ … })',
    )
  }
  for (const name of Object.keys(value)) {
    if (!(names as readonly string[]).includes(name)) refuse(`no setting "${name}"`, suggestName(name, names))
  }
  const config = value as MillraceConfig
  for (const list of ['agents', 'pipelines', 'deliveries', 'results', 'brokers'] as const) {
    if (config[list] !== undefined && !Array.isArray(config[list]))
      refuse(`"${list}" is not a list`, `Write: ${list}: [ … ]`)
  }
  for (const pipeline of config.pipelines ?? []) {
    if (typeof pipeline?.plan !== 'function') {
      refuse(
        'an entry of "pipelines" is not a pipeline',
        'Call the function that makes it: pipelines: [revenue()]',
      )
    }
  }
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
  return config
}
