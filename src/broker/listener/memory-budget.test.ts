import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from './memory-budget.ts'

class Holder {
  freed = 0
  readonly budget: MemoryBudget
  constructor(budget: MemoryBudget) {
    this.budget = budget
  }
  budgetFreed(): void {
    this.freed++
  }
}

function setUp(limit = 100): { budget: MemoryBudget; holders: Holder[] } {
  const budget = new MemoryBudget(limit)
  return { budget, holders: [0, 1, 2, 3].map(() => new Holder(budget)) }
}

test('below the limit everyone is admitted', () => {
  const { budget, holders } = setUp()
  budget.hold(holders[0]!, 60)
  budget.hold(holders[1]!, 40)
  assert.ok(holders.every((holder) => budget.admit(holder)))
  assert.equal(budget.roomBytes, 0)
})

test('over the limit only one goes on, and the others in turn when memory is free', () => {
  const { budget, holders } = setUp()
  const [a, b, c] = holders as [Holder, Holder, Holder]
  budget.hold(a, 60)
  budget.hold(b, 60)
  assert.equal(budget.admit(a), true, 'the first who asks is the favourite')
  assert.equal(budget.admit(b), false)
  assert.equal(budget.admit(c), false)
  assert.equal(budget.admit(a), true)
  budget.hold(a, 0)
  assert.deepEqual([b.freed, c.freed], [1, 1])
  assert.equal(budget.admit(b), true)
})

test('when the favourite is done while memory is still short, the next one becomes it', () => {
  const { budget, holders } = setUp()
  const [a, b, c] = holders as [Holder, Holder, Holder]
  budget.hold(a, 10)
  budget.hold(b, 80)
  budget.hold(c, 80)
  assert.equal(budget.admit(a), true)
  assert.equal(budget.admit(b), false)
  assert.equal(budget.admit(c), false)
  budget.release(a)
  assert.deepEqual([b.freed, c.freed], [1, 0])
  assert.equal(budget.admit(b), true)
  assert.equal(budget.admit(c), false)
  budget.release(b)
  assert.equal(c.freed, 1)
  assert.equal(budget.usedBytes, 80)
})

test('a holder that is released while it waits is not called', () => {
  const { budget, holders } = setUp()
  const [a, b] = holders as [Holder, Holder]
  budget.hold(a, 200)
  assert.equal(budget.admit(a), true)
  assert.equal(budget.admit(b), false)
  budget.release(b)
  budget.release(a)
  assert.equal(b.freed, 0)
  assert.equal(budget.usedBytes, 0)
})
