/**
 * Metadata: v0–v13
 *
 * Behaviour: the one broker, at the address of the listener that was asked, and the topics asked for, or all. A
 * topic that is missing is created if broker and client allow it, and is in the same answer.
 *
 * Version notes
 * v0     an empty list means all topics; from v1 on null does
 * v4     the client may forbid creation
 * v8–v10 rights on the cluster, on request (KIP-430)
 * v10    topic ids in the answer; v12 in the question (KIP-516)
 * v13    an error for the whole answer (KIP-1102): not needed
 */
import { metadata } from '../../protocol/apis/metadata.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import {
  clusterResource,
  clusterRights,
  type RequestContext,
  topicOperations,
  topicResource,
} from '../request-context.ts'
import type { Topic } from '../topics/topic.ts'
import { defineHandler } from './handler.ts'

type Request = RequestOf<typeof metadata>
type TopicResponse = ResponseInput<typeof metadata>['topics'][number]
type Wanted = NonNullable<Request['topics']>[number]

const ALL_IS_EMPTY_VERSION = 0
const IDS_ASKED_FROM_VERSION = 12

const isNamed = ({ topicId }: Wanted, version: number): boolean =>
  version < IDS_ASKED_FROM_VERSION || topicId.equals(zeroUuid)

function refused(wanted: Wanted, errorCode: number): TopicResponse {
  return { errorCode, name: wanted.name, topicId: wanted.topicId, partitions: [] }
}

function found(topic: Topic, context: RequestContext, request: Request, nodeId: number): TopicResponse {
  const replicas = [nodeId]
  return {
    errorCode: ErrorCodes.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: Array.from({ length: topic.partitionCount }, (_, partitionIndex) => {
      const partition = topic.partition(partitionIndex)
      const online = partition !== undefined
      return {
        errorCode: online ? ErrorCodes.NONE : ErrorCodes.LEADER_NOT_AVAILABLE,
        partitionIndex,
        leaderId: online ? nodeId : -1,
        leaderEpoch: partition?.leaderEpoch ?? -1,
        replicaNodes: replicas,
        isrNodes: online ? replicas : [],
        offlineReplicas: online ? [] : replicas,
      }
    }),
    ...(request.includeTopicAuthorizedOperations && {
      topicAuthorizedOperations: context.authorizedOperations(topicOperations, topicResource(topic.name)),
    }),
  }
}

function answerFor(
  wanted: Wanted,
  broker: BrokerParts,
  context: RequestContext,
  request: Request,
): TopicResponse {
  const { topics, nodeId } = broker
  if (!isNamed(wanted, context.version)) {
    const topic = topics.byId(wanted.topicId)
    const nameless = { ...wanted, name: null }
    if (topic === undefined) return refused(nameless, ErrorCodes.UNKNOWN_TOPIC_ID)
    // An id tells nothing, as Kafka has it; the name stays hidden.
    return context.authorize('describe', topicResource(topic.name))
      ? found(topic, context, request, nodeId)
      : refused(nameless, ErrorCodes.TOPIC_AUTHORIZATION_FAILED)
  }
  const { name } = wanted
  if (name === null) return refused(wanted, ErrorCodes.INVALID_REQUEST)
  if (!context.authorize('describe', topicResource(name))) {
    return refused(wanted, ErrorCodes.TOPIC_AUTHORIZATION_FAILED)
  }
  const topic = topics.find(name)
  if (topic !== undefined) return found(topic, context, request, nodeId)
  if (!request.allowAutoTopicCreation || !broker.settings['auto.create.topics.enable']) {
    return refused(wanted, topics.missingCode(name))
  }
  const mayCreate =
    context.authorize('create', clusterResource) || context.authorize('create', topicResource(name))
  if (!mayCreate) return refused(wanted, ErrorCodes.TOPIC_AUTHORIZATION_FAILED)
  const made = topics.tryAutoCreate(name)
  if (typeof made === 'number') return refused(wanted, made)
  const details = { partitions: made.partitionCount, byUse: true }
  const act = { audit: 'topics.create', resource: `topic:${name}`, errorCode: ErrorCodes.NONE, details }
  broker.security.audit.act(context, act)
  return found(made, context, request, nodeId)
}

export const handler = defineHandler({
  api: metadata,
  handle(broker, context, request) {
    const { topics, nodeId } = broker
    const all =
      request.topics === null || (context.version === ALL_IS_EMPTY_VERSION && request.topics.length === 0)
    const answers = all
      ? topics.all
          .filter(({ name }) => context.authorize('describe', topicResource(name)))
          .map((topic) => found(topic, context, request, nodeId))
      : (request.topics ?? []).map((wanted) => answerFor(wanted, broker, context, request))
    const { host, port } = context.connection.advertised
    return {
      brokers: [{ nodeId, host, port }],
      clusterId: broker.clusterId,
      controllerId: nodeId,
      topics: answers,
      ...(request.includeClusterAuthorizedOperations && {
        clusterAuthorizedOperations: clusterRights(context),
      }),
    }
  },
})
