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
} & { readonly [N in TopicDefaultName]?: string | number | boolean } & {
  /** A setting of TLS or SASL for one listener: `'listener.name.secure.ssl.client.auth': 'required'`. */
  readonly [N in `listener.name.${string}`]?: string | number | boolean | readonly string[]
}

export interface ResolvedConfig {
  readonly settings: BrokerSettings
  /** The given defaults of topics, as texts under the broker's names. */
  readonly topicDefaults: ReadonlyMap<string, string>
  /** The settings of one listener, by its name in any case: the broker's with its own over them. */
  readonly settingsOf: (listener: string) => BrokerSettings
}

type Values = Record<string, string | number | boolean | readonly string[]>

const LISTENER_PREFIX = 'listener.name.'
/** What may differ from listener to listener. */
const perListener = /^(?:ssl|sasl|plain\.sasl|connections\.max\.reauth)\./

/** @throws MR_CONFIG_INVALID for an unknown name or an illegal value */
export function resolveBrokerConfig(config: BrokerConfig = {}): ResolvedConfig {
  const own: Values = {}
  const byListener = new Map<string, Values>()
  const topicDefaults = new Map<string, string>()
  for (const [name, value] of Object.entries(config)) {
    if (value === undefined) continue
    if (isBrokerSetting(name)) own[name] = value as never
    else if (isTopicDefault(name)) topicDefaults.set(name, String(value))
    else if (name.startsWith(LISTENER_PREFIX)) {
      const { listener, setting } = splitListenerSetting(name)
      byListener.set(listener, { ...byListener.get(listener), [setting]: value as never })
    } else throw unknownSetting(name)
  }
  topicDefaultTexts(topicDefaults)
  const settings = resolveBrokerSettings(own)
  const settingsByListener = new Map(
    [...byListener].map(([name, values]) => [name, resolveBrokerSettings({ ...own, ...values })]),
  )
  const settingsOf = (listener: string): BrokerSettings =>
    settingsByListener.get(listener.toLowerCase()) ?? settings
  return { settings, topicDefaults, settingsOf }
}

function splitListenerSetting(name: string): { listener: string; setting: string } {
  const rest = name.slice(LISTENER_PREFIX.length)
  const dot = rest.indexOf('.')
  const setting = rest.slice(dot + 1)
  if (dot <= 0 || !isBrokerSetting(setting) || !perListener.test(setting)) throw unknownSetting(name)
  return { listener: rest.slice(0, dot).toLowerCase(), setting }
}

/** The settings that a topic without its own gets; `changed` at run time goes before `given` at start. */
export function defaultTopicConfig(
  given: ReadonlyMap<string, string>,
  changed: ReadonlyMap<string, string>,
): LogConfig {
  return resolveLogConfig(topicDefaultTexts(new Map([...given, ...changed])))
}
