/** The transaction coordinator through the broker: time-outs, restarts in every state, expiry, what disks refuse. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addOffsetsToTxn } from '../../protocol/apis/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../protocol/apis/add-partitions-to-txn.ts'
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { deleteTopics } from '../../protocol/apis/delete-topics.ts'
import { describeProducers } from '../../protocol/apis/describe-producers.ts'
import { describeTransactions } from '../../protocol/apis/describe-transactions.ts'
import { endTxn } from '../../protocol/apis/end-txn.ts'
import { fetch } from '../../protocol/apis/fetch.ts'
import { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import { listOffsets } from '../../protocol/apis/list-offsets.ts'
import { listTransactions } from '../../protocol/apis/list-transactions.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import { batchOf, TestBroker } from '../broker-fixture.ts'
import type { BrokerConfig } from '../config/broker-config.ts'

const HOUR_MS = 3_600_000

interface Producer {
  readonly producerId: bigint
  readonly producerEpoch: number
}

async function open(config: BrokerConfig = {}): Promise<TestBroker> {
  const broker = await TestBroker.open(config)
  await broker.send(createTopics, {
    topics: ['t', 'u'].map((name) => ({
      name,
      numPartitions: 2,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    })),
  })
  return broker
}

async function init(broker: TestBroker, timeoutMs = 60_000, id = 'tx'): Promise<Producer> {
  const request = { transactionalId: id, transactionTimeoutMs: timeoutMs }
  const { producerId, producerEpoch, errorCode } = await broker.send(initProducerId, request)
  assert.equal(errorCode, ErrorCodes.NONE)
  return { producerId, producerEpoch }
}

/** Writes a record as part of the transaction; the partition joins it by the write (v12). */
async function write(
  broker: TestBroker,
  producer: Producer,
  changes: { topic?: string; sequence?: number; version?: number; transactionalId?: string | null } = {},
): Promise<number> {
  const { topic = 't', sequence = 0, version = 12, transactionalId = 'tx' } = changes
  const records = batchOf(['a'], {
    producerId: Number(producer.producerId),
    producerEpoch: producer.producerEpoch,
    baseSequence: sequence,
    transactional: true,
  })
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
  const answer = await broker.send(
    produce,
    { transactionalId, acks: -1, timeoutMs: 1, topicData },
    { version },
  )
  return answer.responses[0]!.partitionResponses[0]!.errorCode
}

const end = (broker: TestBroker, producer: Producer, committed: boolean, version = 4) =>
  broker.send(endTxn, { transactionalId: 'tx', ...producer, committed }, { version })

async function stableEnd(broker: TestBroker, topic = 't'): Promise<bigint> {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }]
  const answer = await broker.send(listOffsets, { replicaId: -1, isolationLevel: 1, topics })
  return answer.topics[0]!.partitions[0]!.offset
}

async function stateOf(broker: TestBroker): Promise<string> {
  const answer = await broker.send(describeTransactions, { transactionalIds: ['tx'] })
  return answer.transactionStates[0]!.transactionState
}

test('a producer without transactions gets an id that nobody had, also after crashes', async () => {
  const broker = await open()
  const ids = new Set<bigint>()
  for (let i = 0; i < 12; i++) {
    const { producerId, producerEpoch } = await broker.send(initProducerId, {
      transactionalId: null,
      transactionTimeoutMs: 0,
    })
    assert.equal(producerEpoch, 0)
    assert.ok(!ids.has(producerId))
    ids.add(producerId)
    if (i % 3 === 2) await broker.crash('power')
  }
  await broker.close()
})

test('ids stay new when the file with the reserved ones is gone but transactions are not', async () => {
  const broker = await open()
  const before = await init(broker)
  await broker.simulation.runUntil(broker.broker.close())
  broker.simulation.disk.remove('/data/producer-ids.json')
  await broker.restart()
  const { producerId } = await broker.send(initProducerId, { transactionalId: null, transactionTimeoutMs: 0 })
  assert.ok(producerId > before.producerId)
  await broker.close()
})

test('what a transactional producer may not ask for is told by its code', async () => {
  const broker = await open({ 'transaction.max.timeout.ms': 1000 })
  const code = async (transactionalId: string, transactionTimeoutMs: number, claim = {}): Promise<number> =>
    (await broker.send(initProducerId, { transactionalId, transactionTimeoutMs, ...claim })).errorCode
  assert.equal(await code('tx', 1001), ErrorCodes.INVALID_TRANSACTION_TIMEOUT)
  assert.equal(await code('tx', 0), ErrorCodes.INVALID_TRANSACTION_TIMEOUT)
  assert.equal(await code('', 1000), ErrorCodes.INVALID_REQUEST)
  assert.equal(await code('tx', 1000, { producerId: 5n }), ErrorCodes.INVALID_REQUEST)
  assert.equal(await code('tx', 1000), ErrorCodes.NONE)
  assert.equal(await code('tx', 1000, { producerId: 77n, producerEpoch: 0 }), ErrorCodes.PRODUCER_FENCED)
  const old = await broker.send(
    initProducerId,
    { transactionalId: 'tx', transactionTimeoutMs: 1000, producerId: 77n, producerEpoch: 0 },
    { version: 3 },
  )
  assert.equal(old.errorCode, ErrorCodes.INVALID_PRODUCER_EPOCH, 'the word of version 3')
  await broker.close()
})

test('a new producer aborts what its predecessor left open, within its first request', async () => {
  const broker = await open()
  const before = await init(broker)
  assert.equal(await write(broker, before), ErrorCodes.NONE)
  assert.equal(await stableEnd(broker), 0n)
  const after = await init(broker)
  assert.equal(after.producerId, before.producerId)
  assert.ok(after.producerEpoch > before.producerEpoch)
  assert.equal(await stableEnd(broker), 2n, 'the record and its marker')
  assert.equal(await write(broker, before, { sequence: 1 }), ErrorCodes.INVALID_PRODUCER_EPOCH)
  assert.equal((await end(broker, before, true)).errorCode, ErrorCodes.PRODUCER_FENCED)
  const older = await end(broker, before, true, 1)
  assert.equal(older.errorCode, ErrorCodes.INVALID_PRODUCER_EPOCH, 'the word of version 1')
  await broker.close()
})

test('a transaction past its timeout is aborted and its producer fenced, also over a restart', async () => {
  for (const how of ['running', 'restarted'] as const) {
    const broker = await open()
    const producer = await init(broker, 5000)
    await write(broker, producer)
    await broker.advance(4000)
    assert.equal(await stateOf(broker), 'Ongoing')
    if (how === 'restarted') await broker.crash()
    await broker.advance(3000)
    assert.equal(await stateOf(broker), 'CompleteAbort', how)
    assert.equal(await stableEnd(broker), 2n)
    assert.equal(await write(broker, producer, { sequence: 1 }), ErrorCodes.INVALID_PRODUCER_EPOCH)
    await broker.close()
  }
})

test('the transaction that times out first is seen first, whatever order they began in', async () => {
  const broker = await open()
  const slow = await init(broker, 60_000, 'slow')
  const fast = await init(broker, 2000, 'fast')
  const add = (transactionalId: string, producer: Producer) =>
    broker.send(addOffsetsToTxn, { transactionalId, ...producer, groupId: 'g' })
  await add('slow', slow)
  await add('fast', fast)
  await broker.advance(2500)
  const answer = await broker.send(listTransactions, { stateFilters: ['Ongoing'], producerIdFilters: [] })
  assert.deepEqual(
    answer.transactionStates.map(({ transactionalId }) => transactionalId),
    ['slow'],
  )
  await broker.close()
})

test('records are refused for partitions that are not in the transaction, by the word of the version', async () => {
  const broker = await open()
  const producer = await init(broker)
  assert.equal(await write(broker, producer, { version: 10 }), ErrorCodes.INVALID_TXN_STATE)
  assert.equal(await write(broker, producer, { version: 11 }), ErrorCodes.TRANSACTION_ABORTABLE)
  const stranger = { ...producer, producerId: producer.producerId + 1n }
  assert.equal(await write(broker, stranger), ErrorCodes.INVALID_PRODUCER_ID_MAPPING)
  assert.equal(
    await write(broker, producer, { transactionalId: null }),
    ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  )
  assert.equal(await write(broker, producer), ErrorCodes.NONE)
  await broker.close()
})

test('partitions join a transaction all or none', async () => {
  const broker = await open()
  const producer = await init(broker)
  const add = async (partitions: number[]): Promise<number[]> => {
    const answer = await broker.send(
      addPartitionsToTxn,
      {
        v3AndBelowTransactionalId: 'tx',
        v3AndBelowProducerId: producer.producerId,
        v3AndBelowProducerEpoch: producer.producerEpoch,
        v3AndBelowTopics: [{ name: 't', partitions }],
      },
      { version: 3 },
    )
    const [topic] = answer.resultsByTopicV3AndBelow
    return topic!.resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode)
  }
  const { OPERATION_NOT_ATTEMPTED, UNKNOWN_TOPIC_OR_PARTITION, NONE } = ErrorCodes
  assert.deepEqual(await add([0, 9]), [OPERATION_NOT_ATTEMPTED, UNKNOWN_TOPIC_OR_PARTITION])
  assert.equal(await stateOf(broker), 'Empty')
  assert.deepEqual(await add([0, 1]), [NONE, NONE])
  assert.equal(await stateOf(broker), 'Ongoing')
  await broker.close()
})

test('a topic that is deleted during a transaction does not hold up its end', async () => {
  const broker = await open()
  const producer = await init(broker)
  await write(broker, producer, { topic: 't' })
  await write(broker, producer, { topic: 'u' })
  await broker.send(deleteTopics, { topics: [{ name: 't', topicId: zeroUuid }], timeoutMs: 1 })
  assert.equal((await end(broker, producer, true)).errorCode, ErrorCodes.NONE)
  assert.equal(await stateOf(broker), 'CompleteCommit')
  assert.equal(await stableEnd(broker, 'u'), 2n)
  await broker.close()
})

test('a decided transaction is carried out after a crash in every moment of it', async () => {
  // The commit takes several syncs; each run cuts the power a little later.
  const seen = new Set<string>()
  for (let moment = 0; moment < 40; moment++) {
    const broker = await TestBroker.open({ flush: 'group' }, { seed: moment })
    const topics = ['t', 'u'].map((name) => ({
      name,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    }))
    await broker.send(createTopics, { topics })
    const producer = await init(broker)
    await write(broker, producer, { topic: 't' })
    await write(broker, producer, { topic: 'u' })
    let answered = false
    broker.begin(endTxn, { transactionalId: 'tx', ...producer, committed: true }, { version: 4 }).then(
      () => {
        answered = true
      },
      () => {},
    )
    await broker.advance(moment * 0.4)
    await broker.crash('power')
    const state = await stateOf(broker)
    const ends = [await stableEnd(broker, 't'), await stableEnd(broker, 'u')]
    seen.add(state)
    if (answered) assert.equal(state, 'CompleteCommit', `moment ${moment}`)
    // After the record there is a marker, or two when the broker could not know of the first.
    const marked = ends.every((offset) => offset === 2n || offset === 3n)
    if (state === 'CompleteCommit') assert.ok(marked, `moment ${moment}: ${ends.join()}`)
    else assert.deepEqual([state, ...ends], ['Ongoing', 0n, 0n], `moment ${moment}`)
    await broker.close()
  }
  assert.deepEqual([...seen].sort(), ['CompleteCommit', 'Ongoing'], 'both outcomes were seen')
})

test('what EndTxn has answered is not done a second time after a power cut', async () => {
  // Else the second marker could end the next transaction of the producer.
  for (let seed = 0; seed < 20; seed++) {
    const broker = await TestBroker.open({ flush: 'group' }, { seed })
    await broker.send(createTopics, {
      topics: [{ name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    })
    const producer = await init(broker)
    await write(broker, producer)
    await end(broker, producer, true)
    await broker.crash('power')
    assert.equal(await stableEnd(broker), 2n, `seed ${seed}`)
    await broker.close()
  }
})

test('a repeated EndTxn is not answered before the end of the first is on the disk', async () => {
  // Else the producer could begin a transaction that the decision, carried out once more, ends as well.
  let repeatedBefore = 0
  for (let moment = 0; moment < 30; moment++) {
    const broker = await TestBroker.open({ flush: 'group' }, { seed: moment, syncMs: [3, 3] })
    await broker.send(createTopics, {
      topics: [{ name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    })
    const producer = await init(broker)
    await write(broker, producer)
    const request = { transactionalId: 'tx', ...producer, committed: true }
    broker.begin(endTxn, request, { version: 4 }).catch(() => {})
    await broker.advance(moment * 0.4)
    const { errorCode } = await broker.send(endTxn, request, { version: 4 })
    if (errorCode === ErrorCodes.NONE) {
      repeatedBefore++
      await broker.crash('power')
      assert.equal(await stableEnd(broker), 2n, `moment ${moment}: there is one marker`)
    } else assert.equal(errorCode, ErrorCodes.CONCURRENT_TRANSACTIONS)
    await broker.close()
  }
  assert.ok(repeatedBefore > 0)
})

test('an EndTxn that is carried out while a successor comes is not answered with the epoch of that one', async () => {
  const broker = await open({ flush: 'group' })
  const producer = await init(broker)
  await write(broker, producer)
  const request = { transactionalId: 'tx', ...producer, committed: true }
  const ending = broker.begin(endTxn, request, { version: 5 })
  const successor = await init(broker)
  const ended = await ending
  assert.equal(ended.errorCode, ErrorCodes.NONE)
  assert.deepEqual([ended.producerId, ended.producerEpoch], [producer.producerId, producer.producerEpoch + 1])
  assert.deepEqual(successor, { ...producer, producerEpoch: producer.producerEpoch + 2 })
  assert.equal(await write(broker, { ...producer, producerEpoch: ended.producerEpoch }), 47)
  assert.equal(await write(broker, successor), ErrorCodes.NONE)
  await broker.close()
})

test('only the marker that could not be written is written again', async () => {
  const broker = await open()
  const producer = await init(broker)
  await write(broker, producer, { topic: 't' })
  await write(broker, producer, { topic: 'u' })
  const { disk } = broker.simulation.host('local')
  disk.fail({ operation: 'write', path: '/u-0/', code: 'ENOSPC', nth: 1, times: 4 })
  assert.equal((await end(broker, producer, true)).errorCode, ErrorCodes.NONE)
  await broker.advance(3500)
  assert.equal(await stateOf(broker), 'PrepareCommit')
  assert.deepEqual([await stableEnd(broker, 't'), await stableEnd(broker, 'u')], [2n, 0n])
  await broker.advance(2000)
  assert.equal(await stateOf(broker), 'CompleteCommit')
  assert.deepEqual([await stableEnd(broker, 't'), await stableEnd(broker, 'u')], [2n, 2n])
  await broker.close()
})

test('a read_committed fetch that waits ends with the commit', async () => {
  const broker = await open()
  const producer = await init(broker)
  await write(broker, producer)
  const waiting = broker.begin(
    fetch,
    {
      maxWaitMs: 60_000,
      minBytes: 10_000,
      isolationLevel: 1,
      sessionEpoch: -1,
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }] }],
    },
    { version: 12 },
  )
  await broker.advance(1000)
  await end(broker, producer, true)
  const answer = await broker.simulation.runUntil(waiting, { limitMs: 100 })
  assert.ok((answer.responses[0]?.partitions[0]?.records?.length ?? 0) > 0)
  await broker.close()
})

test('a marker that the disk refuses is written when there is room, and the commit holds', async () => {
  const broker = await open()
  const producer = await init(broker)
  await write(broker, producer)
  const { disk } = broker.simulation.host('local')
  // The decision still fits; its marker does not.
  disk.setCapacity(disk.usedBytes() + 120)
  const answer = await end(broker, producer, true)
  assert.equal(answer.errorCode, ErrorCodes.NONE)
  assert.equal(await stateOf(broker), 'PrepareCommit')
  assert.equal(await stableEnd(broker), 0n)
  const busy = await end(broker, producer, true)
  assert.equal(busy.errorCode, ErrorCodes.CONCURRENT_TRANSACTIONS)
  disk.setCapacity(Number.POSITIVE_INFINITY)
  await broker.advance(2000)
  assert.equal(await stateOf(broker), 'CompleteCommit')
  assert.equal(await stableEnd(broker), 2n)
  await broker.close()
})

test('a decision that the disk refuses is not taken', async () => {
  const broker = await open()
  const producer = await init(broker)
  await write(broker, producer)
  const { disk } = broker.simulation.host('local')
  disk.setCapacity(0)
  assert.equal((await end(broker, producer, true)).errorCode, ErrorCodes.COORDINATOR_NOT_AVAILABLE)
  assert.equal(await stateOf(broker), 'Ongoing')
  disk.setCapacity(Number.POSITIVE_INFINITY)
  assert.equal((await end(broker, producer, true)).errorCode, ErrorCodes.NONE)
  await broker.close()
})

test('what no transactional id knows is aborted, unless its decision may stand in a log that is damaged', async () => {
  const broker = await open({ 'transaction.state.log.num.partitions': 1 })
  const producer = await init(broker)
  await write(broker, producer)
  const folder = '/data/__transaction_state-0'
  await broker.simulation.runUntil(broker.broker.close())
  const { disk } = broker.simulation
  for (const { name } of disk.list(folder)) disk.remove(`${folder}/${name}`)
  await broker.restart()
  assert.equal(await stableEnd(broker), 0n, 'left open: files of the coordinator are missing')
  await broker.crash('process', (disk) => disk.removeDirectory(folder))
  assert.equal(await stableEnd(broker), 2n, 'nobody can end it any more: aborted')
  const producers = await broker.send(describeProducers, { topics: [{ name: 't', partitionIndexes: [0] }] })
  const [active] = producers.topics[0]!.partitions[0]!.activeProducers
  assert.equal(active?.currentTxnStartOffset, -1n)
  await broker.close()
})

test('an id that was not used for long is forgotten, an open one is not', async () => {
  const broker = await open({
    'transactional.id.expiration.ms': 2 * HOUR_MS,
    'transaction.max.timeout.ms': 100 * HOUR_MS,
    'transaction.remove.expired.transaction.cleanup.interval.ms': HOUR_MS / 2,
  })
  await init(broker, 1000, 'idle')
  const busy = await init(broker, 99 * HOUR_MS)
  await write(broker, busy)
  await broker.advance(3 * HOUR_MS)
  await broker.restart()
  const answer = await broker.send(listTransactions, { stateFilters: [], producerIdFilters: [] })
  assert.deepEqual(
    answer.transactionStates.map(({ transactionalId }) => transactionalId),
    ['tx'],
  )
  const gone = await broker.send(describeTransactions, { transactionalIds: ['idle'] })
  assert.equal(gone.transactionStates[0]?.errorCode, ErrorCodes.TRANSACTIONAL_ID_NOT_FOUND)
  await broker.close()
})

test('transactions are listed by state, producer, age and pattern', async () => {
  const broker = await open()
  const open1 = await init(broker, 60_000, 'orders-1')
  await init(broker, 60_000, 'orders-2')
  await init(broker, 60_000, 'bills')
  await broker.send(addOffsetsToTxn, { transactionalId: 'orders-1', ...open1, groupId: 'g' })
  await broker.advance(5000)
  const list = async (filters: object): Promise<string[]> => {
    const answer = await broker.send(listTransactions, {
      stateFilters: [],
      producerIdFilters: [],
      ...filters,
    })
    assert.equal(answer.errorCode, ErrorCodes.NONE)
    return answer.transactionStates.map(({ transactionalId }) => transactionalId)
  }
  assert.deepEqual(await list({}), ['orders-1', 'orders-2', 'bills'])
  assert.deepEqual(await list({ stateFilters: ['Ongoing'] }), ['orders-1'])
  assert.deepEqual(await list({ producerIdFilters: [open1.producerId] }), ['orders-1'])
  assert.deepEqual(await list({ durationFilter: 4000n }), ['orders-1'])
  assert.deepEqual(await list({ durationFilter: 6000n }), [])
  assert.deepEqual(await list({ transactionalIdPattern: 'orders-\\d' }), ['orders-1', 'orders-2'])
  const wrong = await broker.send(listTransactions, {
    stateFilters: ['Sleeping'],
    producerIdFilters: [],
    transactionalIdPattern: '(',
  })
  assert.deepEqual(wrong.unknownStateFilters, ['Sleeping'])
  assert.equal(wrong.errorCode, ErrorCodes.INVALID_REGULAR_EXPRESSION)
  await broker.close()
})
