/** Consumer groups: list, describe, delete, and their committed positions. */
import type { TopicPartition } from '../../core/record.ts'
import { consumerGroupDescribe } from '../../protocol/apis/consumer-group-describe.ts'
import { deleteGroups } from '../../protocol/apis/delete-groups.ts'
import { describeGroups } from '../../protocol/apis/describe-groups.ts'
import { leaveGroup } from '../../protocol/apis/leave-group.ts'
import { listGroups } from '../../protocol/apis/list-groups.ts'
import { offsetDelete } from '../../protocol/apis/offset-delete.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseOf } from '../../protocol/schema/message.ts'
import { askCoordinator } from '../cluster/ask-coordinator.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { decodeAssignment } from '../consumer/group/classic-protocol.ts'
import { type CommittedOffset, GroupOffsets } from '../consumer/group/group-offsets.ts'
import { checkAnswer } from '../errors.ts'
import type { OffsetToCommit } from '../group-metadata.ts'
import { type AdminContext, askAll } from './context.ts'

export interface GroupListing {
  readonly group: string
  /** `consumer`, `connect`, …; empty for a group that only has positions. */
  readonly protocolType: string
  /** Empty when the broker is too old to tell. */
  readonly state: string
  /** `classic`, `consumer`, `share`; empty when the broker is too old to tell. */
  readonly type: string
}

export interface GroupMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly host: string
  /** Empty for a group whose members are not consumers. */
  readonly assignment: readonly TopicPartition[]
}

export interface GroupDescription {
  readonly group: string
  /** `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty`, `Dead`, `Assigning`, `Reconciling`. */
  readonly state: string
  readonly type: 'classic' | 'consumer'
  /** The assignor; empty while there is none. */
  readonly assignor: string
  readonly members: readonly GroupMember[]
}

export interface GroupAdmin {
  listGroups(options?: { readonly states?: readonly string[] }): Promise<readonly GroupListing[]>
  describeGroups(groups: readonly string[]): Promise<readonly GroupDescription[]>
  /** @throws MR_KAFKA with NON_EMPTY_GROUP while it has members */
  deleteGroups(groups: readonly string[]): Promise<void>
  /** Committed positions by `partitionName`; all of the group's without `partitions`. */
  groupOffsets(
    group: string,
    partitions?: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, CommittedOffset>>
  /** Sets positions of a group that has no members. */
  alterGroupOffsets(group: string, offsets: readonly OffsetToCommit[]): Promise<void>
  /** Forgets positions of topics that no member is subscribed to. */
  deleteGroupOffsets(group: string, partitions: readonly TopicPartition[]): Promise<void>
  /** Takes members out of a classic group. */
  removeMembers(
    group: string,
    members: readonly { readonly memberId: string; readonly groupInstanceId?: string }[],
  ): Promise<void>
}

type ClassicDescription = ResponseOf<typeof describeGroups>['groups'][number]
type ConsumerDescription = ResponseOf<typeof consumerGroupDescribe>['groups'][number]

const notOfConsumerProtocol = new Set<number>([ErrorCodes.GROUP_ID_NOT_FOUND, ErrorCodes.UNSUPPORTED_VERSION])
const OUTSIDE = { generation: -1, memberId: '', groupInstanceId: null }

export function groupAdmin(context: AdminContext): GroupAdmin {
  const { cluster, timeoutMs } = context
  const lane = cluster.control
  const offsetsOf = (group: string): GroupOffsets =>
    new GroupOffsets({ cluster, lane, group, requireStable: false })
  const ask = <T>(
    group: string,
    what: string,
    attempt: (connection: NegotiatedConnection) => Promise<T>,
  ): Promise<T> => {
    const request = { kind: 'group' as const, key: group, lane, what: `${what} group "${group}"`, timeoutMs }
    return askCoordinator(cluster, request, attempt)
  }
  return {
    async listGroups(options = {}) {
      const statesFilter = options.states ?? []
      const answers = await askAll(context, 'listing groups', async (connection) => {
        const answer = await connection.send(listGroups, statesFilter.length === 0 ? {} : { statesFilter })
        checkAnswer(answer.errorCode, 'list groups', { broker: connection.broker })
        return answer.groups.map(({ groupId, protocolType, groupState, groupType }) => ({
          group: groupId,
          protocolType,
          state: groupState,
          type: groupType,
        }))
      })
      return answers.flat().sort((a, b) => (a.group < b.group ? -1 : 1))
    },
    describeGroups: (groups) =>
      Promise.all(groups.map((group) => ask(group, 'describing', (one) => describe(group, one)))),
    async deleteGroups(groups) {
      for (const group of groups) {
        await ask(group, 'deleting', async (connection) => {
          const answer = await connection.send(deleteGroups, { groupsNames: [group] })
          const code = answer.results[0]?.errorCode ?? ErrorCodes.NONE
          checkAnswer(code, 'delete a group', { group, broker: connection.broker })
        })
      }
    },
    groupOffsets: (group, partitions) => offsetsOf(group).read(partitions ?? null),
    alterGroupOffsets: (group, offsets) => offsetsOf(group).commit(() => ({ group, ...OUTSIDE }), offsets),
    async deleteGroupOffsets(group, partitions) {
      await ask(group, 'deleting positions of', async (connection) => {
        const answer = await connection.send(offsetDelete, {
          groupId: group,
          topics: [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
            name,
            partitions: list.map(({ partition }) => ({ partitionIndex: partition })),
          })),
        })
        const place = { group, broker: connection.broker }
        checkAnswer(answer.errorCode, 'delete positions', place)
        for (const { name, partitions: list } of answer.topics) {
          for (const { partitionIndex: partition, errorCode } of list) {
            checkAnswer(errorCode, 'delete a position', { ...place, topic: name, partition })
          }
        }
      })
    },
    async removeMembers(group, members) {
      await ask(group, 'removing members of', async (connection) => {
        const answer = await connection.send(leaveGroup, {
          groupId: group,
          members: members.map(({ memberId, groupInstanceId = null }) => ({ memberId, groupInstanceId })),
        })
        const place = { group, broker: connection.broker }
        checkAnswer(answer.errorCode, 'remove members', place)
        for (const { errorCode } of answer.members) checkAnswer(errorCode, 'remove a member', place)
      })
    },
  }
}

/**
 * The form of the consumer protocol first, because the classic one gives a group of it as `Dead`. Kafka 3.7 to 3.9
 * announce the request also where the protocol is switched off, and then refuse it as UNSUPPORTED_VERSION.
 */
async function describe(group: string, connection: NegotiatedConnection): Promise<GroupDescription> {
  const place = { group, broker: connection.broker }
  if (connection.versions.supports(consumerGroupDescribe)) {
    const answer = await connection.send(consumerGroupDescribe, {
      groupIds: [group],
      includeAuthorizedOperations: false,
    })
    const [found] = answer.groups
    if (found !== undefined && !notOfConsumerProtocol.has(found.errorCode)) {
      checkAnswer(found.errorCode, 'describe a group', place, found.errorMessage)
      return consumerGroup(found)
    }
  }
  const answer = await connection.send(describeGroups, {
    groups: [group],
    includeAuthorizedOperations: false,
  })
  const [found] = answer.groups
  if (found === undefined || found.errorCode === ErrorCodes.GROUP_ID_NOT_FOUND) {
    return { group, state: 'Dead', type: 'classic', assignor: '', members: [] }
  }
  checkAnswer(found.errorCode, 'describe a group', place, found.errorMessage)
  return classicGroup(found)
}

function classicGroup(found: ClassicDescription): GroupDescription {
  const consumers = found.protocolType === 'consumer' || found.protocolType === ''
  return {
    group: found.groupId,
    state: found.groupState,
    type: 'classic',
    assignor: found.protocolData,
    members: found.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      host: member.clientHost,
      assignment: consumers ? decodeAssignment(member.memberAssignment).partitions : [],
    })),
  }
}

function consumerGroup(found: ConsumerDescription): GroupDescription {
  return {
    group: found.groupId,
    state: found.groupState,
    type: 'consumer',
    assignor: found.assignorName,
    members: found.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      host: member.clientHost,
      assignment: member.assignment.topicPartitions.flatMap(({ topicName, partitions }) =>
        partitions.map((partition) => ({ topic: topicName, partition })),
      ),
    })),
  }
}
