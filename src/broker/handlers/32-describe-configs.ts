/**
 * DescribeConfigs: v1–v4
 *
 * Behaviour: the settings of topics and of the broker with where each value comes from.
 *
 * Version notes
 * v3     type and documentation (KIP-569)
 *
 * Not supported: broker loggers, client metrics and groups as resources.
 */
import { describeConfigs } from '../../protocol/apis/describe-configs.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { type BrokerConfigEntry, brokerConfigEntries } from '../config/broker-config-entries.ts'
import { resourceTypes, rightsFault } from '../config/config-resources.ts'
import { topicConfigEntries } from '../config/topic-config-entries.ts'
import type { RequestContext } from '../request-context.ts'
import type { TopicFault } from '../topics/topic-fault.ts'
import { defineHandler } from './handler.ts'

type Request = RequestOf<typeof describeConfigs>
type Wanted = Request['resources'][number]
type Result = ResponseInput<typeof describeConfigs>['results'][number]

function entriesOf(broker: BrokerParts, wanted: Wanted): readonly BrokerConfigEntry[] | TopicFault {
  const { topics, settings, topicDefaults, nodeId } = broker
  const { resourceType, resourceName } = wanted
  if (resourceType === resourceTypes.topic) {
    const topic = topics.find(resourceName)
    if (topic === undefined) return { code: topics.missingCode(resourceName), message: null }
    return topicConfigEntries(topic.overrides, topics.defaults).map((entry) => ({
      ...entry,
      readOnly: false,
      secret: false,
    }))
  }
  if (resourceType !== resourceTypes.broker) {
    return {
      code: ErrorCodes.INVALID_REQUEST,
      message: `resources of type ${resourceType} have no settings here`,
    }
  }
  const state = {
    settings,
    defaults: topics.defaults,
    given: topicDefaults,
    changed: topics.changedBrokerConfigs,
  }
  const entries = brokerConfigEntries(state)
  // Without a name the defaults of the whole cluster are meant: those that were changed.
  if (resourceName === '') return entries.filter(({ name }) => state.changed.has(name))
  if (resourceName === String(nodeId)) return entries
  return { code: ErrorCodes.INVALID_REQUEST, message: `this is broker ${nodeId}, not "${resourceName}"` }
}

function synonymsOf({ synonyms, secret }: BrokerConfigEntry) {
  return secret ? synonyms.map((synonym) => ({ ...synonym, value: null })) : synonyms
}

function describe(broker: BrokerParts, context: RequestContext, request: Request, wanted: Wanted): Result {
  const { resourceType, resourceName, configurationKeys } = wanted
  const resource = { resourceType, resourceName }
  const refused = ({ code, message }: TopicFault): Result => ({
    ...resource,
    errorCode: code,
    errorMessage: message,
    configs: [],
  })
  const fault = rightsFault(context, 'describeConfigs', { type: resourceType, name: resourceName })
  if (fault !== undefined) return refused(fault)
  const entries = entriesOf(broker, wanted)
  if ('code' in entries) return refused(entries)
  const keys = configurationKeys === null ? undefined : new Set(configurationKeys)
  const configs = entries
    .filter(({ name }) => keys === undefined || keys.size === 0 || keys.has(name))
    .map((entry) => ({
      name: entry.name,
      value: entry.secret ? null : entry.value,
      readOnly: entry.readOnly,
      configSource: entry.source,
      isSensitive: entry.secret,
      synonyms: request.includeSynonyms ? synonymsOf(entry) : [],
      configType: entry.type,
      documentation: request.includeDocumentation ? entry.documentation : null,
    }))
  return { ...resource, errorCode: ErrorCodes.NONE, errorMessage: null, configs }
}

export const handler = defineHandler({
  api: describeConfigs,
  handle: (broker, context, request) => ({
    results: request.resources.map((wanted) => describe(broker, context, request, wanted)),
  }),
})
