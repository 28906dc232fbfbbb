/**
 * OffsetCommit: v2–v10
 *
 * Behaviour: keeps offsets of a group in `__consumer_offsets`; members of the present generation may commit, and
 * anybody while the group has no members. The answer comes when they are as safe as `flush` asks.
 *
 * Version notes
 * v2–v4  the client says how long the offsets are kept; afterwards the broker does (KIP-211)
 * v7     instance ids (KIP-345)
 * v9     member epochs of consumer groups: STALE_MEMBER_EPOCH, GROUP_ID_NOT_FOUND (KIP-848)
 * v10    topics by id
 */
import { offsetCommit } from '../../protocol/apis/offset-commit.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import type { OffsetToCommit } from '../groups/offset-commits.ts'
import { groupResource, type RequestContext, topicResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

type Request = RequestOf<typeof offsetCommit>
type Response = ResponseInput<typeof offsetCommit>

const CONSUMER_GROUPS_FROM_VERSION = 9
const IDS_FROM_VERSION = 10

/** Sorts offsets into those that may be committed and the codes of the others, in the order of the request. */
class Commit {
  readonly accepted: OffsetToCommit[] = []
  /** The code of each offset, or its place in `accepted`. */
  private readonly plan: {
    readonly topic: Request['topics'][number]
    readonly codes: (number | { at: number })[]
  }[]

  constructor(broker: BrokerParts, context: RequestContext, request: Request) {
    const expireMs =
      request.retentionTimeMs < 0n ? -1 : broker.platform.clock.nowMs() + Number(request.retentionTimeMs)
    this.plan = request.topics.map((topic) => {
      const byId = context.version >= IDS_FROM_VERSION
      const found = byId ? broker.topics.byId(topic.topicId) : broker.topics.find(topic.name)
      const name = found?.name ?? topic.name
      const fault =
        byId && found === undefined
          ? ErrorCodes.UNKNOWN_TOPIC_ID
          : !context.authorize('read', topicResource(name))
            ? ErrorCodes.TOPIC_AUTHORIZATION_FAILED
            : found === undefined
              ? ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION
              : undefined
      const codes = topic.partitions.map((wanted) => {
        if (fault !== undefined) return fault
        const partition = wanted.partitionIndex
        if (partition < 0 || partition >= (found?.partitionCount ?? 0))
          return ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION
        this.accepted.push({
          topic: name,
          partition,
          offset: wanted.committedOffset,
          leaderEpoch: wanted.committedLeaderEpoch,
          metadata: wanted.committedMetadata,
          expireMs,
        })
        return { at: this.accepted.length - 1 }
      })
      return { topic, codes }
    })
  }

  answer(codes: readonly number[]): Response {
    const topics = this.plan.map(({ topic, codes: planned }) => ({
      name: topic.name,
      topicId: topic.topicId,
      partitions: topic.partitions.map(({ partitionIndex }, i) => {
        const code = planned[i]!
        return { partitionIndex, errorCode: typeof code === 'number' ? code : codes[code.at]! }
      }),
    }))
    return { topics }
  }
}

/** Who may not read the group learns nothing of topics. */
function refuseAll(request: Request): Response {
  const errorCode = ErrorCodes.GROUP_AUTHORIZATION_FAILED
  const topics = request.topics.map(({ name, partitions, topicId }) => ({
    name,
    topicId,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }))
  return { topics }
}

export const handler = defineHandler({
  api: offsetCommit,
  handle(broker, context, request) {
    const { groupId } = request
    if (!context.authorize('read', groupResource(groupId))) return refuseAll(request)
    const commit = new Commit(broker, context, request)
    if (commit.accepted.length === 0) return commit.answer([])
    const claim = {
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generation: request.generationIdOrMemberEpoch,
      transactional: false,
      knowsConsumerGroups: context.version >= CONSUMER_GROUPS_FROM_VERSION,
    }
    const codes = broker.groups.commits.commit(groupId, claim, commit.accepted)
    return codes instanceof Promise ? codes.then((later) => commit.answer(later)) : commit.answer(codes)
  },
})
