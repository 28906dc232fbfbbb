import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GroupEvent, type GroupState, groupTransitions, nextGroupState } from './group-states.ts'

const states = Object.keys(groupTransitions) as GroupState[]

test('from every state but Dead a group can die, and from Dead nothing leads on', () => {
  for (const state of states) {
    const next = groupTransitions[state].removal
    assert.equal(next, state === 'Dead' ? undefined : 'Dead', state)
  }
  assert.deepEqual(Object.values(groupTransitions.Dead), [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('every state is reached from Empty', () => {
  const reached = new Set<GroupState>(['Empty'])
  for (const state of reached) {
    for (const next of Object.values(groupTransitions[state])) if (next !== undefined) reached.add(next)
  }
  assert.deepEqual([...reached].sort(), [...states].sort())
})

test('a generation begins only out of a join phase', () => {
  const events: GroupEvent[] = ['generation', 'emptied']
  for (const event of events) {
    const from = states.filter((state) => groupTransitions[state][event] !== undefined)
    assert.deepEqual(from, ['PreparingRebalance'], event)
  }
})

test('an event that a state does not know breaks an invariant', () => {
  assert.throws(() => nextGroupState('Stable', 'assignment'), { code: 'MR_INVARIANT' })
})
