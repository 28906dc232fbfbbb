/**
 * DeleteTopics: v1–v6
 *
 * Behaviour: deletes topics with their records, and the offsets that groups committed in them.
 *
 * Version notes
 * v6     topics by name or id
 */
import { deleteTopics } from '../../protocol/apis/delete-topics.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { type RequestContext, topicResource } from '../request-context.ts'
import { brokerFault } from '../topics/topic-fault.ts'
import { defineHandler } from './handler.ts'

type Wanted = RequestOf<typeof deleteTopics>['topics'][number]
type Deleted = ResponseInput<typeof deleteTopics>['responses'][number]

const OBJECTS_FROM_VERSION = 6

function refused({ name, topicId }: Wanted, errorCode: number, errorMessage: string | null = null): Deleted {
  return { name, topicId, errorCode, errorMessage }
}

async function remove(broker: BrokerParts, context: RequestContext, wanted: Wanted): Promise<Deleted> {
  const byId = wanted.name === null
  const topic = wanted.name === null ? broker.topics.byId(wanted.topicId) : broker.topics.find(wanted.name)
  if (!byId && !wanted.topicId.equals(zeroUuid)) {
    return refused(wanted, ErrorCodes.INVALID_REQUEST, 'a topic is named by name or by id, not by both')
  }
  const name = topic?.name ?? wanted.name
  if (name === null) return refused(wanted, ErrorCodes.UNKNOWN_TOPIC_ID)
  if (!context.authorize('delete', topicResource(name))) {
    // Who names a topic by its id does not learn its name without the right to.
    const told = context.authorize('describe', topicResource(name)) ? name : wanted.name
    return refused({ ...wanted, name: told }, ErrorCodes.TOPIC_AUTHORIZATION_FAILED)
  }
  if (topic === undefined) return refused(wanted, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  // Without its internal topics the broker would forget what it has promised.
  if (topic.internal) return refused(wanted, ErrorCodes.INVALID_TOPIC_EXCEPTION, 'the topic is internal')
  try {
    const deleted = broker.topics.delete(topic)
    broker.groups.topicDeleted(topic.name)
    await deleted
    return { name: topic.name, topicId: topic.id, errorCode: ErrorCodes.NONE }
  } catch (error) {
    const { code, message } = brokerFault(error)
    return refused(wanted, code, message)
  }
}

export const handler = defineHandler({
  api: deleteTopics,
  async handle(broker, context, request) {
    const wanted =
      context.version >= OBJECTS_FROM_VERSION
        ? request.topics
        : request.topicNames.map((name) => ({ name, topicId: zeroUuid }))
    if (!broker.settings['delete.topic.enable']) {
      const { INVALID_REQUEST, TOPIC_DELETION_DISABLED } = ErrorCodes
      const code = context.version < 3 ? INVALID_REQUEST : TOPIC_DELETION_DISABLED
      return { responses: wanted.map((topic) => refused(topic, code)) }
    }
    const responses: Deleted[] = []
    for (const topic of wanted) responses.push(await remove(broker, context, topic))
    return { responses }
  },
})
