/**
 * What members of a classic group tell each other through the broker: subscriptions and assignments as bytes, and the
 * work of the member that was made leader.
 */
import { invariant } from '../../../core/invariant.ts'
import type { TopicPartition } from '../../../core/record.ts'
import { decodeVersioned, encodeVersioned } from '../../../protocol/codec/message.ts'
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
} from '../../../protocol/messages/consumer-protocol.ts'
import type { Assignor, AssignorMember } from '../assignor.ts'

const VERSION = 3
const empty = Buffer.alloc(0)

export interface Subscription {
  readonly topics: readonly string[]
  readonly owned: readonly TopicPartition[]
  readonly generation: number
  readonly rack: string
}

/** The subscription as one assignor sends it. */
export function encodeSubscription(assignor: Assignor, subscription: Subscription): Buffer {
  const { topics, owned, generation, rack } = subscription
  return encodeVersioned(consumerProtocolSubscription, VERSION, {
    topics: topics.toSorted(),
    userData: assignor.metadata?.(topics) ?? null,
    ownedPartitions: partitionsByTopic(owned),
    generationId: generation,
    rackId: rack === '' ? null : rack,
  })
}

export interface EncodedMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly metadata: Buffer
}

/** All members of a group as an assignor sees them, in their order. */
export function decodeMembers(members: readonly EncodedMember[]): AssignorMember[] {
  return members
    .map(({ memberId, groupInstanceId, metadata }) => {
      const found = decodeVersioned(consumerProtocolSubscription, metadata, { newer: 'as-highest' })
      return {
        memberId,
        groupInstanceId,
        topics: found.topics,
        userData: found.userData ?? empty,
        owned: listOf(found.ownedPartitions),
        generation: found.generationId,
        rackId: found.rackId,
      }
    })
    .sort(inOrder)
}

/** Static members first, by their instance ids, then the others by their member ids. */
function inOrder(a: AssignorMember, b: AssignorMember): number {
  const [left, right] = [a.groupInstanceId, b.groupInstanceId]
  if (left !== null && right !== null) return left < right ? -1 : 1
  if (left !== null || right !== null) return left !== null ? -1 : 1
  return a.memberId < b.memberId ? -1 : 1
}

/** What the leader sends with SyncGroup: every member gets an entry. */
export function encodeAssignments(
  assignor: Assignor,
  members: readonly AssignorMember[],
  partitionCounts: ReadonlyMap<string, number>,
): { readonly memberId: string; readonly assignment: Buffer }[] {
  const target = assignor.assign({ members, partitionCounts })
  const ids = new Set(members.map(({ memberId }) => memberId))
  for (const memberId of target.keys()) {
    invariant(ids.has(memberId), `assignor ${assignor.name} assigns to members of the group only`)
  }
  return members.map(({ memberId }) => {
    const { partitions = [], userData } = target.get(memberId) ?? {}
    return {
      memberId,
      assignment: encodeVersioned(consumerProtocolAssignment, VERSION, {
        assignedPartitions: partitionsByTopic(partitions),
        userData: userData ?? null,
      }),
    }
  })
}

export function decodeAssignment(bytes: Buffer): {
  readonly partitions: readonly TopicPartition[]
  readonly userData: Buffer
} {
  // A member that gets nothing may get no bytes at all.
  if (bytes.length === 0) return { partitions: [], userData: empty }
  const found = decodeVersioned(consumerProtocolAssignment, bytes, { newer: 'as-highest' })
  return { partitions: listOf(found.assignedPartitions), userData: found.userData ?? empty }
}

function partitionsByTopic(
  list: readonly TopicPartition[],
): { readonly topic: string; readonly partitions: readonly number[] }[] {
  return [...Map.groupBy(list, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ partition }) => partition),
  }))
}

function listOf(
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
): readonly TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}
