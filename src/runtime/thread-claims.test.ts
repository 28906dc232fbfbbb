import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  assignmentData,
  epochOf,
  holderOf,
  refusedMembers,
  subscriptionData,
  type ThreadClaim,
} from './thread-claims.ts'

const member = (memberId: string, claim: ThreadClaim | undefined, generation = -1) => ({
  memberId,
  userData: subscriptionData(7, claim),
  owned: generation < 0 ? [] : [{ topic: 'in', partition: 0 }],
  generation,
})

describe('who is a thread of a pipeline', () => {
  it('is told with the epoch, and so is who holds it', () => {
    assert.equal(epochOf(subscriptionData(9, { index: 3, sinceMs: 5 })), 9)
    assert.equal(epochOf(assignmentData(9, 'a')), 9)
    assert.equal(epochOf(Buffer.alloc(0)), 0)
    assert.equal(holderOf(assignmentData(9, 'member-ä')), 'member-ä')
    assert.equal(holderOf(assignmentData(9, undefined)), undefined)
  })

  it('is who holds partitions, else who came first', () => {
    const early = { index: 0, sinceMs: 10 }
    const late = { index: 0, sinceMs: 20 }
    const refused = (...members: Parameters<typeof refusedMembers>[0]) => [...refusedMembers(members)]
    assert.deepEqual(refused(member('a', late), member('b', early)), [['a', 'b']])
    assert.deepEqual(refused(member('a', late, 4), member('b', early)), [['b', 'a']])
    // One that was thought dead comes back with what it held before.
    assert.deepEqual(refused(member('a', late, 4), member('b', early, 3)), [['b', 'a']])
    assert.deepEqual(refused(member('a', early), member('b', early)), [['b', 'a']])
    assert.deepEqual(refused(member('a', early), member('b', { index: 1, sinceMs: 10 })), [])
    assert.deepEqual(refused(member('a', undefined), member('b', undefined)), [])
    assert.deepEqual(refused({ ...member('a', early), userData: Buffer.alloc(8) }, member('b', early)), [])
  })

  it('is one member of each number, whoever asks in whatever order', () => {
    const claims = fc.array(
      fc.record({
        index: fc.integer({ min: 0, max: 3 }),
        sinceMs: fc.nat(3),
        generation: fc.integer({ min: -1, max: 3 }),
      }),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(claims, (list) => {
        const members = list.map(({ generation, ...claim }, at) => member(`m${at}`, claim, generation))
        const refused = refusedMembers(members)
        assert.deepEqual(
          new Map([...refusedMembers(members.toReversed())].toSorted()),
          new Map([...refused].toSorted()),
        )
        const left = list.filter((_, at) => !refused.has(`m${at}`)).map(({ index }) => index)
        assert.deepEqual(left.toSorted(), [...new Set(list.map(({ index }) => index))].toSorted())
        for (const holder of refused.values()) assert.ok(!refused.has(holder))
      }),
    )
  })
})
