/** Groups at their edges: old generations, unknown members, illegal requests. */
import { consumerGroupDescribe } from '../../../src/protocol/apis/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from '../../../src/protocol/apis/consumer-group-heartbeat.ts'
import { deleteGroups } from '../../../src/protocol/apis/delete-groups.ts'
import { describeGroups } from '../../../src/protocol/apis/describe-groups.ts'
import { findCoordinator } from '../../../src/protocol/apis/find-coordinator.ts'
import { heartbeat } from '../../../src/protocol/apis/heartbeat.ts'
import { joinGroup } from '../../../src/protocol/apis/join-group.ts'
import { leaveGroup } from '../../../src/protocol/apis/leave-group.ts'
import { offsetCommit } from '../../../src/protocol/apis/offset-commit.ts'
import { offsetDelete } from '../../../src/protocol/apis/offset-delete.ts'
import { offsetFetch } from '../../../src/protocol/apis/offset-fetch.ts'
import { syncGroup } from '../../../src/protocol/apis/sync-group.ts'
import { type EdgeCase, found, type Wire } from './wire.ts'

interface Join {
  readonly memberId?: string
  readonly sessionTimeoutMs?: number
  readonly protocols?: readonly { readonly name: string; readonly metadata: Buffer }[]
}

function join(
  wire: Wire,
  groupId: string,
  options: Join = {},
): Promise<{ memberId: string; generationId: number }> {
  const { memberId = '', sessionTimeoutMs = 10_000 } = options
  const protocols = options.protocols ?? [{ name: 'range', metadata: Buffer.alloc(0) }]
  const rebalanceTimeoutMs = 10_000
  return wire.send(joinGroup, {
    groupId,
    memberId,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocolType: 'consumer',
    protocols,
  })
}

/** A group of one member that has its assignment. */
async function member(wire: Wire): Promise<{ groupId: string; memberId: string; generationId: number }> {
  const groupId = wire.witness.name('group')
  const { memberId } = await join(wire, groupId)
  const { generationId } = await join(wire, groupId, { memberId })
  const assignments = [{ memberId, assignment: Buffer.alloc(0) }]
  await wire.send(syncGroup, {
    groupId,
    memberId,
    generationId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments,
  })
  return { groupId, memberId, generationId }
}

interface Commit {
  readonly groupId: string
  readonly memberId?: string
  readonly generation?: number
  readonly metadata?: string
  readonly topic?: string
}

async function commit(wire: Wire, options: Commit): Promise<unknown[]> {
  const name = options.topic ?? (await wire.witness.topic(1))
  const partitions = [{ partitionIndex: 0, committedOffset: 3n, committedMetadata: options.metadata ?? '' }]
  const { groupId, memberId = '', generation: generationIdOrMemberEpoch = -1 } = options
  return found(
    await wire.send(
      offsetCommit,
      { groupId, memberId, generationIdOrMemberEpoch, topics: [{ name, partitions }] },
      9,
    ),
  )
}

const coordinators = { 'an empty group': ['', 0], 'an unknown kind': ['x', 9] } as const

export const groupCases: readonly EdgeCase[] = [
  {
    name: 'a first join',
    ask: async (wire) => found(await join(wire, wire.witness.name('group')), ['generationId']),
  },
  { name: 'a join without a group', ask: async (wire) => found(await join(wire, '')) },
  {
    name: 'a join of an unknown member',
    ask: async (wire) => found(await join(wire, wire.witness.name('group'), { memberId: 'x' })),
  },
  {
    name: 'a join with a short session',
    ask: async (wire) => found(await join(wire, wire.witness.name('group'), { sessionTimeoutMs: 10 })),
  },
  {
    name: 'a join without protocols',
    ask: async (wire) => found(await join(wire, wire.witness.name('group'), { protocols: [] })),
  },
  {
    name: 'a join with another protocol than the group has',
    async ask(wire) {
      const { groupId } = await member(wire)
      return found(await join(wire, groupId, { protocols: [{ name: 'other', metadata: Buffer.alloc(0) }] }))
    },
  },
  {
    name: 'a heartbeat to an unknown group',
    ask: async (wire) =>
      found(
        await wire.send(heartbeat, { groupId: wire.witness.name('group'), generationId: 1, memberId: 'x' }),
      ),
  },
  {
    name: 'a heartbeat of an old generation',
    async ask(wire) {
      const { groupId, memberId, generationId } = await member(wire)
      return found(await wire.send(heartbeat, { groupId, memberId, generationId: generationId - 1 }))
    },
  },
  {
    name: 'a sync of an old generation',
    async ask(wire) {
      const { groupId, memberId, generationId } = await member(wire)
      return found(
        await wire.send(syncGroup, { groupId, memberId, generationId: generationId - 1, assignments: [] }),
      )
    },
  },
  {
    name: 'an unknown member leaves',
    async ask(wire) {
      const { groupId } = await member(wire)
      return found(await wire.send(leaveGroup, { groupId, members: [{ memberId: 'x' }] }))
    },
  },
  { name: 'a commit from outside', ask: (wire) => commit(wire, { groupId: wire.witness.name('group') }) },
  {
    name: 'a commit from outside while the group has members',
    ask: async (wire) => commit(wire, { groupId: (await member(wire)).groupId }),
  },
  {
    name: 'a commit to an unknown generation',
    ask: (wire) => commit(wire, { groupId: wire.witness.name('group'), memberId: 'x', generation: 3 }),
  },
  {
    name: 'a commit from an old generation',
    async ask(wire) {
      const { groupId, memberId, generationId } = await member(wire)
      return commit(wire, { groupId, memberId, generation: generationId - 1 })
    },
  },
  {
    name: 'a commit of an unknown member',
    ask: async (wire) => commit(wire, { ...(await member(wire)), memberId: 'x', generation: 1 }),
  },
  {
    name: 'a commit for an unknown topic',
    ask: (wire) => commit(wire, { groupId: wire.witness.name('group'), topic: wire.witness.name('nowhere') }),
  },
  {
    name: 'a commit with long metadata',
    ask: (wire) => commit(wire, { groupId: wire.witness.name('group'), metadata: 'x'.repeat(5000) }),
  },
  { name: 'a commit without a group', ask: (wire) => commit(wire, { groupId: '' }) },
  {
    name: 'offsets of an unknown group',
    async ask(wire) {
      const topics = [{ name: await wire.witness.topic(1), partitionIndexes: [0, 7] }]
      const groups = [{ groupId: wire.witness.name('group'), topics }]
      return found(await wire.send(offsetFetch, { groups }, 8), ['committedOffset', 'metadata'])
    },
  },
  {
    name: 'offsets of the group without a name, after a commit to it',
    async ask(wire) {
      const topic = await wire.witness.topic(1)
      const committed = await commit(wire, { groupId: '', topic })
      const groups = [{ groupId: '', topics: [{ name: topic, partitionIndexes: [0] }] }]
      return [committed, found(await wire.send(offsetFetch, { groups }, 8), ['committedOffset'])]
    },
  },
  {
    name: 'deleting an unknown group',
    ask: async (wire) => found(await wire.send(deleteGroups, { groupsNames: [wire.witness.name('group')] })),
  },
  {
    name: 'deleting a group with members',
    ask: async (wire) =>
      found(await wire.send(deleteGroups, { groupsNames: [(await member(wire)).groupId] })),
  },
  {
    name: 'deleting offsets of an unknown group',
    ask: async (wire) =>
      found(await wire.send(offsetDelete, { groupId: wire.witness.name('group'), topics: [] })),
  },
  {
    name: 'describing an unknown group',
    ask: async (wire) =>
      found(
        await wire.send(describeGroups, {
          groups: [wire.witness.name('group')],
          includeAuthorizedOperations: false,
        }),
        ['groupState', 'protocolType'],
      ),
  },
  {
    name: 'describing an unknown group of KIP-848',
    ask: async (wire) =>
      found(
        await wire.send(consumerGroupDescribe, {
          groupIds: [wire.witness.name('group')],
          includeAuthorizedOperations: false,
        }),
      ),
  },
  {
    name: 'describing a classic group as one of KIP-848',
    ask: async (wire) =>
      found(
        await wire.send(consumerGroupDescribe, {
          groupIds: [(await member(wire)).groupId],
          includeAuthorizedOperations: false,
        }),
      ),
  },
  ...Object.entries({
    'an unknown member': { memberId: 'x', memberEpoch: 5 },
    'a join without topics': { memberId: 'x', memberEpoch: 0 },
    'an unknown assignor': {
      memberId: 'x',
      memberEpoch: 0,
      rebalanceTimeoutMs: 5000,
      subscribedTopicNames: ['t'],
      serverAssignor: 'nobody',
      topicPartitions: [],
    },
    'a broken pattern': {
      memberId: 'x',
      memberEpoch: 0,
      rebalanceTimeoutMs: 5000,
      subscribedTopicRegex: '(',
      topicPartitions: [],
    },
  }).map(
    ([name, request]): EdgeCase => ({
      name: `KIP-848: ${name}`,
      ask: async (wire) =>
        found(await wire.send(consumerGroupHeartbeat, { groupId: wire.witness.name('group'), ...request }), [
          'memberEpoch',
        ]),
    }),
  ),
  ...Object.entries(coordinators).map(
    ([name, [key, keyType]]): EdgeCase => ({
      name: `the coordinator of ${name}`,
      ask: async (wire) => found(await wire.send(findCoordinator, { keyType, coordinatorKeys: [key] })),
    }),
  ),
]
