/**
 * OffsetFetch: v1–v10
 *
 * Behaviour: the committed offsets of groups, for the partitions named or all that have one. A partition without
 * an offset, and a group that is not there, answer -1 without an error.
 *
 * Version notes
 * v2     null for all topics; an error for the whole group
 * v7     `requireStable`: UNSTABLE_OFFSET_COMMIT while a transaction holds offsets of the partition (KIP-447)
 * v8     several groups (KIP-709)
 * v9     member id and epoch of consumer groups are checked (KIP-848)
 * v10    topics by id
 */
import { offsetFetch } from '../../protocol/apis/offset-fetch.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import type { RequestOf } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import { groupResource, type RequestContext, topicResource } from '../request-context.ts'
import { defineHandler } from './handler.ts'

type Request = RequestOf<typeof offsetFetch>
type WantedGroup = Request['groups'][number]
type WantedTopic = NonNullable<WantedGroup['topics']>[number]

const MANY_GROUPS_FROM_VERSION = 8
const IDS_FROM_VERSION = 10
const NO_OFFSET = -1n

/** Answers for one group. */
class GroupFetch {
  private readonly broker: BrokerParts
  private readonly context: RequestContext
  private readonly requireStable: boolean

  constructor(broker: BrokerParts, context: RequestContext, requireStable: boolean) {
    this.broker = broker
    this.context = context
    this.requireStable = requireStable
  }

  answer(wanted: WantedGroup) {
    const { groupId } = wanted
    const errorCode = this.fault(wanted)
    if (errorCode !== ErrorCodes.NONE) return { groupId, errorCode, topics: [] }
    const topics = wanted.topics ?? this.allTopics(groupId)
    return { groupId, errorCode, topics: topics.map((topic) => this.topic(groupId, topic)) }
  }

  private fault({ groupId, memberId, memberEpoch }: WantedGroup): number {
    if (!this.context.authorize('describe', groupResource(groupId)))
      return ErrorCodes.GROUP_AUTHORIZATION_FAILED
    if (!this.broker.groups.isAvailable(groupId)) return ErrorCodes.COORDINATOR_NOT_AVAILABLE
    const group = this.broker.groups.register.find(groupId)
    if (group?.kind !== 'consumer' || memberId === null || memberEpoch < 0) return ErrorCodes.NONE
    const member = group.member(memberId)
    if (member === undefined) return ErrorCodes.UNKNOWN_MEMBER_ID
    return member.epoch === memberEpoch ? ErrorCodes.NONE : ErrorCodes.STALE_MEMBER_EPOCH
  }

  private allTopics(groupId: string): readonly WantedTopic[] {
    const topics: WantedTopic[] = []
    for (const [name, partitions] of this.broker.groups.offsets.ofGroup(groupId)) {
      if (!this.context.authorize('describe', topicResource(name))) continue
      const topicId = this.broker.topics.find(name)?.id ?? zeroUuid
      topics.push({ name, topicId, partitionIndexes: [...partitions.keys()] })
    }
    return topics
  }

  private topic(groupId: string, wanted: WantedTopic) {
    const { broker, context } = this
    const byId = context.version >= IDS_FROM_VERSION
    const name = byId ? broker.topics.byId(wanted.topicId)?.name : wanted.name
    const fault =
      name === undefined
        ? ErrorCodes.UNKNOWN_TOPIC_ID
        : context.authorize('describe', topicResource(name))
          ? undefined
          : ErrorCodes.TOPIC_AUTHORIZATION_FAILED
    return {
      name: name ?? wanted.name,
      topicId: wanted.topicId,
      partitions: wanted.partitionIndexes.map((partition) =>
        name === undefined || fault !== undefined
          ? noOffset(partition, fault ?? ErrorCodes.UNKNOWN_TOPIC_ID)
          : this.partition(groupId, name, partition),
      ),
    }
  }

  private partition(groupId: string, topic: string, partition: number) {
    const { offsets } = this.broker.groups
    if (this.requireStable && offsets.isPending(groupId, topic, partition)) {
      return noOffset(partition, ErrorCodes.UNSTABLE_OFFSET_COMMIT)
    }
    const found = offsets.get(groupId, topic, partition)
    if (found === undefined) return noOffset(partition, ErrorCodes.NONE)
    return {
      partitionIndex: partition,
      committedOffset: found.offset,
      committedLeaderEpoch: found.leaderEpoch,
      metadata: found.metadata as string | null,
      errorCode: ErrorCodes.NONE as number,
    }
  }
}

function noOffset(partitionIndex: number, errorCode: number) {
  return {
    partitionIndex,
    committedOffset: NO_OFFSET,
    committedLeaderEpoch: -1,
    metadata: '' as string | null,
    errorCode,
  }
}

export const handler = defineHandler({
  api: offsetFetch,
  handle(broker, context, request) {
    const fetch = new GroupFetch(broker, context, request.requireStable)
    if (context.version >= MANY_GROUPS_FROM_VERSION) {
      return { groups: request.groups.map((group) => fetch.answer(group)) }
    }
    const topics = request.topics?.map((topic) => ({ ...topic, topicId: zeroUuid })) ?? null
    const { groupId } = request
    const answer = fetch.answer({ groupId, topics, memberId: null, memberEpoch: -1 })
    // v1 has no place for an error of the group: every partition carries it.
    const failed = context.version < 2 && answer.errorCode !== ErrorCodes.NONE
    const told = failed
      ? (request.topics ?? []).map(({ name, partitionIndexes }) => ({
          name,
          partitions: partitionIndexes.map((partition) => noOffset(partition, answer.errorCode)),
        }))
      : answer.topics.map(({ name, partitions }) => ({ name, partitions }))
    return { errorCode: answer.errorCode, topics: told }
  },
})
