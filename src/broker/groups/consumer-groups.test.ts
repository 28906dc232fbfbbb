/** Consumer groups (KIP-848) through the broker: restarts, commits, description, and the way to and from classic. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consumerGroupDescribe } from '../../protocol/apis/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from '../../protocol/apis/consumer-group-heartbeat.ts'
import { createPartitions } from '../../protocol/apis/create-partitions.ts'
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { deleteGroups } from '../../protocol/apis/delete-groups.ts'
import { deleteTopics } from '../../protocol/apis/delete-topics.ts'
import { describeGroups } from '../../protocol/apis/describe-groups.ts'
import { heartbeat } from '../../protocol/apis/heartbeat.ts'
import { leaveGroup } from '../../protocol/apis/leave-group.ts'
import { listGroups } from '../../protocol/apis/list-groups.ts'
import { offsetFetch } from '../../protocol/apis/offset-fetch.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import type { RequestInput } from '../../protocol/schema/message.ts'
import type { TestBroker } from '../broker-fixture.ts'
import { claimOf, commit, committed, joined, open } from './group-fixture.ts'

type Request = RequestInput<typeof consumerGroupHeartbeat>

const beat = (broker: TestBroker, memberEpoch: number, changes: Partial<Request> = {}) =>
  broker.send(consumerGroupHeartbeat, {
    groupId: 'g',
    memberId: 'm',
    memberEpoch,
    ...(memberEpoch === 0 && {
      rebalanceTimeoutMs: 60_000,
      subscribedTopicNames: ['t', 'u'],
      topicPartitions: [],
    }),
    ...changes,
  })

test('a member is told its partitions by topic id, its interval and its epoch', async () => {
  const broker = await open({ 'group.consumer.heartbeat.interval.ms': 3000 })
  const answer = await beat(broker, 0)
  assert.deepEqual(
    [answer.errorCode, answer.memberEpoch, answer.heartbeatIntervalMs],
    [ErrorCodes.NONE, 1, 3000],
  )
  assert.deepEqual(
    answer.assignment?.topicPartitions.map(({ partitions }) => partitions),
    [
      [0, 1, 2],
      [0, 1, 2],
    ],
  )
  assert.equal((await beat(broker, 1)).assignment, null)
  await broker.close()
})

test('in version 0 the broker makes the member id, later the client has to', async () => {
  const broker = await open()
  const request = {
    groupId: 'g',
    memberId: '',
    memberEpoch: 0,
    rebalanceTimeoutMs: 1000,
    subscribedTopicNames: ['t'],
    topicPartitions: [],
  }
  const made = await broker.send(consumerGroupHeartbeat, request, { version: 0 })
  assert.match(made.memberId ?? '', /^[0-9a-f-]{36}$/)
  const refused = await broker.send(consumerGroupHeartbeat, request, { version: 1 })
  assert.equal(refused.errorCode, ErrorCodes.INVALID_REQUEST)
  await broker.close()
})

const stateOf = async (broker: TestBroker) => {
  const [group] = (
    await broker.send(consumerGroupDescribe, { groupIds: ['g'], includeAuthorizedOperations: false })
  ).groups
  return { ...group!, members: group!.members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1)) }
}

for (const how of ['restart', 'process', 'power'] as const) {
  test(`a group is after a restart (${how}) what it was before`, async () => {
    const broker = await open({ flush: 'group' })
    const pattern = { subscribedTopicNames: [], subscribedTopicRegex: 't.*', rackId: 'r1' }
    await beat(broker, 0, { ...pattern, serverAssignor: 'range', instanceId: 'one' })
    await beat(broker, 0, { memberId: 'other' })
    await beat(broker, 0, { memberId: 'leaves' })
    await beat(broker, -1, { memberId: 'leaves' })
    const before = await stateOf(broker)
    if (how === 'restart') await broker.restart()
    else await broker.crash(how)
    assert.deepEqual(await stateOf(broker), before)
    for (const { memberId, memberEpoch, instanceId } of before.members) {
      const answer = await beat(broker, memberEpoch, { memberId, instanceId })
      assert.equal(answer.errorCode, ErrorCodes.NONE)
    }
    assert.equal((await stateOf(broker)).groupEpoch, before.groupEpoch, 'nothing has changed for it')
    await broker.close()
  })
}

test('a partition that was to be given up before a restart goes to the next member only when it is', async () => {
  const broker = await open()
  await beat(broker, 0)
  await beat(broker, 0, { memberId: 'other' })
  const told = await beat(broker, 1)
  const kept = told.assignment!.topicPartitions
  assert.equal(kept.flatMap(({ partitions }) => partitions).length, 3, 'three of six stay')
  await broker.crash()
  assert.equal((await beat(broker, 2, { memberId: 'other' })).assignment, null, 'they are still held')
  assert.equal((await beat(broker, 1, { topicPartitions: kept })).memberEpoch, 2)
  await broker.crash()
  const free = await beat(broker, 2, { memberId: 'other' })
  assert.equal(free.assignment?.topicPartitions.flatMap(({ partitions }) => partitions).length, 3)
  await broker.close()
})

test('a member that does not give up partitions after a restart is fenced in time', async () => {
  const broker = await open()
  await beat(broker, 0)
  await beat(broker, 0, { memberId: 'other' })
  await beat(broker, 1)
  await broker.crash()
  for (let at = 0; at < 62; at += 2) {
    await broker.advance(2000)
    await beat(broker, 1)
    await beat(broker, 2, { memberId: 'other' })
  }
  assert.equal((await beat(broker, 1)).errorCode, ErrorCodes.UNKNOWN_MEMBER_ID)
  await broker.close()
})

test('a static member that is away keeps its place over a restart', async () => {
  const broker = await open()
  const { memberEpoch } = await beat(broker, 0, { instanceId: 'one' })
  await beat(broker, -2, { instanceId: 'one' })
  await broker.crash()
  const back = await beat(broker, 0, { memberId: 'new', instanceId: 'one' })
  assert.deepEqual([back.errorCode, back.memberEpoch], [ErrorCodes.NONE, memberEpoch])
  await broker.crash()
  assert.equal(
    (await beat(broker, memberEpoch, { memberId: 'new', instanceId: 'one' })).errorCode,
    ErrorCodes.NONE,
  )
  await broker.close()
})

test('partitions that come while the broker is down are assigned afterwards', async () => {
  const broker = await open()
  await beat(broker, 0)
  await broker.send(createPartitions, {
    topics: [{ name: 't', count: 5, assignments: null }],
    timeoutMs: 1000,
    validateOnly: false,
  })
  await broker.crash()
  const answer = await beat(broker, 1)
  assert.equal(answer.memberEpoch, 2)
  assert.equal(answer.assignment?.topicPartitions.flatMap(({ partitions }) => partitions).length, 8)
  await broker.close()
})

test('a topic that is made anew under its name is assigned anew', async () => {
  const broker = await open()
  const first = await beat(broker, 0, { subscribedTopicNames: ['t'] })
  await broker.send(deleteTopics, {
    topics: [{ name: 't', topicId: zeroUuid }],
    topicNames: [],
    timeoutMs: 1000,
  })
  await broker.send(createTopics, {
    topics: [{ name: 't', numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] }],
  })
  const second = await beat(broker, 1, { topicPartitions: [] })
  assert.equal(second.memberEpoch, 2)
  assert.notDeepEqual(
    second.assignment?.topicPartitions[0]?.topicId,
    first.assignment?.topicPartitions[0]?.topicId,
  )
  await broker.close()
})

test('a heartbeat whose change the disk refuses changes nothing', async () => {
  const broker = await open()
  await beat(broker, 0)
  const before = await stateOf(broker)
  const { disk } = broker.simulation.host('local')
  disk.setCapacity(0)
  const refused = async (epoch: number, changes: Partial<Request> = {}): Promise<void> =>
    assert.equal((await beat(broker, epoch, changes)).errorCode, ErrorCodes.COORDINATOR_NOT_AVAILABLE)
  await refused(0, { memberId: 'other' })
  await refused(1, { subscribedTopicNames: ['u'] })
  await refused(-1)
  assert.deepEqual(await stateOf(broker), before)
  assert.equal((await beat(broker, 1)).errorCode, ErrorCodes.NONE, 'a heartbeat without news needs no disk')
  disk.setCapacity(Number.POSITIVE_INFINITY)
  assert.equal((await beat(broker, 0, { memberId: 'other' })).memberEpoch, 2)
  await broker.close()
})

test('members commit and fetch offsets by their epoch', async () => {
  const broker = await open()
  await beat(broker, 0)
  const claim = (generationIdOrMemberEpoch: number, memberId = 'm') => ({
    generationIdOrMemberEpoch,
    memberId,
  })
  assert.equal(await commit(broker, 5n, claim(1)), ErrorCodes.NONE)
  assert.equal(await commit(broker, 6n, claim(0)), ErrorCodes.STALE_MEMBER_EPOCH)
  assert.equal(await commit(broker, 6n, claim(1, 'stranger')), ErrorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(await commit(broker, 6n), ErrorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(await committed(broker), 5n)
  const fetchAs = async (memberEpoch: number): Promise<number> => {
    const groups = [{ groupId: 'g', memberId: 'm', memberEpoch, topics: null }]
    return (await broker.send(offsetFetch, { groups }, { version: 9 })).groups[0]!.errorCode
  }
  assert.equal(await fetchAs(1), ErrorCodes.NONE)
  assert.equal(await fetchAs(0), ErrorCodes.STALE_MEMBER_EPOCH)
  await broker.close()
})

test('a consumer group is described and listed as one, and is Dead to the classic description', async () => {
  const broker = await open()
  await beat(broker, 0, { serverAssignor: 'range' })
  const answer = await broker.send(consumerGroupDescribe, {
    groupIds: ['g', 'none', ''],
    includeAuthorizedOperations: false,
  })
  const [group, none, empty] = answer.groups
  assert.deepEqual(
    [group?.groupState, group?.groupEpoch, group?.assignmentEpoch, group?.assignorName],
    ['Stable', 1, 1, 'range'],
  )
  assert.deepEqual(
    group?.members[0]?.assignment.topicPartitions.map(({ topicName, partitions }) => [topicName, partitions]),
    [
      ['t', [0, 1, 2]],
      ['u', [0, 1, 2]],
    ],
  )
  assert.equal(none?.errorCode, ErrorCodes.GROUP_ID_NOT_FOUND)
  assert.equal(empty?.errorCode, ErrorCodes.INVALID_GROUP_ID)
  const classic = await broker.send(
    describeGroups,
    { groups: ['g'], includeAuthorizedOperations: false },
    { version: 5 },
  )
  assert.equal(classic.groups[0]?.groupState, 'Dead')
  const listed = await broker.send(listGroups, { statesFilter: [], typesFilter: ['consumer'] })
  assert.deepEqual(
    listed.groups.map(({ groupId, groupState }) => [groupId, groupState]),
    [['g', 'Stable']],
  )
  await broker.close()
})

test('a group without members goes from classic to consumer and back, with its offsets', async () => {
  const broker = await open()
  const member = await joined(broker)
  await commit(broker, 5n, claimOf(member))
  assert.equal((await beat(broker, 0)).errorCode, ErrorCodes.GROUP_ID_NOT_FOUND, 'it has a classic member')
  await broker.send(leaveGroup, { groupId: 'g', members: [{ memberId: member.memberId }] })
  const now = await beat(broker, 0)
  assert.equal(now.errorCode, ErrorCodes.NONE)
  assert.ok(now.memberEpoch > member.generation)
  assert.equal(await committed(broker), 5n)
  const late = await broker.send(heartbeat, { groupId: 'g', generationId: 1, memberId: member.memberId })
  assert.equal(late.errorCode, ErrorCodes.UNKNOWN_MEMBER_ID)

  await broker.crash()
  const again = await beat(broker, 0)
  assert.equal(again.memberEpoch, now.memberEpoch)
  await beat(broker, -1)
  const back = await joined(broker)
  assert.ok(back.generation > again.memberEpoch)
  await broker.crash()
  assert.equal(await committed(broker), 5n)
  assert.ok((await joined(broker)).generation > back.generation)
  await broker.close()
})

test('a consumer group without members can be deleted, for good', async () => {
  const broker = await open()
  await beat(broker, 0)
  const remove = async (): Promise<number> =>
    (await broker.send(deleteGroups, { groupsNames: ['g'] })).results[0]!.errorCode
  assert.equal(await remove(), ErrorCodes.NON_EMPTY_GROUP)
  await beat(broker, -1)
  assert.equal(await remove(), ErrorCodes.NONE)
  await broker.restart()
  assert.deepEqual((await broker.send(listGroups, { statesFilter: [], typesFilter: [] })).groups, [])
  await broker.close()
})
