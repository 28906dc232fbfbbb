import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { PRODUCER_EPOCH_MAX, type Transaction } from './transaction.ts'
import * as rules from './transaction-rules.ts'

const NEW_ID = 900
const newProducerId = (): number => NEW_ID
const name = { topic: 't', partition: 0 }

const fresh = (changes: Partial<Transaction> = {}): Transaction => ({
  ...rules.newTransaction({ id: 'tx', producerId: 7, timeoutMs: 1000, nowMs: 5 }),
  ...changes,
})

const claimOf = ({ producerId, producerEpoch }: Transaction): rules.ProducerClaim => ({
  producerId,
  producerEpoch,
})

function next(decision: ReturnType<typeof rules.initialize>): Transaction {
  assert.ok('next' in decision, JSON.stringify(decision))
  return decision.next
}

function code(decision: ReturnType<typeof rules.initialize>): number {
  assert.ok('code' in decision, JSON.stringify(decision))
  return decision.code
}

const initialize = (present: Transaction, claim?: rules.ProducerClaim) =>
  rules.initialize(present, { claim, timeoutMs: 1000, nowMs: 9, newProducerId })

const end = (present: Transaction | undefined, claim: rules.ProducerClaim, commit: boolean, version: 0 | 2) =>
  rules.end(present, claim, { commit, version, nowMs: 9, newProducerId })

const open = (present: Transaction, version: 0 | 2 = 0): Transaction =>
  next(rules.addPartitions(present, claimOf(present), [name], { nowMs: 6, version }))

test('a new producer gets the next epoch, one that goes on keeps its id (KIP-360)', () => {
  const first = fresh()
  const second = next(initialize(first))
  assert.deepEqual([second.producerId, second.producerEpoch], [7, 1])
  const resumed = next(initialize(second, claimOf(second)))
  assert.deepEqual([resumed.producerId, resumed.producerEpoch, resumed.lastProducerEpoch], [7, 2, 1])
  const repeated = next(initialize(resumed, claimOf(second)))
  assert.deepEqual([repeated.producerId, repeated.producerEpoch], [7, 2], 'the answer was lost')
  assert.equal(code(initialize(resumed, claimOf(first))), ErrorCodes.PRODUCER_FENCED)
  assert.equal(code(initialize(resumed, { producerId: 8, producerEpoch: 2 })), ErrorCodes.PRODUCER_FENCED)
})

test('when the epochs of an id have run out there is a new id, and the old one may go on to it', () => {
  const worn = fresh({ producerEpoch: PRODUCER_EPOCH_MAX - 1 })
  const rotated = next(initialize(worn, claimOf(worn)))
  assert.deepEqual([rotated.producerId, rotated.producerEpoch, rotated.previousProducerId], [NEW_ID, 0, 7])
  const repeated = next(initialize(rotated, claimOf(worn)))
  assert.deepEqual([repeated.producerId, repeated.producerEpoch], [NEW_ID, 0])
})

test('an open transaction is fenced first, a decided one waited for', () => {
  assert.deepEqual(initialize(open(fresh())), { fenceFirst: true })
  const decided = next(end(open(fresh()), claimOf(fresh()), true, 0))
  assert.equal(code(initialize(decided)), ErrorCodes.CONCURRENT_TRANSACTIONS)
  const fenced = rules.fence(open(fresh({ producerEpoch: PRODUCER_EPOCH_MAX })), 9)
  assert.equal(fenced.producerEpoch, PRODUCER_EPOCH_MAX, 'there is no higher epoch')
})

test('partitions join once, and not a transaction that is decided', () => {
  const once = open(fresh())
  assert.deepEqual([once.state, once.startMs], ['Ongoing', 6])
  const again = rules.addPartitions(once, claimOf(once), [name], { nowMs: 8, version: 0 })
  assert.deepEqual(again, { code: ErrorCodes.NONE })
  const more = next(
    rules.addPartitions(once, claimOf(once), [{ topic: 't', partition: 1 }], { nowMs: 8, version: 0 }),
  )
  assert.deepEqual([[...more.partitions.get('t')!], more.startMs], [[0, 1], 6])
  const decided = next(end(once, claimOf(once), false, 0))
  assert.deepEqual(rules.addPartitions(decided, claimOf(once), [name], { nowMs: 8, version: 0 }), {
    code: ErrorCodes.CONCURRENT_TRANSACTIONS,
  })
  const committed = rules.complete(next(end(once, claimOf(once), true, 0)), 9)
  assert.deepEqual([...open(committed).partitions.get('t')!], [0], 'the next transaction begins anew')
})

test('a producer is known by id and epoch', () => {
  const present = open(fresh({ producerEpoch: 3 }))
  for (const decide of [
    (claim: rules.ProducerClaim) => rules.addPartitions(present, claim, [name], { nowMs: 1, version: 0 }),
    (claim: rules.ProducerClaim) => end(present, claim, true, 0),
  ]) {
    assert.equal(code(decide({ producerId: 8, producerEpoch: 3 })), ErrorCodes.INVALID_PRODUCER_ID_MAPPING)
    assert.equal(code(decide({ producerId: 7, producerEpoch: 2 })), ErrorCodes.PRODUCER_FENCED)
    assert.equal(code(decide({ producerId: 7, producerEpoch: 4 })), ErrorCodes.PRODUCER_FENCED)
  }
  assert.equal(code(end(undefined, claimOf(present), true, 0)), ErrorCodes.INVALID_PRODUCER_ID_MAPPING)
})

test('EndTxn, classic: what each state answers', () => {
  const ongoing = open(fresh())
  const claim = claimOf(ongoing)
  const { NONE, INVALID_TXN_STATE, CONCURRENT_TRANSACTIONS } = ErrorCodes
  const preparing = next(end(ongoing, claim, true, 0))
  const aborting = next(end(ongoing, claim, false, 0))
  assert.deepEqual([preparing.state, aborting.state], ['PrepareCommit', 'PrepareAbort'])
  assert.equal(code(end(preparing, claim, true, 0)), CONCURRENT_TRANSACTIONS)
  assert.equal(code(end(preparing, claim, false, 0)), INVALID_TXN_STATE)
  assert.equal(code(end(aborting, claim, false, 0)), CONCURRENT_TRANSACTIONS)
  const committed = rules.complete(preparing, 9)
  const aborted = rules.complete(aborting, 9)
  assert.equal(code(end(committed, claim, true, 0)), NONE, 'a repeated commit')
  assert.equal(code(end(committed, claim, false, 0)), INVALID_TXN_STATE)
  assert.equal(code(end(aborted, claim, false, 0)), NONE)
  assert.equal(code(end(aborted, claim, true, 0)), INVALID_TXN_STATE)
  assert.equal(code(end(fresh(), claim, true, 0)), INVALID_TXN_STATE)
  assert.equal(code(end(fresh(), claim, false, 0)), INVALID_TXN_STATE)
})

test('EndTxn, version 2: the epoch goes up, a repetition is known, a late one is fenced (KIP-890)', () => {
  const ongoing = open(fresh(), 2)
  const claim = claimOf(ongoing)
  const preparing = next(end(ongoing, claim, true, 2))
  assert.equal(preparing.producerEpoch, 1, 'markers have the next epoch')
  assert.equal(code(end(preparing, claim, true, 2)), ErrorCodes.CONCURRENT_TRANSACTIONS)
  const committed = rules.complete(preparing, 9)
  assert.equal(code(end(committed, claim, true, 2)), ErrorCodes.NONE, 'a repetition')
  assert.equal(code(end(committed, claim, false, 2)), ErrorCodes.INVALID_TXN_STATE)
  const following = open(committed, 2)
  assert.equal(code(end(following, claim, true, 2)), ErrorCodes.PRODUCER_FENCED, 'delayed into the next')
  const nothing = next(end(committed, claimOf(committed), false, 2))
  assert.deepEqual([nothing.state, nothing.producerEpoch, nothing.partitions.size], ['PrepareAbort', 2, 0])
  assert.equal(code(end(committed, claimOf(committed), true, 2)), ErrorCodes.INVALID_TXN_STATE)
})

test('EndTxn, version 2: the last epoch of an id leads over to a new id', () => {
  const ongoing = open(fresh({ producerEpoch: PRODUCER_EPOCH_MAX - 1 }), 2)
  const claim = claimOf(ongoing)
  const preparing = next(end(ongoing, claim, true, 2))
  assert.deepEqual([preparing.producerId, preparing.producerEpoch], [7, PRODUCER_EPOCH_MAX])
  const done = rules.complete(preparing, 9)
  assert.deepEqual([done.producerId, done.producerEpoch, done.previousProducerId], [NEW_ID, 0, 7])
  assert.equal(code(end(done, claim, true, 2)), ErrorCodes.NONE, 'a repetition with the old id')
})

test('records are taken for partitions of the open transaction only', () => {
  const ongoing = open(fresh())
  const claim = claimOf(ongoing)
  const other = { topic: 't', partition: 1 }
  assert.equal(rules.verifyPartition(ongoing, claim, name), ErrorCodes.NONE)
  assert.equal(rules.verifyPartition(ongoing, claim, other), ErrorCodes.TRANSACTION_ABORTABLE)
  assert.equal(rules.verifyPartition(fresh(), claim, name), ErrorCodes.TRANSACTION_ABORTABLE)
  const late = { ...claim, producerEpoch: -1 }
  assert.equal(rules.verifyPartition(ongoing, late, name), ErrorCodes.INVALID_PRODUCER_EPOCH)
  const preparing = next(end(ongoing, claim, true, 0))
  assert.equal(rules.verifyPartition(preparing, claim, name), ErrorCodes.CONCURRENT_TRANSACTIONS)
})

test('when states were lost the id goes on with a producer that nobody was', () => {
  for (const state of ['Empty', 'CompleteCommit', 'CompleteAbort'] as const) {
    const worn = fresh({ state, producerEpoch: 9, lastProducerEpoch: 8, version: 2 })
    const replaced = rules.replaceProducer(worn, NEW_ID, 9)
    assert.deepEqual([replaced.state, replaced.producerId, replaced.producerEpoch], ['Empty', NEW_ID, 0])
    for (const producerEpoch of [8, 9, 10]) {
      assert.notEqual(code(end(replaced, { producerId: 7, producerEpoch }, true, 2)), ErrorCodes.NONE, state)
      assert.equal(code(initialize(replaced, { producerId: 7, producerEpoch })), ErrorCodes.PRODUCER_FENCED)
    }
  }
  const aborting = rules.replaceProducer(open(fresh({ producerEpoch: 9 })), NEW_ID, 9)
  assert.deepEqual([aborting.state, aborting.producerId, aborting.producerEpoch], ['PrepareAbort', 7, 10])
  const aborted = rules.complete(aborting, 9)
  assert.deepEqual([aborted.producerId, aborted.producerEpoch], [NEW_ID, 0])
  assert.notEqual(code(end(aborted, { producerId: 7, producerEpoch: 9 }, true, 2)), ErrorCodes.NONE)
})
