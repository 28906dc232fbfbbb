/**
 * CreateTopics: v2–v7
 *
 * Behaviour: creates each topic on its own, or only checks (`validateOnly`). The name must be legal and must not
 * differ from another topic's in `.` and `_` alone. Replication factor 1 or the default, assignments to this
 * broker only.
 *
 * Version notes
 * v4     partitions and replication factor may be -1 (KIP-464)
 * v5     the answer has the topic's configuration (KIP-525)
 * v7     and its id
 */
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { topicConfigEntries } from '../config/topic-config-entries.ts'
import { clusterResource, type RequestContext, topicResource } from '../request-context.ts'
import { checkTopic, type TopicPlan } from '../topics/topic-creation.ts'
import { brokerFault, type TopicFault } from '../topics/topic-fault.ts'
import { defineHandler } from './handler.ts'

type Wanted = RequestOf<typeof createTopics>['topics'][number]
type Created = ResponseInput<typeof createTopics>['topics'][number]

function refused({ name }: Wanted, fault: TopicFault): Created {
  return { name, topicId: zeroUuid, errorCode: fault.code, errorMessage: fault.message, configs: null }
}

function created(broker: BrokerParts, context: RequestContext, plan: TopicPlan, topicId: Buffer): Created {
  const { name, partitionCount, overrides } = plan
  const base = { name, topicId, errorCode: ErrorCodes.NONE, errorMessage: null }
  if (!context.authorize('describeConfigs', topicResource(name))) {
    return { ...base, topicConfigErrorCode: ErrorCodes.TOPIC_AUTHORIZATION_FAILED, configs: null }
  }
  const configs = topicConfigEntries(overrides, broker.topics.defaults).map((entry) => ({
    name: entry.name,
    value: entry.value,
    readOnly: false,
    configSource: entry.source,
    isSensitive: false,
  }))
  return { ...base, numPartitions: partitionCount, replicationFactor: 1, configs }
}

function create(
  broker: BrokerParts,
  context: RequestContext,
  wanted: Wanted,
  how: { readonly twice: boolean; readonly validateOnly: boolean },
): Created {
  const { name } = wanted
  const allowed =
    context.authorize('create', clusterResource) || context.authorize('create', topicResource(name))
  if (!allowed) return refused(wanted, { code: ErrorCodes.TOPIC_AUTHORIZATION_FAILED, message: null })
  if (how.twice) {
    return refused(wanted, { code: ErrorCodes.INVALID_REQUEST, message: `"${name}" is in the request twice` })
  }
  const plan = checkTopic(wanted, broker)
  if ('code' in plan) return refused(wanted, plan)
  if (how.validateOnly) return created(broker, context, plan, zeroUuid)
  try {
    const topic = broker.topics.create(plan)
    return created(broker, context, plan, topic.id)
  } catch (error) {
    return refused(wanted, brokerFault(error))
  }
}

export const handler = defineHandler({
  api: createTopics,
  handle(broker, context, request) {
    const counts = new Map<string, number>()
    for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1)
    const { validateOnly } = request
    // A name that comes twice is answered once.
    const wantedOnce = new Map(request.topics.map((wanted) => [wanted.name, wanted])).values()
    const topics = [...wantedOnce].map((wanted) =>
      create(broker, context, wanted, { twice: counts.get(wanted.name)! > 1, validateOnly }),
    )
    return { topics }
  },
})
