import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../core/errors.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { MemoryBudget } from './memory-budget.ts'

test('whoever waits for room goes on when half of it is free, and memory is scarce until then', async () => {
  const simulation = simulatedPlatform({ seed: 1 })
  const budget = new MemoryBudget(simulation.clock, 1000)
  budget.add(900)
  await simulation.runUntil(budget.room())
  assert.equal(budget.scarce, false)
  budget.add(100)
  assert.deepEqual([budget.full, budget.scarce], [true, true])
  let free = false
  const room = budget.room().then(() => (free = true))
  budget.release(400)
  assert.deepEqual([budget.full, budget.scarce], [false, true])
  await simulation.runUntil(simulation.clock.nextTurn())
  assert.equal(free, false)
  budget.release(100)
  await simulation.runUntil(room)
  assert.deepEqual([free, budget.scarce], [true, false])
})

test('the end rejects whoever waits for room', async () => {
  const simulation = simulatedPlatform({ seed: 1 })
  const budget = new MemoryBudget(simulation.clock, 10)
  budget.add(10)
  const room = budget.room()
  budget.end(new MillraceError('MR_CLOSED', 'the producer is closed'))
  await assert.rejects(room, { code: 'MR_CLOSED' })
})
