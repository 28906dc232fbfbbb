import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  abortEpoch,
  mayHaveJoined,
  type ProducerInPartition,
  type RecoveryStep,
  recoveryStep,
} from './recovery-rules.ts'
import { PRODUCER_EPOCH_MAX, type Transaction } from './transaction.ts'
import { newTransaction } from './transaction-rules.ts'
import type { TransactionState } from './transaction-states.ts'

const EPOCH = 5

const transaction = (state: TransactionState, version: 0 | 2): Transaction => ({
  ...newTransaction({ id: 'tx', producerId: 7, timeoutMs: 1000, nowMs: 5 }),
  state,
  version,
  producerEpoch: EPOCH,
})

const found = (changes: Partial<ProducerInPartition>): ProducerInPartition => ({
  producerEpoch: EPOCH,
  open: true,
  listed: true,
  durable: true,
  ...changes,
})

/** What is open at the epoch of the coordinator, at the one before, and at one older than that. */
const table: readonly {
  readonly states: readonly TransactionState[]
  readonly version: 0 | 2
  readonly listed: readonly [RecoveryStep, RecoveryStep, RecoveryStep]
  readonly unlisted: readonly [RecoveryStep, RecoveryStep, RecoveryStep]
}[] = [
  {
    states: ['PrepareCommit'],
    version: 2,
    listed: ['fence', 'none', 'abort'],
    unlisted: ['fence', 'abort', 'abort'],
  },
  {
    states: ['PrepareAbort'],
    version: 2,
    listed: ['fence', 'none', 'none'],
    unlisted: ['fence', 'abort', 'abort'],
  },
  {
    states: ['PrepareCommit'],
    version: 0,
    listed: ['none', 'abort', 'abort'],
    unlisted: ['abort', 'abort', 'abort'],
  },
  {
    states: ['PrepareAbort'],
    version: 0,
    listed: ['none', 'none', 'none'],
    unlisted: ['abort', 'abort', 'abort'],
  },
  ...([0, 2] as const).flatMap((version) => [
    {
      states: ['Ongoing' as const],
      version,
      listed: ['none', 'abort', 'abort'] as const,
      unlisted: ['takeUp', 'abort', 'abort'] as const,
    },
    {
      states: ['Empty', 'CompleteCommit', 'CompleteAbort'] as const,
      version,
      listed: ['takeUp', 'abort', 'abort'] as const,
      unlisted: ['takeUp', 'abort', 'abort'] as const,
    },
  ]),
]

test('an open transaction is kept, taken up or aborted by the state and the epochs', () => {
  for (const { states, version, ...rows } of table) {
    for (const state of states) {
      for (const [name, steps] of Object.entries(rows)) {
        const got = [EPOCH, EPOCH - 1, EPOCH - 2].map((producerEpoch) =>
          recoveryStep(transaction(state, version), found({ producerEpoch, listed: name === 'listed' })),
        )
        assert.deepEqual(got, steps, `${state} of version ${version}, ${name}`)
      }
    }
  }
})

test('where acknowledgements do not wait for the disk nothing is taken up', () => {
  for (const state of ['Empty', 'Ongoing', 'CompleteCommit', 'CompleteAbort'] as const) {
    const step = recoveryStep(transaction(state, 2), found({ listed: false, durable: false }))
    assert.equal(step, 'fence', state)
  }
})

test('an epoch that the coordinator does not know of is fenced, also when nothing is open', () => {
  for (const state of ['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit'] as const) {
    for (const open of [true, false]) {
      const step = recoveryStep(transaction(state, 0), found({ producerEpoch: EPOCH + 1, open }))
      assert.equal(step, 'fence', state)
    }
  }
})

test('a producer that is closed at a known epoch needs nothing', () => {
  for (const state of ['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit'] as const) {
    for (const producerEpoch of [EPOCH, EPOCH - 1]) {
      assert.equal(recoveryStep(transaction(state, 2), found({ producerEpoch, open: false })), 'none')
    }
  }
})

test('a producer that no transactional id has is aborted if something is open', () => {
  assert.equal(recoveryStep(undefined, found({})), 'abort')
  assert.equal(recoveryStep(undefined, found({ open: false })), 'none')
})

test('a partition that cannot be asked may have joined what is open or comes next, without a note of it', () => {
  const may = (version: 0 | 2, listed: boolean): TransactionState[] =>
    (
      [
        'Empty',
        'Ongoing',
        'PrepareCommit',
        'PrepareAbort',
        'CompleteCommit',
        'CompleteAbort',
        'Dead',
      ] as const
    ).filter((state) => mayHaveJoined(transaction(state, version), listed))
  assert.deepEqual(may(2, false), ['Empty', 'Ongoing', 'CompleteCommit', 'CompleteAbort'])
  assert.deepEqual(may(2, true), ['Empty', 'CompleteCommit', 'CompleteAbort'])
  assert.deepEqual(may(0, false), ['Empty'])
})

test('the marker that fences has an epoch that the producer cannot have', () => {
  assert.equal(abortEpoch('abort', 5), 5)
  assert.equal(abortEpoch('fence', 5), 6)
  assert.equal(abortEpoch('fence', PRODUCER_EPOCH_MAX), PRODUCER_EPOCH_MAX)
})
