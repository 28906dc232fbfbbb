/** Every name that a broker can be told at its start: its settings, defaults of topics, and settings of one listener. */
import { suggestName } from '../../core/did-you-mean.ts'
import { brokerSettingTable, isBrokerSetting } from './broker-settings.ts'
import { isTopicDefault, topicDefaultSynonyms } from './topic-defaults.ts'

const LISTENER_PREFIX = 'listener.name.'

/** True also for a setting of one listener, whose own name is looked at when the broker opens. */
export function isKnownSetting(name: string): boolean {
  return isBrokerSetting(name) || isTopicDefault(name) || name.startsWith(LISTENER_PREFIX)
}

/** `Did you mean "num.partitions"?`, or where the names are from. */
export function suggestSetting(name: string): string {
  const defaults = Object.values(topicDefaultSynonyms).flatMap((synonyms) => synonyms.map((one) => one.name))
  const hint = suggestName(name, [...Object.keys(brokerSettingTable), ...defaults])
  return hint.startsWith('Legal:') ? 'The names are those of a Kafka broker.' : hint
}
