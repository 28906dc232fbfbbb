/**
 * Committed positions of a group: reading and writing them at its coordinator.
 *
 * Version notes: topics are named, so OffsetFetch and OffsetCommit are used up to version 9; version 8 of OffsetFetch
 * puts the group into a list (KIP-709); version 9 of both carries the member epoch (KIP-848).
 */

import { invariant } from '../../../core/invariant.ts'
import { partitionName, type TopicPartition } from '../../../core/record.ts'
import { offsetCommit } from '../../../protocol/apis/offset-commit.ts'
import { offsetFetch } from '../../../protocol/apis/offset-fetch.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import { askCoordinator, type CoordinatorRequest } from '../../cluster/ask-coordinator.ts'
import type { Cluster } from '../../cluster.ts'
import type { Lane } from '../../connection/lane.ts'
import type { NegotiatedConnection } from '../../connection/negotiated.ts'
import { checkAnswer, kafkaCodeIn } from '../../errors.ts'
import { type GroupMetadata, type OffsetToCommit, offsetsByTopic } from '../../group-metadata.ts'

export interface CommittedOffset {
  readonly offset: number
  readonly metadata: string
  readonly leaderEpoch: number
}

interface TopicOffsets {
  readonly name: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: bigint
    readonly committedLeaderEpoch: number
    readonly metadata: string | null
    readonly errorCode: number
  }[]
}

const TIMEOUT_MS = 60_000
const NAMED_VERSION_MAX = 9
const LISTED_FROM_VERSION = 8
const STABLE_FROM_VERSION = 7

export interface GroupOffsetsOptions {
  readonly cluster: Cluster
  readonly lane: Lane
  readonly group: string
  /** Waits for transactions that are not decided before a position is read (KIP-447). */
  readonly requireStable: boolean
  readonly signal?: AbortSignal
}

export class GroupOffsets {
  private readonly options: GroupOffsetsOptions

  constructor(options: GroupOffsetsOptions) {
    this.options = options
  }

  /**
   * The committed positions, by `partitionName`; partitions without one are left out. `null` means all that the group
   * has committed.
   */
  read(
    partitions: readonly TopicPartition[] | null,
    member: () => GroupMetadata | undefined = () => undefined,
  ): Promise<Map<string, CommittedOffset>> {
    const { cluster, group, requireStable } = this.options
    if (partitions?.length === 0) return Promise.resolve(new Map())
    const topics =
      partitions === null
        ? null
        : [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
            name,
            partitionIndexes: list.map(({ partition }) => partition),
          }))
    return askCoordinator(cluster, this.request('reading positions'), async (connection) => {
      const version = connection.versions.choose(offsetFetch, NAMED_VERSION_MAX)
      const stable = version >= STABLE_FROM_VERSION ? { requireStable } : {}
      const asMember = memberFields(member())
      const body =
        version >= LISTED_FROM_VERSION
          ? { groups: [{ groupId: group, topics, ...asMember }], ...stable }
          : { groupId: group, topics, ...stable }
      const answer = await connection.send(offsetFetch, body, { version })
      const found = version >= LISTED_FROM_VERSION ? answer.groups[0] : answer
      invariant(found !== undefined, 'an answer about one group has one group')
      checkAnswer(found.errorCode, 'read positions', { group, broker: connection.broker })
      return this.offsetsOf(found.topics, connection)
    })
  }

  /** @throws MR_KAFKA with ILLEGAL_GENERATION and the like when the member's time is over */
  async commit(member: () => GroupMetadata, offsets: readonly OffsetToCommit[]): Promise<void> {
    if (offsets.length === 0) return
    const { cluster, group } = this.options
    const topics = [...offsetsByTopic(offsets)].map(([name, list]) => ({
      name,
      partitions: list.map((one) => ({
        partitionIndex: one.partition,
        committedOffset: BigInt(one.offset),
        committedLeaderEpoch: one.leaderEpoch ?? -1,
        committedMetadata: one.metadata ?? '',
      })),
    }))
    await askCoordinator(cluster, this.request('committing positions'), async (connection) => {
      const { generation, memberId, groupInstanceId } = member()
      const answer = await connection.send(
        offsetCommit,
        {
          groupId: group,
          generationIdOrMemberEpoch: generation,
          memberId,
          groupInstanceId,
          topics,
        },
        { version: connection.versions.choose(offsetCommit, NAMED_VERSION_MAX) },
      )
      for (const { name, partitions } of answer.topics) {
        for (const { partitionIndex: partition, errorCode } of partitions) {
          checkAnswer(errorCode, 'commit a position', {
            group,
            topic: name,
            partition,
            broker: connection.broker,
          })
        }
      }
    })
  }

  private offsetsOf(
    topics: readonly TopicOffsets[],
    connection: NegotiatedConnection,
  ): Map<string, CommittedOffset> {
    const { group } = this.options
    const committed = new Map<string, CommittedOffset>()
    for (const { name, partitions } of topics) {
      for (const one of partitions) {
        const { errorCode, partitionIndex: partition } = one
        if (errorCode === ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION) continue
        // First the error: an undecided position (KIP-447) comes with -1 too, and is not an absent one.
        const place = { group, topic: name, partition, broker: connection.broker }
        checkAnswer(errorCode, 'read a position', place)
        if (one.committedOffset < 0n) continue
        committed.set(partitionName(name, partition), {
          offset: Number(one.committedOffset),
          metadata: one.metadata ?? '',
          leaderEpoch: one.committedLeaderEpoch,
        })
      }
    }
    return committed
  }

  private request(what: string): CoordinatorRequest {
    const { group, lane, signal } = this.options
    return {
      kind: 'group',
      key: group,
      lane,
      what: `${what} of group "${group}"`,
      timeoutMs: TIMEOUT_MS,
      // The group has a new epoch, and the next heartbeat brings it to the member.
      retriable: (error) => kafkaCodeIn(error) === ErrorCodes.STALE_MEMBER_EPOCH,
      ...(signal === undefined ? {} : { signal }),
    }
  }
}

/** Tells a coordinator who asks (version 9); outside of a group nobody does. */
function memberFields(member: GroupMetadata | undefined): { memberId?: string; memberEpoch?: number } {
  if (member === undefined || member.memberId === '') return {}
  return { memberId: member.memberId, memberEpoch: member.generation }
}
