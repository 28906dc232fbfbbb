/** Groups and offsets through the broker: commits, transactions, restarts, expiry. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addOffsetsToTxn } from '../../protocol/apis/add-offsets-to-txn.ts'
import { deleteGroups } from '../../protocol/apis/delete-groups.ts'
import { deleteTopics } from '../../protocol/apis/delete-topics.ts'
import { describeGroups } from '../../protocol/apis/describe-groups.ts'
import { endTxn } from '../../protocol/apis/end-txn.ts'
import { heartbeat } from '../../protocol/apis/heartbeat.ts'
import { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import { joinGroup } from '../../protocol/apis/join-group.ts'
import { leaveGroup } from '../../protocol/apis/leave-group.ts'
import { listGroups } from '../../protocol/apis/list-groups.ts'
import { offsetCommit } from '../../protocol/apis/offset-commit.ts'
import { offsetDelete } from '../../protocol/apis/offset-delete.ts'
import { offsetFetch } from '../../protocol/apis/offset-fetch.ts'
import { syncGroup } from '../../protocol/apis/sync-group.ts'
import { txnOffsetCommit } from '../../protocol/apis/txn-offset-commit.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import type { TestBroker } from '../broker-fixture.ts'
import { claimOf, commit, committed, joined, type Member, NAMES, open } from './group-fixture.ts'

test('committed offsets are there after a restart and a kill', async () => {
  const broker = await open()
  for (const [i, end] of (['restart', 'process'] as const).entries()) {
    assert.equal(await commit(broker, BigInt(i + 10), { metadata: `m${i}` }), ErrorCodes.NONE)
    if (end === 'restart') await broker.restart()
    else await broker.crash(end)
    assert.equal(await committed(broker), BigInt(i + 10), end)
  }
  const answer = await broker.send(offsetFetch, { groups: [{ groupId: 'g', topics: null }] }, NAMES)
  assert.deepEqual(
    answer.groups[0]?.topics.map(({ name, partitions }) => [name, partitions[0]?.metadata]),
    [['t', 'm1']],
  )
  await broker.close()
})

test('with flush=group a commit that was answered survives every power cut', async () => {
  const broker = await open({ flush: 'group' })
  for (let offset = 1n; offset <= 25n; offset++) {
    assert.equal(await commit(broker, offset), ErrorCodes.NONE)
    await broker.crash('power')
    assert.equal(await committed(broker), offset)
  }
  await broker.close()
})

test('a partition or group without offsets answers -1', async () => {
  const broker = await open()
  assert.equal(await committed(broker), -1n)
  await commit(broker, 5n)
  assert.equal(await committed(broker, { topic: 'u' }), -1n)
  await broker.close()
})

test('only members of the present generation commit while the group has members', async () => {
  const broker = await open()
  const member = await joined(broker)
  assert.equal(await commit(broker, 1n, claimOf(member)), ErrorCodes.NONE)
  const old = { ...member, generation: member.generation - 1 }
  assert.equal(await commit(broker, 2n, claimOf(old)), ErrorCodes.ILLEGAL_GENERATION)
  const stranger = { ...member, memberId: 'stranger' }
  assert.equal(await commit(broker, 2n, claimOf(stranger)), ErrorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(await commit(broker, 2n), ErrorCodes.UNKNOWN_MEMBER_ID)
  assert.equal(await committed(broker), 1n)
  await broker.send(leaveGroup, { groupId: 'g', members: [{ memberId: member.memberId }] })
  assert.equal(await commit(broker, 3n), ErrorCodes.NONE, 'an empty group is anybody’s')
  const gone = await commit(broker, 4n, { group: 'other', ...claimOf(member) })
  assert.equal(gone, ErrorCodes.GROUP_ID_NOT_FOUND)
  await broker.close()
})

test('what may not be committed is told for its partition alone', async () => {
  const broker = await open({ 'offset.metadata.max.bytes': 10 })
  const answer = await broker.send(
    offsetCommit,
    {
      groupId: 'g',
      memberId: '',
      generationIdOrMemberEpoch: -1,
      topics: [
        {
          name: 't',
          partitions: [
            { partitionIndex: 0, committedOffset: 1n, committedMetadata: 'x'.repeat(11) },
            { partitionIndex: 1, committedOffset: 2n, committedMetadata: null },
            { partitionIndex: 9, committedOffset: 3n, committedMetadata: null },
          ],
        },
        {
          name: 'missing',
          partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }],
        },
      ],
    },
    NAMES,
  )
  assert.deepEqual(
    answer.topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode)),
    [
      [ErrorCodes.OFFSET_METADATA_TOO_LARGE, ErrorCodes.NONE, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION],
      [ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    ],
  )
  assert.equal(await committed(broker), -1n)
  await broker.close()
})

const beat = async (broker: TestBroker, { memberId, generation }: Member): Promise<number> =>
  (await broker.send(heartbeat, { groupId: 'g', generationId: generation, memberId })).errorCode

for (const how of ['restart', 'process', 'power'] as const) {
  test(`members go on after a restart (${how}), in the same generation, with what they read`, async () => {
    const broker = await open({ flush: 'group' })
    const member = await joined(broker)
    if (how === 'restart') await broker.restart()
    else await broker.crash(how)
    assert.equal(await beat(broker, member), ErrorCodes.NONE)
    assert.equal(await commit(broker, 7n, claimOf(member)), ErrorCodes.NONE)
    assert.equal(
      await commit(broker, 8n, claimOf({ ...member, generation: member.generation - 1 })),
      ErrorCodes.ILLEGAL_GENERATION,
    )
    const { groups } = await broker.send(describeGroups, { groups: ['g'] })
    const [found] = groups
    assert.deepEqual(
      [found?.groupState, found?.protocolType, found?.protocolData],
      ['Stable', 'consumer', 'range'],
    )
    assert.deepEqual(
      found?.members.map(({ memberId, clientId, clientHost, memberAssignment }) => [
        memberId,
        clientId,
        clientHost,
        memberAssignment.toString(),
      ]),
      [[member.memberId, 'test', '/elsewhere', 'all']],
    )
    const sync = await broker.send(syncGroup, {
      groupId: 'g',
      generationId: member.generation,
      memberId: member.memberId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [],
    })
    assert.equal(sync.assignment.toString(), 'all')
    await broker.close()
  })
}

test('a member that does not come back after a restart is gone when its session is over', async () => {
  const broker = await open({ 'group.min.session.timeout.ms': 1000 })
  await joined(broker, 'g', undefined, 10_000)
  await broker.crash()
  const stateNow = async (): Promise<string | undefined> =>
    (await broker.send(describeGroups, { groups: ['g'] })).groups[0]?.groupState
  await broker.advance(9_000)
  assert.equal(await stateNow(), 'Stable')
  await broker.advance(1_100)
  assert.equal(await stateNow(), 'Empty')
  await broker.crash()
  assert.equal(await stateNow(), 'Empty', 'that is kept as well')
  assert.equal((await joined(broker)).generation, 3)
  await broker.close()
})

test('members of the broker’s own process end with it', async () => {
  const broker = await open()
  const member = await joined(broker)
  const own = broker.broker.connect()
  const join = own.send(
    joinGroup,
    {
      groupId: 'own',
      sessionTimeoutMs: 60_000,
      rebalanceTimeoutMs: 60_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('m') }],
    },
    { version: 3 },
  )
  const { memberId, generationId } = await broker.simulation.runUntil(join)
  const sync = own.send(
    syncGroup,
    { groupId: 'own', generationId, memberId, assignments: [] },
    { version: 3 },
  )
  assert.equal((await broker.simulation.runUntil(sync)).errorCode, ErrorCodes.NONE)
  await broker.crash()
  const { groups } = await broker.send(listGroups, { statesFilter: [], typesFilter: [] })
  assert.deepEqual(groups.map(({ groupId, groupState }) => [groupId, groupState]).toSorted(), [
    ['g', 'Stable'],
    ['own', 'Empty'],
  ])
  assert.equal(await beat(broker, member), ErrorCodes.NONE)
  await broker.close()
})

test('a static member that came back is known by its new id after a restart', async () => {
  const broker = await open()
  const first = await joined(broker, 'g', undefined, 1_800_000, 'one')
  const again = await joined(broker, 'g', undefined, 1_800_000, 'one')
  assert.notEqual(again.memberId, first.memberId)
  assert.equal(again.generation, first.generation)
  await broker.crash()
  const instance = { groupInstanceId: 'one' }
  assert.equal(await commit(broker, 1n, { ...claimOf(first), ...instance }), ErrorCodes.FENCED_INSTANCE_ID)
  assert.equal(await commit(broker, 2n, { ...claimOf(again), ...instance }), ErrorCodes.NONE)
  await broker.close()
})

test('a static member that cannot be kept under its new id is refused, and its place stays', async () => {
  const broker = await open()
  const first = await joined(broker, 'g', undefined, 1_800_000, 'one')
  const { disk } = broker.simulation.host('local')
  disk.setCapacity(0)
  const refused = await joined(broker, 'g', undefined, 1_800_000, 'one')
  assert.equal(refused.generation, -1)
  disk.setCapacity(Number.POSITIVE_INFINITY)
  assert.equal(await commit(broker, 1n, { ...claimOf(first), groupInstanceId: 'one' }), ErrorCodes.NONE)
  await broker.close()
})

async function transaction(
  broker: TestBroker,
  id = 'tx',
): Promise<{ producerId: bigint; producerEpoch: number }> {
  const { producerId, producerEpoch, errorCode } = await broker.send(initProducerId, {
    transactionalId: id,
    transactionTimeoutMs: 60_000,
  })
  assert.equal(errorCode, ErrorCodes.NONE)
  return { producerId, producerEpoch }
}

type Producer = Awaited<ReturnType<typeof transaction>>

async function commitIn(
  broker: TestBroker,
  producer: Producer,
  offset: bigint,
  changes: { version?: number; memberId?: string; generationId?: number } = {},
): Promise<number> {
  const { version = 3, ...claim } = changes
  if (version < 5) {
    await broker.send(addOffsetsToTxn, { transactionalId: 'tx', ...producer, groupId: 'g' }, { version: 3 })
  }
  const answer = await broker.send(
    txnOffsetCommit,
    {
      transactionalId: 'tx',
      groupId: 'g',
      ...producer,
      ...claim,
      topics: [
        { name: 't', partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: '' }] },
      ],
    },
    { version },
  )
  return answer.topics[0]!.partitions[0]!.errorCode
}

const end = (broker: TestBroker, producer: Producer, isCommit: boolean) =>
  broker.send(endTxn, { transactionalId: 'tx', ...producer, committed: isCommit }, { version: 4 })

for (const how of ['in memory', 'after a kill'] as const) {
  test(`offsets of a transaction count when it commits, ${how}`, async () => {
    const broker = await open()
    const between = async (): Promise<void> => {
      if (how === 'after a kill') await broker.crash()
    }
    await commit(broker, 1n)
    const producer = await transaction(broker)
    assert.equal(await commitIn(broker, producer, 5n), ErrorCodes.NONE)
    await between()
    assert.equal(await committed(broker), 1n)
    assert.equal(await committed(broker, { requireStable: true }), 'unstable')
    assert.equal((await end(broker, producer, true)).errorCode, ErrorCodes.NONE)
    await between()
    assert.equal(await committed(broker, { requireStable: true }), 5n)

    assert.equal(await commitIn(broker, producer, 9n), ErrorCodes.NONE)
    await between()
    assert.equal((await end(broker, producer, false)).errorCode, ErrorCodes.NONE)
    await between()
    assert.equal(await committed(broker, { requireStable: true }), 5n, 'an aborted offset is dropped')
    await broker.close()
  })
}

test('a commit outside of the transaction that came later is not overtaken by it', async () => {
  const broker = await open()
  const producer = await transaction(broker)
  await commitIn(broker, producer, 5n)
  await commit(broker, 8n)
  await end(broker, producer, true)
  assert.equal(await committed(broker), 8n)
  await broker.crash()
  assert.equal(await committed(broker), 8n)
  await broker.close()
})

test('offsets of a transaction are taken for a group that is part of it only, or joins it (v5)', async () => {
  const broker = await open()
  const producer = await transaction(broker)
  const topics = [
    { name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }] },
  ]
  const send = async (version: number): Promise<number> => {
    const request = { transactionalId: 'tx', groupId: 'g', ...producer, topics }
    return (await broker.send(txnOffsetCommit, request, { version })).topics[0]!.partitions[0]!.errorCode
  }
  assert.equal(await send(3), ErrorCodes.INVALID_TXN_STATE)
  assert.equal(await send(4), ErrorCodes.TRANSACTION_ABORTABLE)
  assert.equal(await send(5), ErrorCodes.NONE)
  await broker.close()
})

test('a producer that was fenced commits no offsets, nor one whose consumer left the group', async () => {
  const broker = await open()
  const old = await transaction(broker)
  const now = await transaction(broker)
  assert.equal(await commitIn(broker, old, 5n, { version: 5 }), ErrorCodes.INVALID_PRODUCER_EPOCH)
  const member = await joined(broker)
  const claim = { memberId: member.memberId, generationId: member.generation }
  assert.equal(await commitIn(broker, now, 5n, claim), ErrorCodes.NONE)
  assert.equal(
    await commitIn(broker, now, 6n, { ...claim, generationId: member.generation + 1 }),
    ErrorCodes.ILLEGAL_GENERATION,
  )
  assert.equal(await commitIn(broker, now, 6n, { ...claim, memberId: 'x' }), ErrorCodes.UNKNOWN_MEMBER_ID)
  await broker.close()
})

test('groups are listed and described by state, and deleted when they are empty', async () => {
  const broker = await open()
  const member = await joined(broker)
  await commit(broker, 5n, { group: 'simple' })
  const listed = await broker.send(listGroups, { statesFilter: ['stable'], typesFilter: ['Classic'] })
  assert.deepEqual(
    listed.groups.map(({ groupId, groupState, groupType }) => [groupId, groupState, groupType]),
    [['g', 'Stable', 'classic']],
  )
  const described = await broker.send(describeGroups, {
    groups: ['g', 'simple', 'none'],
    includeAuthorizedOperations: true,
  })
  assert.deepEqual(
    described.groups.map(({ groupState, errorCode }) => [groupState, errorCode]),
    [
      ['Stable', ErrorCodes.NONE],
      ['Empty', ErrorCodes.NONE],
      ['Dead', ErrorCodes.GROUP_ID_NOT_FOUND],
    ],
  )
  assert.equal(described.groups[0]?.members[0]?.memberAssignment.toString(), 'all')
  const remove = async (): Promise<number[]> => {
    const answer = await broker.send(deleteGroups, { groupsNames: ['g', 'simple', 'none', ''] })
    return answer.results.map(({ errorCode }) => errorCode)
  }
  const { NONE, NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND, INVALID_GROUP_ID } = ErrorCodes
  assert.deepEqual(await remove(), [NON_EMPTY_GROUP, NONE, GROUP_ID_NOT_FOUND, INVALID_GROUP_ID])
  await broker.send(leaveGroup, { groupId: 'g', members: [{ memberId: member.memberId }] })
  assert.deepEqual(await remove(), [NONE, GROUP_ID_NOT_FOUND, GROUP_ID_NOT_FOUND, INVALID_GROUP_ID])
  await broker.restart()
  assert.deepEqual((await broker.send(listGroups, {})).groups, [])
  await broker.close()
})

test('single offsets are deleted, not those of topics that the group reads', async () => {
  const broker = await open()
  const member = await joined(broker)
  await commit(broker, 5n, claimOf(member))
  await commit(broker, 6n, { ...claimOf(member), topic: 'u' })
  const answer = await broker.send(offsetDelete, {
    groupId: 'g',
    topics: ['t', 'u', 'missing'].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })),
  })
  assert.deepEqual(
    answer.topics.map(({ partitions }) => partitions[0]?.errorCode),
    [ErrorCodes.GROUP_SUBSCRIBED_TO_TOPIC, ErrorCodes.NONE, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION],
  )
  assert.equal(await committed(broker), 5n)
  assert.equal(await committed(broker, { topic: 'u' }), -1n)
  await broker.close()
})

test('with a topic its committed offsets go', async () => {
  const broker = await open()
  await commit(broker, 5n)
  await commit(broker, 6n, { topic: 'u' })
  await broker.send(deleteTopics, { topics: [{ name: 't', topicId: zeroUuid }], timeoutMs: 1 })
  assert.equal(await committed(broker), -1n)
  await broker.restart()
  assert.equal(await committed(broker), -1n)
  assert.equal(await committed(broker, { topic: 'u' }), 6n)
  await broker.close()
})

test('a commit that the disk refuses is not answered as done, and changes nothing', async () => {
  const broker = await open()
  await commit(broker, 1n)
  const { disk } = broker.simulation.host('local')
  disk.setCapacity(0)
  assert.equal(await commit(broker, 2n), ErrorCodes.COORDINATOR_NOT_AVAILABLE)
  assert.equal(await committed(broker), 1n)
  disk.setCapacity(Number.POSITIVE_INFINITY)
  assert.equal(await commit(broker, 3n), ErrorCodes.NONE)
  await broker.crash()
  assert.equal(await committed(broker), 3n)
  await broker.close()
})

test('group ids spread over the partitions of the internal topic as in Kafka', async () => {
  const { javaHash } = await import('../coordinators.ts')
  // Values of Java's String.hashCode.
  assert.equal(javaHash(''), 0)
  assert.equal(
    javaHash('console-consumer-1'),
    'console-consumer-1'.split('').reduce((h, c) => (h * 31 + c.charCodeAt(0)) | 0, 0),
  )
  assert.equal(javaHash('polygenelubricants'), -0x8000_0000)
  const broker = await open({ 'offsets.topic.num.partitions': 5 })
  for (const group of ['polygenelubricants', 'a', 'b', 'c', 'd']) await commit(broker, 5n, { group })
  await broker.crash()
  for (const group of ['polygenelubricants', 'a', 'b', 'c', 'd']) {
    assert.equal(await committed(broker, { group }), 5n)
  }
  const used = broker.broker.metrics().partitions.filter(({ topic, endOffset }) => {
    return topic === '__consumer_offsets' && endOffset > 0
  })
  assert.ok(used.length > 1)
  await broker.close()
})
