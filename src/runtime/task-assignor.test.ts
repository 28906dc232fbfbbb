import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { partitionName, type TopicPartition } from '../core/record.ts'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { tumbling } from '../dsl/window.ts'
import { count } from '../operators/aggregator.ts'
import { partitionsOf, taskAssignor, tasksOf } from './task-assignor.ts'

const app = pipeline('flow')
const orders = app.stream('orders', json<{ country: string }>())
orders.merge(app.stream('returns', json<{ country: string }>())).to('all')
orders
  .groupBy((o) => o.country)
  .window(tumbling('1 minute'))
  .aggregate({ n: count() })
  .to('counts')
const plan = app.plan()

interface Member {
  readonly memberId: string
  owned: readonly TopicPartition[]
}

/** One round: the assignment, with what members give up before the next round. */
function round(members: Member[], partitionCounts: ReadonlyMap<string, number>): boolean {
  const assigned = taskAssignor({ plan, nowMs: () => 0, onEpoch: () => {} }).assign({
    partitionCounts,
    members: members.map((m) => ({
      memberId: m.memberId,
      groupInstanceId: null,
      topics: [],
      userData: Buffer.alloc(0),
      owned: m.owned,
      generation: 1,
      rackId: null,
    })),
  })
  let gaveUp = false
  for (const member of members) {
    const next = assigned.get(member.memberId)?.partitions ?? []
    const names = new Set(next.map((p) => partitionName(p.topic, p.partition)))
    if (member.owned.some((p) => !names.has(partitionName(p.topic, p.partition)))) gaveUp = true
    member.owned = next
  }
  return gaveUp
}

function settle(members: Member[], counts: ReadonlyMap<string, number>): number {
  let rounds = 1
  while (round(members, counts)) rounds++
  return rounds
}

/** How many tasks a member has; every task's partitions lie with one member, none lies with two. */
function check(members: Member[], counts: ReadonlyMap<string, number>): number[] {
  const owner = new Map<string, string>()
  for (const { memberId, owned } of members) {
    for (const { topic, partition } of owned) {
      assert.equal(owner.has(partitionName(topic, partition)), false, 'a partition has one owner')
      owner.set(partitionName(topic, partition), memberId)
    }
  }
  const tasks = new Map<string, number>(members.map((m) => [m.memberId, 0]))
  for (const task of tasksOf(plan, counts)) {
    const owners = new Set(
      partitionsOf(plan, task, counts).map((p) => owner.get(partitionName(p.topic, p.partition))),
    )
    assert.equal(owners.size, 1, 'the partitions of a task lie together')
    const [id] = owners
    assert.ok(id !== undefined, 'every task has an owner')
    tasks.set(id, (tasks.get(id) ?? 0) + 1)
  }
  return [...tasks.values()]
}

describe('the task assignor', () => {
  const repartition = 'flow-orders-aggregate-repartition'
  const countsOf = (n: number, m: number): Map<string, number> =>
    new Map([
      ['orders', n],
      ['returns', m],
      [repartition, n],
    ])

  it('gives every task to one member, evenly, whoever joins and leaves', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.tuple(fc.boolean(), fc.nat(5)), { maxLength: 8 }),
        (n, m, changes) => {
          const counts = countsOf(n, m)
          let members: Member[] = [{ memberId: 'm0', owned: [] }]
          settle(members, counts)
          for (const [joins, at] of changes) {
            if (joins) members.push({ memberId: `m${members.length}-${at}`, owned: [] })
            else if (members.length > 1) members = members.filter((_, index) => index !== at % members.length)
            members = [...new Map(members.map((member) => [member.memberId, member])).values()]
            assert.ok(settle(members, counts) <= 2, 'two rounds settle a change')
            const held = check(members, counts)
            assert.ok(Math.max(...held) - Math.min(...held) <= 1, 'no member has two tasks more than another')
          }
        },
      ),
    )
  })

  it('moves only what balance needs when a member joins', () => {
    const counts = countsOf(4, 4)
    const members: Member[] = [{ memberId: 'a', owned: [] }]
    settle(members, counts)
    const before = new Set(members[0]!.owned.map((p) => partitionName(p.topic, p.partition)))
    members.push({ memberId: 'b', owned: [] })
    settle(members, counts)
    const kept = members[0]!.owned.filter((p) => before.has(partitionName(p.topic, p.partition)))
    assert.equal(kept.length, members[0]!.owned.length, 'the first member got nothing new')
    assert.deepEqual(check(members, counts), [4, 4])
  })
})

describe('the epoch of a generation', () => {
  it('is the same for all members and larger than any before, whatever the clock says', () => {
    let nowMs = 1000
    const told: number[] = []
    const members = ['a', 'b'].map((memberId) => ({
      memberId,
      assignor: taskAssignor({ plan, nowMs: () => nowMs, onEpoch: (epoch) => told.push(epoch) }),
    }))
    const next = (leader: number): number[] => {
      const assigned = members[leader]!.assignor.assign({
        partitionCounts: new Map([['orders', 2]]),
        members: members.map(({ memberId, assignor }) => ({
          memberId,
          groupInstanceId: null,
          topics: [],
          userData: assignor.metadata!([]),
          owned: [],
          generation: 1,
          rackId: null,
        })),
      })
      told.length = 0
      for (const { memberId, assignor } of members) {
        const { partitions, userData = Buffer.alloc(0) } = assigned.get(memberId)!
        assignor.onAssignment!({ partitions, userData, generation: 1 })
      }
      return [...told]
    }
    assert.deepEqual(next(0), [1000, 1000])
    nowMs = 5000
    assert.deepEqual(next(1), [5000, 5000])
    nowMs = 10
    assert.deepEqual(next(0), [5001, 5001])
  })
})
