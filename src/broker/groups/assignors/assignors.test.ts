import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Assignment, nothingAssigned } from '../consumer-group.ts'
import type { AssignableMember } from './assignor.ts'
import { rangeAssignor } from './range.ts'
import { groupAssignors } from './register.ts'
import { uniformAssignor } from './uniform.ts'

const member = (id: string, topics: string[], present: Assignment = nothingAssigned): AssignableMember => ({
  id,
  instanceId: null,
  topicIds: new Set(topics),
  present,
})

const texts = (assigned: ReadonlyMap<string, Assignment>): Record<string, string[]> =>
  Object.fromEntries(
    [...assigned].map(([id, topics]) => [
      id,
      [...topics].flatMap(([topic, partitions]) => [...partitions].map((n) => `${topic}${n}`)).sort(),
    ]),
  )

const input = fc.record({
  counts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
  reads: fc.array(fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
})

for (const assignor of groupAssignors) {
  test(`${assignor.name}: every partition goes to one of its readers`, () => {
    fc.assert(
      fc.property(input, ({ counts, reads }) => {
        const members = reads.map((read, i) =>
          member(`m${i}`, [
            ...new Set(read.filter((topic) => topic < counts.length).map((topic) => `t${topic}-`)),
          ]),
        )
        const read = new Set(members.flatMap(({ topicIds }) => [...topicIds]))
        const partitionCounts = new Map(
          counts.map((count, i) => [`t${i}-`, count] as const).filter(([id]) => read.has(id)),
        )
        const assigned = texts(assignor.assign({ members, partitionCounts }))
        const expected = [...partitionCounts].flatMap(([id, count]) =>
          [...Array(count).keys()].map((n) => `${id}${n}`),
        )
        assert.deepEqual(Object.values(assigned).flat().sort(), expected.sort())
        for (const { id, topicIds } of members) {
          for (const name of assigned[id]!) assert.ok(topicIds.has(name.slice(0, 3)), `${id} reads ${name}`)
        }
      }),
    )
  })
}

test('range: topics with as many partitions are cut alike, the first members get one more', () => {
  const members = ['b', 'a', 'c'].map((id) => member(id, ['x', 'y']))
  const counts = new Map([
    ['x', 5],
    ['y', 5],
  ])
  assert.deepEqual(texts(rangeAssignor.assign({ members, partitionCounts: counts })), {
    a: ['x0', 'x1', 'y0', 'y1'],
    b: ['x2', 'x3', 'y2', 'y3'],
    c: ['x4', 'y4'],
  })
})

test('uniform: loads differ by one at most, and members keep what they have', () => {
  const three = ['a', 'b', 'c'].map((id) => member(id, ['x']))
  const first = uniformAssignor.assign({ members: three, partitionCounts: new Map([['x', 8]]) })
  const withFourth = [...three.map(({ id }) => member(id, ['x'], first.get(id)!)), member('d', ['x'])]
  const second = uniformAssignor.assign({ members: withFourth, partitionCounts: new Map([['x', 8]]) })
  const [before, after] = [texts(first), texts(second)]
  assert.deepEqual(
    Object.values(after).map(({ length }) => length),
    [2, 2, 2, 2],
  )
  for (const id of ['a', 'b', 'c']) {
    assert.ok(
      after[id]!.every((name) => before[id]!.includes(name)),
      `${id} only gives up`,
    )
  }
})

test('uniform: members that read more make room for those that read less', () => {
  const members = [member('a', ['x', 'y']), member('b', ['x'])]
  const counts = new Map([
    ['x', 2],
    ['y', 2],
  ])
  assert.deepEqual(texts(uniformAssignor.assign({ members, partitionCounts: counts })), {
    a: ['y0', 'y1'],
    b: ['x0', 'x1'],
  })
})
