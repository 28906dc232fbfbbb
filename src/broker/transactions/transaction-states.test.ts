import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  nextTransactionState,
  type TransactionState,
  transactionStates,
  transactionTransitions,
} from './transaction-states.ts'

test('a decision is only followed by its markers', () => {
  const from = (state: TransactionState): (string | undefined)[] =>
    Object.values(transactionTransitions[state]).filter((next) => next !== undefined)
  assert.deepEqual(from('PrepareCommit'), ['CompleteCommit'])
  assert.deepEqual(from('PrepareAbort'), ['CompleteAbort'])
  assert.deepEqual(from('Dead'), [])
})

test('every state is reached from Empty', () => {
  const reached = new Set<TransactionState>(['Empty'])
  for (const state of reached) {
    for (const next of Object.values(transactionTransitions[state])) if (next !== undefined) reached.add(next)
  }
  assert.deepEqual([...reached].sort(), [...transactionStates].sort())
})

test('only an open transaction commits, and an id in use does not expire', () => {
  for (const state of transactionStates) {
    const { commit, expire } = transactionTransitions[state]
    assert.equal(commit !== undefined, state === 'Ongoing', state)
    assert.equal(expire !== undefined, ['Empty', 'CompleteCommit', 'CompleteAbort'].includes(state), state)
  }
  assert.throws(() => nextTransactionState('PrepareCommit', 'abort'), { code: 'MR_INVARIANT' })
})
