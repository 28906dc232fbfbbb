/** What a topic may be like: the rules that Kafka's controller applies to CreateTopics. */
import { isMillraceError, messageOf } from '../../core/errors.ts'
import { topicNameFault } from '../../core/topic-name.ts'
import { isLogSetting, resolveLogConfig } from '../../log/log-config.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { BrokerParts } from '../broker-parts.ts'
import type { TopicFault } from './topic-fault.ts'
import type { Topics } from './topics.ts'

/** A named limit: one request must not fill the disk with folders. */
export const PARTITIONS_MAX = 10_000

/** A topic as it is to be made: everything is checked. */
export interface TopicPlan {
  readonly name: string
  readonly partitionCount: number
  /** Settings of its own, as texts. */
  readonly overrides: ReadonlyMap<string, string>
}

export interface TopicWish {
  readonly name: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly assignments: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[]
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

/** Why a topic of this name cannot be made, or undefined. */
export function nameFault(name: string, topics: Topics): TopicFault | undefined {
  const fault = topicNameFault(name)
  if (fault !== undefined) {
    return { code: ErrorCodes.INVALID_TOPIC_EXCEPTION, message: `"${name}" is not a topic name: ${fault}` }
  }
  if (topics.find(name) !== undefined) {
    return { code: ErrorCodes.TOPIC_ALREADY_EXISTS, message: `a topic "${name}" exists already` }
  }
  const other = topics.colliding(name)
  if (other === undefined) return undefined
  const message = `"${name}" collides with "${other}": names of metrics do not tell "." from "_"`
  return { code: ErrorCodes.INVALID_TOPIC_EXCEPTION, message }
}

function countFault(wish: TopicWish, nodeId: number): TopicFault | undefined {
  const { numPartitions, replicationFactor, assignments } = wish
  if (assignments.length > 0) {
    if (numPartitions !== -1 || replicationFactor !== -1) {
      const message = 'with assignments, partitions and replication factor are -1'
      return { code: ErrorCodes.INVALID_REQUEST, message }
    }
    const sound = assignments.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === nodeId)
    const indexes = new Set(assignments.map(({ partitionIndex }) => partitionIndex))
    const gapless = assignments.every((_, i) => indexes.has(i)) && indexes.size === assignments.length
    if (sound && gapless) return undefined
    const message = `partitions count from 0, and the only broker is ${nodeId}`
    return { code: ErrorCodes.INVALID_REPLICA_ASSIGNMENT, message }
  }
  if (numPartitions !== -1 && (numPartitions < 1 || numPartitions > PARTITIONS_MAX)) {
    const message = `a topic has 1 to ${PARTITIONS_MAX} partitions, not ${numPartitions}`
    return { code: ErrorCodes.INVALID_PARTITIONS, message }
  }
  if (replicationFactor === -1 || replicationFactor === 1) return undefined
  const message = `a replication factor of ${replicationFactor} needs as many brokers; there is 1`
  return { code: ErrorCodes.INVALID_REPLICATION_FACTOR, message }
}

/** Checks the settings of a topic, as texts. */
export function overridesFault(
  overrides: ReadonlyMap<string, string>,
  topics: Topics,
): TopicFault | undefined {
  try {
    for (const name of overrides.keys()) {
      if (!isLogSetting(name)) {
        return { code: ErrorCodes.INVALID_CONFIG, message: `a topic has no setting "${name}"` }
      }
    }
    resolveLogConfig(Object.fromEntries(overrides), topics.defaults)
    return undefined
  } catch (error) {
    if (!isMillraceError(error, 'MR_CONFIG_INVALID')) throw error
    return { code: ErrorCodes.INVALID_CONFIG, message: messageOf(error) }
  }
}

/** Checks a wish for a topic and fills in the defaults. */
export function checkTopic(
  wish: TopicWish,
  { topics, nodeId, settings }: Pick<BrokerParts, 'topics' | 'nodeId' | 'settings'>,
): TopicPlan | TopicFault {
  const fault = nameFault(wish.name, topics) ?? countFault(wish, nodeId)
  if (fault !== undefined) return fault
  const overrides = new Map<string, string>()
  for (const { name, value } of wish.configs) {
    if (value === null) return { code: ErrorCodes.INVALID_CONFIG, message: `"${name}" has no value` }
    overrides.set(name, value)
  }
  const wrong = overridesFault(overrides, topics)
  if (wrong !== undefined) return wrong
  const given = wish.assignments.length > 0 ? wish.assignments.length : wish.numPartitions
  return {
    name: wish.name,
    partitionCount: given === -1 ? settings['num.partitions'] : given,
    overrides,
  }
}
