/** The settings of the broker as clients see them: its own, and the defaults of topics under the broker's names. */
import { formatSetting } from '../../log/config-setting.ts'
import { defaultLogConfig, formatLogSetting, type LogConfig, logSettings } from '../../log/log-config.ts'
import { type BrokerSettingName, type BrokerSettings, brokerSettingTable } from './broker-settings.ts'
import { secretSettings } from './security-settings.ts'
import { type ConfigEntry, type ConfigSynonym, configSources, configTypes } from './topic-config-entries.ts'
import { brokerNameOf } from './topic-defaults.ts'

export interface BrokerConfigEntry extends ConfigEntry {
  /** It cannot be changed while the broker runs. */
  readonly readOnly: boolean
  /** Its value is told to nobody. */
  readonly secret: boolean
}

export interface BrokerConfigState {
  readonly settings: BrokerSettings
  readonly defaults: LogConfig
  /** Defaults of topics as they were given at start, by the broker's names. */
  readonly given: ReadonlyMap<string, string>
  /** Defaults of topics that were changed since. */
  readonly changed: ReadonlyMap<string, string>
}

function ownEntries(settings: BrokerSettings): readonly BrokerConfigEntry[] {
  return Object.entries(brokerSettingTable).map(([name, setting]) => {
    const value = formatSetting(setting, settings[name as BrokerSettingName])
    const builtIn = formatSetting(setting, setting.default)
    const isDefault = value === builtIn
    const source = isDefault ? configSources.default : configSources.staticBroker
    const synonyms: ConfigSynonym[] = isDefault ? [] : [{ name, value, source }]
    return {
      name,
      value,
      source,
      type: secretSettings.has(name) ? configTypes.password : configTypes[setting.type],
      documentation: setting.documentation,
      readOnly: true,
      secret: secretSettings.has(name),
      synonyms: [...synonyms, { name, value: builtIn, source: configSources.default }],
    }
  })
}

function topicDefaultEntries(state: BrokerConfigState): readonly BrokerConfigEntry[] {
  const entries: BrokerConfigEntry[] = []
  for (const { name: setting, type, documentation } of logSettings) {
    const name = brokerNameOf(setting)
    if (name === undefined) continue
    const synonyms: ConfigSynonym[] = []
    const changed = state.changed.get(name)
    if (changed !== undefined) {
      synonyms.push({ name, value: changed, source: configSources.dynamicDefaultBroker })
    }
    const given = state.given.get(name)
    if (given !== undefined) synonyms.push({ name, value: given, source: configSources.staticBroker })
    const builtIn = formatLogSetting(setting, defaultLogConfig[setting])
    synonyms.push({ name, value: builtIn, source: configSources.default })
    entries.push({
      name,
      value: formatLogSetting(setting, state.defaults[setting]),
      source: synonyms[0]!.source,
      type: configTypes[type],
      documentation: `${documentation} Holds for topics that do not set ${setting} themselves.`,
      readOnly: false,
      secret: false,
      synonyms,
    })
  }
  return entries
}

/** All settings, sorted by name. */
export function brokerConfigEntries(state: BrokerConfigState): readonly BrokerConfigEntry[] {
  const entries = [...ownEntries(state.settings), ...topicDefaultEntries(state)]
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}
