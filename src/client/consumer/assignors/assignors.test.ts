import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { partitionName, type TopicPartition } from '../../../core/record.ts'
import type { Assignor, AssignorMember } from '../assignor.ts'
import { cooperativeStickyAssignor } from './cooperative-sticky.ts'
import { rangeAssignor } from './range.ts'
import { roundRobinAssignor } from './round-robin.ts'
import { stickyAssignor } from './sticky.ts'

const topics = ['a', 'b', 'c']

function member(memberId: string, options: Partial<AssignorMember> = {}): AssignorMember {
  return {
    memberId,
    groupInstanceId: null,
    topics,
    userData: Buffer.alloc(0),
    owned: [],
    generation: -1,
    rackId: null,
    ...options,
  }
}

type Assigned = Map<string, readonly TopicPartition[]>

function assign(
  assignor: Assignor,
  members: readonly AssignorMember[],
  counts: ReadonlyMap<string, number>,
): Assigned {
  const target = assignor.assign({ members, partitionCounts: counts })
  return new Map(members.map(({ memberId }) => [memberId, target.get(memberId)?.partitions ?? []]))
}

const names = (list: readonly TopicPartition[]): string[] =>
  list.map(({ topic, partition }) => partitionName(topic, partition))

function checkComplete(
  assigned: Assigned,
  members: readonly AssignorMember[],
  counts: ReadonlyMap<string, number>,
): void {
  const given = [...assigned.values()].flatMap(names)
  assert.equal(new Set(given).size, given.length, 'each partition goes to one member')
  for (const { memberId, topics: own } of members) {
    for (const { topic } of assigned.get(memberId) ?? []) assert.ok(own.includes(topic), 'of its own topics')
  }
  for (const [topic, count] of counts) {
    if (!members.some((one) => one.topics.includes(topic))) continue
    for (let partition = 0; partition < count; partition++) {
      assert.ok(given.includes(partitionName(topic, partition)), `${topic}/${partition} has an owner`)
    }
  }
}

const countsOf = fc
  .tuple(fc.nat(7), fc.nat(7), fc.nat(7))
  .map((counts) => new Map(topics.map((topic, index) => [topic, counts[index]!])))

const membersOf = fc
  .array(fc.subarray(topics, { minLength: 1 }), { minLength: 1, maxLength: 6 })
  .map((subscriptions) => subscriptions.map((own, index) => member(`m${index}`, { topics: own })))

for (const assignor of [rangeAssignor, roundRobinAssignor, stickyAssignor(), cooperativeStickyAssignor]) {
  describe(assignor.name, () => {
    test('every partition goes to exactly one member that is subscribed to it', () => {
      fc.assert(
        fc.property(membersOf, countsOf, (members, counts) => {
          checkComplete(assign(assignor, members, counts), members, counts)
        }),
      )
    })
  })
}

test("range gives neighbours to each member, the first ones one more, as Java's does", () => {
  const members = ['m0', 'm1', 'm2'].map((id) => member(id, { topics: ['a', 'b'] }))
  const assigned = assign(
    rangeAssignor,
    members,
    new Map([
      ['a', 7],
      ['b', 3],
    ]),
  )
  assert.deepEqual(names(assigned.get('m0')!), ['a/0', 'a/1', 'a/2', 'b/0'])
  assert.deepEqual(names(assigned.get('m1')!), ['a/3', 'a/4', 'b/1'])
  assert.deepEqual(names(assigned.get('m2')!), ['a/5', 'a/6', 'b/2'])
})

test('roundrobin deals partitions out one by one', () => {
  const members = ['m0', 'm1'].map((id) => member(id, { topics: ['a', 'b'] }))
  const assigned = assign(
    roundRobinAssignor,
    members,
    new Map([
      ['a', 3],
      ['b', 2],
    ]),
  )
  assert.deepEqual(names(assigned.get('m0')!), ['a/0', 'a/2', 'b/1'])
  assert.deepEqual(names(assigned.get('m1')!), ['a/1', 'b/0'])
})

/** Rounds of a cooperative group until nobody has to give anything up; what each member holds then. */
function settle(
  before: Assigned,
  memberIds: readonly string[],
  counts: ReadonlyMap<string, number>,
): { readonly held: Assigned; readonly rounds: number } {
  let held: Assigned = new Map(memberIds.map((id) => [id, before.get(id) ?? []]))
  for (let round = 1; ; round++) {
    assert.ok(round <= 3, 'two rounds are enough')
    const members = memberIds.map((id) => member(id, { owned: held.get(id)!, generation: round }))
    const assigned = assign(cooperativeStickyAssignor, members, counts)
    let givenUp = false
    for (const [id, partitions] of assigned) {
      for (const name of names(partitions)) {
        const others = [...held].some(([other, own]) => other !== id && names(own).includes(name))
        assert.ok(!others, `${name} is not handed over while another member owns it`)
      }
      if (names(held.get(id)!).some((name) => !names(partitions).includes(name))) givenUp = true
    }
    held = assigned
    if (!givenUp) return { held, rounds: round }
  }
}

test('a cooperative group settles in two rounds, balanced, moving as little as possible', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      countsOf,
      (before, after, counts) => {
        const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`)
        const first = settle(new Map(), ids(before), counts).held
        const { held } = settle(first, ids(after), counts)
        checkComplete(
          held,
          ids(after).map((id) => member(id)),
          counts,
        )
        const sizes = [...held.values()].map((own) => own.length)
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, 'balanced')
        const total = sizes.reduce((sum, size) => sum + size, 0)
        const kept = ids(Math.min(before, after))
          .map((id) => names(held.get(id)!).filter((name) => names(first.get(id)!).includes(name)).length)
          .reduce((sum, count) => sum + count, 0)
        // Who stays can keep at most its new share; a group that shrinks keeps everything of those who stay.
        const possible = ids(Math.min(before, after))
          .map((id) => Math.min(first.get(id)!.length, Math.ceil(total / after)))
          .reduce((sum, count) => sum + count, 0)
        assert.ok(kept >= possible - Math.min(before, after), `kept ${kept} of ${possible}`)
      },
    ),
  )
})

test('of two members that claim a partition the one with the newer generation keeps it', () => {
  const partition = { topic: 'a', partition: 0 }
  const members = [
    member('m0', { topics: ['a'], owned: [partition], generation: 4 }),
    member('m1', { topics: ['a'], owned: [partition], generation: 5 }),
  ]
  const assigned = assign(cooperativeStickyAssignor, members, new Map([['a', 1]]))
  assert.deepEqual([...assigned.values()].flat(), [], 'and it is not handed out while both have it')
  const settled = assign(
    cooperativeStickyAssignor,
    [{ ...members[0]!, owned: [] }, members[1]!],
    new Map([['a', 1]]),
  )
  assert.deepEqual(names(settled.get('m1')!), ['a/0'])
})

test('sticky members get back what they had, told by their user data', () => {
  const counts = new Map([['a', 6]])
  const assignors = [stickyAssignor(), stickyAssignor(), stickyAssignor()]
  const join = (indexes: readonly number[], generation: number): Assigned => {
    const members = indexes.map((index) =>
      member(`m${index}`, { topics: ['a'], userData: assignors[index]!.metadata!(['a']) }),
    )
    const assigned = assign(assignors[indexes[0]!]!, members, counts)
    for (const index of indexes) {
      const partitions = assigned.get(`m${index}`)!
      assignors[index]!.onAssignment!({ partitions, userData: Buffer.alloc(0), generation })
    }
    return assigned
  }
  const first = join([0, 1], 1)
  const second = join([0, 1, 2], 2)
  for (const id of ['m0', 'm1']) {
    assert.equal(second.get(id)!.length, 2)
    for (const name of names(second.get(id)!)) assert.ok(names(first.get(id)!).includes(name))
  }
  const third = join([1, 2], 3)
  for (const id of ['m1', 'm2']) {
    for (const name of names(second.get(id)!)) assert.ok(names(third.get(id)!).includes(name))
  }
})
