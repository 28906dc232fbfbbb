/** The settings of a topic as clients see them: value and where it comes from. */
import {
  defaultLogConfig,
  formatLogSetting,
  type LogConfig,
  type LogSetting,
  logSettings,
} from '../../log/log-config.ts'
import { brokerNameOf } from './topic-defaults.ts'

/** Where a value comes from: Kafka's numbers. */
export const configSources = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefaultBroker: 3,
  staticBroker: 4,
  default: 5,
} as const

/** The type of a value: Kafka's numbers. */
export const configTypes = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
} as const

export interface ConfigSynonym {
  readonly name: string
  readonly value: string
  readonly source: number
}

export interface ConfigEntry extends ConfigSynonym {
  readonly type: number
  readonly documentation: string
  /** From the value in force to the built-in default. */
  readonly synonyms: readonly ConfigSynonym[]
}

function entryOf(
  { name, type, documentation }: LogSetting,
  overrides: ReadonlyMap<string, string>,
  defaults: LogConfig,
): ConfigEntry {
  const synonyms: ConfigSynonym[] = []
  const own = overrides.get(name)
  if (own !== undefined) synonyms.push({ name, value: own, source: configSources.topic })
  const brokerName = brokerNameOf(name)
  if (brokerName !== undefined && defaults[name] !== defaultLogConfig[name]) {
    const value = formatLogSetting(name, defaults[name])
    synonyms.push({ name: brokerName, value, source: configSources.staticBroker })
  }
  const value = formatLogSetting(name, defaultLogConfig[name])
  synonyms.push({ name: brokerName ?? name, value, source: configSources.default })
  const inForce = synonyms[0]!
  return {
    name,
    value: inForce.value,
    source: inForce.source,
    type: configTypes[type],
    documentation,
    synonyms,
  }
}

/** All settings of a topic, sorted by name. */
export function topicConfigEntries(
  overrides: ReadonlyMap<string, string>,
  defaults: LogConfig,
): readonly ConfigEntry[] {
  return logSettings
    .filter(({ internal }) => !internal)
    .map((setting) => entryOf(setting, overrides, defaults))
}
