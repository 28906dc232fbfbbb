import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Assignor } from '../assignor.ts'
import { rangeAssignor } from '../assignors/range.ts'
import { without } from './assignment.ts'
import { decodeAssignment, decodeMembers, encodeAssignments, encodeSubscription } from './classic-protocol.ts'
import {
  consumerMembershipEvents,
  consumerMembershipStates,
  consumerMembershipTable,
} from './consumer-membership-state.ts'
import {
  membershipEvents,
  membershipStates,
  membershipTable,
  nextMembershipState,
  sendsHeartbeats,
} from './membership-state.ts'
import { PollTasks } from './poll-tasks.ts'

const place = (topic: string, partition: number) => ({ topic, partition })

test('a subscription and an assignment survive the way through the broker', () => {
  const assignor: Assignor = {
    ...rangeAssignor,
    metadata: (topics) => Buffer.from(`about ${topics.join()}`),
    assign: ({ members }) =>
      new Map(
        members.map(({ memberId, owned }) => [
          memberId,
          { partitions: owned, userData: Buffer.from(memberId) },
        ]),
      ),
  }
  const owned = [place('b', 1), place('a', 0), place('b', 0)]
  const metadata = encodeSubscription(assignor, { topics: ['b', 'a'], owned, generation: 7, rack: 'r1' })
  const members = decodeMembers([{ memberId: 'm', groupInstanceId: 'i', metadata }])
  assert.deepEqual(members, [
    {
      memberId: 'm',
      groupInstanceId: 'i',
      topics: ['a', 'b'],
      userData: Buffer.from('about b,a'),
      owned: [place('b', 1), place('b', 0), place('a', 0)],
      generation: 7,
      rackId: 'r1',
    },
  ])
  const [encoded] = encodeAssignments(assignor, members, new Map([['a', 1]]))
  const decoded = decodeAssignment(encoded!.assignment)
  assert.deepEqual(decoded.partitions, members[0]!.owned)
  assert.equal(decoded.userData.toString(), 'm')
})

test("Java's subscription of version 1 is read, and a version that is not known yet as the highest that is", () => {
  // version 1, topics ["t"], no user data, owned t: 0, 2
  const bytes = Buffer.from(
    '0001' +
      '00000001' +
      '000174' +
      'ffffffff' +
      '00000001' +
      '000174' +
      '00000002' +
      '00000000' +
      '00000002',
    'hex',
  )
  const [member] = decodeMembers([{ memberId: 'm', groupInstanceId: null, metadata: bytes }])
  assert.deepEqual(member?.owned, [place('t', 0), place('t', 2)])
  assert.equal(member?.generation, -1)
  const newer = Buffer.concat([
    Buffer.from('0063', 'hex'),
    bytes.subarray(2),
    Buffer.from('00000009' + 'ffff' + '0abc', 'hex'),
  ])
  assert.equal(decodeMembers([{ memberId: 'm', groupInstanceId: null, metadata: newer }])[0]?.generation, 9)
})

test('a member that gets no bytes gets no partitions', () => {
  assert.deepEqual(decodeAssignment(Buffer.alloc(0)).partitions, [])
})

test('members stand in order: static ones by their instance id, then the others by their id', () => {
  const metadata = encodeSubscription(rangeAssignor, { topics: ['t'], owned: [], generation: -1, rack: '' })
  const members = decodeMembers(
    [
      ['d', null],
      ['a', 'z'],
      ['c', null],
      ['b', 'y'],
    ].map(([memberId, groupInstanceId]) => ({
      memberId: memberId!,
      groupInstanceId: groupInstanceId!,
      metadata,
    })),
  )
  assert.deepEqual(
    members.map(({ memberId }) => memberId),
    ['b', 'a', 'c', 'd'],
  )
})

test('an assignor cannot assign to somebody who is not a member', () => {
  const assignor: Assignor = { ...rangeAssignor, assign: () => new Map([['stranger', { partitions: [] }]]) }
  assert.throws(() => encodeAssignments(assignor, [], new Map()), { code: 'MR_INVARIANT' })
})

test('a member that has left or failed never comes back, and every state can be left', () => {
  for (const event of membershipEvents) {
    assert.equal(membershipTable.left[event], 'left')
    assert.equal(membershipTable.failed[event], event === 'leave' ? 'left' : 'failed')
  }
  for (const state of membershipStates) assert.equal(membershipTable[state].leave, 'left')
  for (const state of consumerMembershipStates) assert.equal(consumerMembershipTable[state].leave, 'left')
  for (const event of consumerMembershipEvents) assert.equal(consumerMembershipTable.left[event], 'left')
})

test('partitions are added only after a member has joined and synced in its present round', () => {
  const path = (['join', 'prepared', 'joined', 'synced'] as const).reduce(nextMembershipState, 'unjoined')
  assert.equal(path, 'assigning')
  const into = membershipStates.filter((state) => Object.values(membershipTable[state]).includes('assigning'))
  assert.deepEqual(into, ['syncing', 'assigning'])
  assert.throws(() => nextMembershipState('unjoined', 'synced'), { code: 'MR_INVARIANT' })
  assert.equal(sendsHeartbeats('joining'), false)
})

test('what concerns the caller waits for its poll; the first failure is thrown after all have run', async () => {
  let added = 0
  const tasks = new PollTasks(() => added++)
  const order: string[] = []
  const done = ['a', 'b', 'c'].map((name) =>
    tasks.run(async () => {
      order.push(name)
      if (name !== 'b') throw new Error(name)
    }),
  )
  assert.equal(added, 3)
  await Promise.resolve()
  assert.deepEqual(order, [])
  await assert.rejects(tasks.serve(), /a/)
  assert.deepEqual(order, ['a', 'b', 'c'])
  await Promise.all(done)
  const waiting = tasks.run(async () => assert.fail('it was abandoned'))
  tasks.abandon()
  await waiting
})

test('the difference of two assignments', () => {
  const a = [place('a', 0), place('a', 1), place('b', 0)]
  assert.deepEqual(without(a, [place('a', 1)]), [place('a', 0), place('b', 0)])
  assert.deepEqual(without(a, a), [])
})
