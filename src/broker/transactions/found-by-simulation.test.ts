/** What the simulation of groups and transactions found, each with the seed that showed it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { endTxn } from '../../protocol/apis/end-txn.ts'
import { fetch } from '../../protocol/apis/fetch.ts'
import { heartbeat } from '../../protocol/apis/heartbeat.ts'
import { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import { listTransactions } from '../../protocol/apis/list-transactions.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { batchOf, TestBroker } from '../broker-fixture.ts'
import { claimOf, commit, joined } from '../groups/group-fixture.ts'

async function open(): Promise<TestBroker> {
  const broker = await TestBroker.open()
  const topic = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  await broker.send(createTopics, { topics: [topic] })
  return broker
}

interface Producer {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** A producer with one record in an open transaction. */
async function begun(broker: TestBroker): Promise<Producer> {
  const { producerId, producerEpoch } = await broker.send(initProducerId, {
    transactionalId: 'tx',
    transactionTimeoutMs: 10_000,
  })
  const records = batchOf(['a'], {
    producerId: Number(producerId),
    producerEpoch,
    baseSequence: 0,
    transactional: true,
  })
  const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
  const answer = await broker.send(
    produce,
    { transactionalId: 'tx', acks: -1, timeoutMs: 1000, topicData },
    { version: 12 },
  )
  assert.equal(answer.responses[0]?.partitionResponses[0]?.errorCode, ErrorCodes.NONE)
  return { producerId, producerEpoch }
}

async function statesOf(broker: TestBroker): Promise<string[]> {
  const answer = await broker.send(listTransactions, { stateFilters: [], producerIdFilters: [] })
  return answer.transactionStates.map(({ transactionState }) => transactionState)
}

test('seed 3: a disk that has no room for the next producer ids is no reason to hang up', async () => {
  const broker = await open()
  const { disk } = broker.simulation.host('local')
  disk.setCapacity(0)
  for (const transactionalId of [null, 'tx']) {
    const answer = await broker.send(initProducerId, { transactionalId, transactionTimeoutMs: 1000 })
    assert.equal(answer.errorCode, ErrorCodes.COORDINATOR_NOT_AVAILABLE)
  }
  disk.setCapacity(Number.POSITIVE_INFINITY)
  const answer = await broker.send(initProducerId, { transactionalId: 'tx', transactionTimeoutMs: 1000 })
  assert.equal(answer.errorCode, ErrorCodes.NONE)
  await broker.close()
})

test('seed 3, later: a transaction ends by its time-out though the wall clock was set back', async () => {
  const broker = await open()
  await begun(broker)
  broker.simulation.clock.jumpWallClock(-7_200_000)
  await broker.crash()
  assert.deepEqual(await statesOf(broker), ['Ongoing'])
  await broker.advance(10_500)
  assert.deepEqual(await statesOf(broker), ['CompleteAbort'])
  await broker.close()
})

test('a transaction keeps its time when the wall clock is set forward while the broker runs', async () => {
  const broker = await open()
  await begun(broker)
  broker.simulation.clock.jumpWallClock(7_200_000)
  await broker.advance(9_000)
  assert.deepEqual(await statesOf(broker), ['Ongoing'])
  await broker.advance(1_500)
  assert.deepEqual(await statesOf(broker), ['CompleteAbort'])
  await broker.close()
})

test('seed 9: the marker of a partition that could not be opened waits until it can be', async () => {
  const broker = await open()
  const producer = await begun(broker)
  const failOpen = (): void =>
    broker.simulation.host('local').disk.fail({ operation: 'open', code: 'EMFILE', nth: 1, path: '/t-0/' })
  await broker.crash('process', failOpen)
  const ended = await broker.send(endTxn, { transactionalId: 'tx', ...producer, committed: true })
  assert.equal(ended.errorCode, ErrorCodes.NONE)
  await broker.advance(5_000)
  assert.deepEqual(await statesOf(broker), ['PrepareCommit'])
  await broker.restart()
  assert.deepEqual(await statesOf(broker), ['CompleteCommit'])
  const read = await broker.send(
    fetch,
    {
      maxWaitMs: 0,
      minBytes: 0,
      isolationLevel: 1,
      forgottenTopicsData: [],
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 10_000 }] }],
    },
    { version: 12 },
  )
  const found = read.responses[0]?.partitions[0]
  assert.deepEqual([found?.abortedTransactions ?? [], found?.lastStableOffset], [[], 2n])
  await broker.close()
})

test('seed 60: members of a group whose log cannot be opened are told to wait, not that they are unknown', async () => {
  const broker = await open()
  const member = await joined(broker)
  await broker.crash('process', () => {
    const { disk } = broker.simulation.host('local')
    disk.fail({ operation: 'open', code: 'EIO', chance: 1, path: '/__consumer_offsets-' })
  })
  const beat = async (): Promise<number> =>
    (
      await broker.send(heartbeat, {
        groupId: 'g',
        generationId: member.generation,
        memberId: member.memberId,
      })
    ).errorCode
  assert.equal(await beat(), ErrorCodes.COORDINATOR_NOT_AVAILABLE)
  assert.equal(await commit(broker, 1n, claimOf(member)), ErrorCodes.COORDINATOR_NOT_AVAILABLE)
  broker.simulation.host('local').disk.clearFaults()
  await broker.restart()
  assert.equal(await beat(), ErrorCodes.NONE)
  assert.equal(await commit(broker, 1n, claimOf(member)), ErrorCodes.NONE)
  await broker.close()
})
