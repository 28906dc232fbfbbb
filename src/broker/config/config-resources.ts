/**
 * What AlterConfigs, IncrementalAlterConfigs and DescribeConfigs have in common: resources, who may touch them,
 * and how a change is checked and made.
 *
 * A topic has settings of its own. The broker's changeable settings are the defaults of topics (`log.*`); what is
 * changed is kept for the whole cluster, which has one broker. All else of the broker is set when it starts.
 */
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { BrokerParts } from '../broker-parts.ts'
import {
  clusterResource,
  groupResource,
  type Operation,
  type RequestContext,
  type Resource,
  topicResource,
} from '../request-context.ts'
import { overridesFault } from '../topics/topic-creation.ts'
import { brokerFault, type TopicFault } from '../topics/topic-fault.ts'
import { defaultTopicConfig } from './broker-config.ts'
import { isBrokerSetting } from './broker-settings.ts'
import { isTopicDefault } from './topic-defaults.ts'

/** Kafka's numbers. */
export const resourceTypes = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const

export interface ConfigResource {
  readonly type: number
  readonly name: string
}

/** The texts that a resource has now, and how they are replaced. */
interface Changeable {
  readonly present: ReadonlyMap<string, string>
  readonly check: (next: ReadonlyMap<string, string>) => TopicFault | undefined
  readonly apply: (next: ReadonlyMap<string, string>) => void
}

export function rightsOf({ type, name }: ConfigResource): Resource {
  if (type === resourceTypes.topic) return topicResource(name)
  return type === resourceTypes.group ? groupResource(name) : clusterResource
}

/** The error of a client that may not do this, or undefined. */
export function rightsFault(
  context: RequestContext,
  operation: Operation,
  resource: ConfigResource,
): TopicFault | undefined {
  if (context.authorize(operation, rightsOf(resource))) return undefined
  const { CLUSTER_AUTHORIZATION_FAILED, GROUP_AUTHORIZATION_FAILED, TOPIC_AUTHORIZATION_FAILED } = ErrorCodes
  const codes = { topic: TOPIC_AUTHORIZATION_FAILED, group: GROUP_AUTHORIZATION_FAILED } as const
  const { type } = rightsOf(resource)
  return {
    code: type === 'topic' || type === 'group' ? codes[type] : CLUSTER_AUTHORIZATION_FAILED,
    message: null,
  }
}

function topicChange(broker: BrokerParts, name: string): Changeable | TopicFault {
  const { topics } = broker
  const topic = topics.find(name)
  if (topic === undefined) return { code: topics.missingCode(name), message: null }
  return {
    present: topic.overrides,
    check: (next) => overridesFault(next, topics),
    apply: (next) => topics.setOverrides(topic, next),
  }
}

function brokerChange(broker: BrokerParts, name: string): Changeable | TopicFault {
  if (name !== '' && name !== String(broker.nodeId)) {
    return { code: ErrorCodes.INVALID_REQUEST, message: `this is broker ${broker.nodeId}, not "${name}"` }
  }
  const { topics, topicDefaults } = broker
  return {
    present: topics.changedBrokerConfigs,
    check: (next) => brokerConfigsFault(next, topicDefaults),
    apply: (next) => topics.setBrokerConfigs(next, defaultTopicConfig(topicDefaults, next)),
  }
}

function brokerConfigsFault(
  next: ReadonlyMap<string, string>,
  given: ReadonlyMap<string, string>,
): TopicFault | undefined {
  for (const name of next.keys()) {
    if (isBrokerSetting(name)) {
      return { code: ErrorCodes.INVALID_REQUEST, message: `"${name}" can only be set when the broker starts` }
    }
    if (!isTopicDefault(name)) {
      return { code: ErrorCodes.INVALID_CONFIG, message: `the broker has no setting "${name}"` }
    }
  }
  try {
    defaultTopicConfig(given, next)
    return undefined
  } catch (error) {
    return brokerFault(error)
  }
}

function changeOf(broker: BrokerParts, { type, name }: ConfigResource): Changeable | TopicFault {
  if (type === resourceTypes.topic) return topicChange(broker, name)
  if (type === resourceTypes.broker) return brokerChange(broker, name)
  return { code: ErrorCodes.INVALID_REQUEST, message: `resources of type ${type} cannot be changed` }
}

const fine: TopicFault = { code: ErrorCodes.NONE, message: null }

/** Checks and makes a change; `edit` turns the present texts into the next ones, or says why it cannot. */
export function changeConfigs(
  broker: BrokerParts,
  context: RequestContext,
  resource: ConfigResource,
  how: {
    readonly validateOnly: boolean
    readonly edit: (present: ReadonlyMap<string, string>) => ReadonlyMap<string, string> | TopicFault
  },
): TopicFault {
  const fault = rightsFault(context, 'alterConfigs', resource)
  if (fault !== undefined) return fault
  const change = changeOf(broker, resource)
  if ('code' in change) return change
  const next = how.edit(change.present)
  if ('code' in next) return next
  const wrong = change.check(next)
  if (wrong !== undefined || how.validateOnly) return wrong ?? fine
  try {
    change.apply(next)
    return fine
  } catch (error) {
    return brokerFault(error)
  }
}
