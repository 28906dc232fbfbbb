/**
 * The configuration of a broker as a user gives it: settings of the broker and defaults of topics in one object,
 * under Kafka's names.
 */
import { type LogConfig, resolveLogConfig } from '../../log/log-config.ts'
import {
  type BrokerSettings,
  isBrokerSetting,
  resolveBrokerSettings,
  unknownSetting,
} from './broker-settings.ts'
import { isTopicDefault, type TopicDefaultName, topicDefaultTexts } from './topic-defaults.ts'

type Given<T> = T extends readonly string[] ? T | string : T | string

/** Values may be typed or texts: `{ 'num.partitions': 4, 'log.retention.ms': '86400000' }`. */
export type BrokerConfig = {
  readonly [N in keyof BrokerSettings]?: Given<BrokerSettings[N]>
} & { readonly [N in TopicDefaultName]?: string | number | boolean }

export interface ResolvedConfig {
  readonly settings: BrokerSettings
  /** The given defaults of topics, as texts under the broker's names. */
  readonly topicDefaults: ReadonlyMap<string, string>
}

/** @throws MR_CONFIG_INVALID for an unknown name or an illegal value */
export function resolveBrokerConfig(config: BrokerConfig = {}): ResolvedConfig {
  const own: Record<string, string | number | boolean | readonly string[]> = {}
  const topicDefaults = new Map<string, string>()
  for (const [name, value] of Object.entries(config)) {
    if (value === undefined) continue
    if (isBrokerSetting(name)) own[name] = value as never
    else if (isTopicDefault(name)) topicDefaults.set(name, String(value))
    else throw unknownSetting(name)
  }
  topicDefaultTexts(topicDefaults)
  return { settings: resolveBrokerSettings(own), topicDefaults }
}

/** The settings that a topic without its own gets; `changed` at run time goes before `given` at start. */
export function defaultTopicConfig(
  given: ReadonlyMap<string, string>,
  changed: ReadonlyMap<string, string>,
): LogConfig {
  return resolveLogConfig(topicDefaultTexts(new Map([...given, ...changed])))
}
