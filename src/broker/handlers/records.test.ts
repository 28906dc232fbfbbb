/** Produce, Fetch and ListOffsets through an in-process connection. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { fetch } from '../../protocol/apis/fetch.ts'
import { listOffsets } from '../../protocol/apis/list-offsets.ts'
import { offsetForLeaderEpoch } from '../../protocol/apis/offset-for-leader-epoch.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { RequestInput, ResponseOf } from '../../protocol/schema/message.ts'
import { type BatchOptions, batchOf, TestBroker } from '../broker-fixture.ts'
import type { BrokerConfig } from '../config/broker-config.ts'

const NAME_VERSION = { version: 12 }

interface TopicWish {
  readonly name?: string
  readonly partitions?: number
  readonly configs?: Readonly<Record<string, string>>
}

async function openWithTopic(wish: TopicWish = {}, config: BrokerConfig = {}): Promise<TestBroker> {
  const broker = await TestBroker.open(config)
  await makeTopic(broker, wish)
  return broker
}

async function makeTopic(broker: TestBroker, wish: TopicWish = {}): Promise<Buffer> {
  const { name = 't', partitions = 1, configs = {} } = wish
  const answer = await broker.send(createTopics, {
    topics: [
      {
        name,
        numPartitions: partitions,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
  })
  assert.equal(answer.topics[0]?.errorCode, ErrorCodes.NONE, answer.topics[0]?.errorMessage ?? '')
  return answer.topics[0]!.topicId
}

async function put(
  broker: TestBroker,
  records: Buffer | null,
  changes: {
    topic?: string
    partition?: number
    acks?: number
    version?: number
    transactionalId?: string
  } = {},
) {
  const { topic = 't', partition = 0, acks = -1, version = 12, transactionalId } = changes
  const answer = await broker.send(
    produce,
    {
      acks,
      timeoutMs: 1000,
      ...(transactionalId !== undefined && { transactionalId }),
      topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
    },
    { version },
  )
  return answer.responses[0]!.partitionResponses[0]!
}

const putValues = (broker: TestBroker, values: readonly string[], options?: BatchOptions) =>
  put(broker, batchOf(values, options))

type Wanted = RequestInput<typeof fetch>['topics'][number]['partitions'][number]

const from = (fetchOffset: bigint, changes: Partial<Wanted> = {}): Wanted => ({
  partition: 0,
  fetchOffset,
  partitionMaxBytes: 1 << 20,
  ...changes,
})

function fetchRequest(
  partitions: readonly Wanted[],
  changes: Partial<RequestInput<typeof fetch>> = {},
): RequestInput<typeof fetch> {
  return {
    maxWaitMs: 0,
    minBytes: 1,
    sessionEpoch: -1,
    topics: [{ topic: 't', partitions }],
    ...changes,
  }
}

/** The values of the records in a fetch answer, by partition. */
function valuesOf(answer: ResponseOf<typeof fetch>): Record<number, string[]> {
  const values: Record<number, string[]> = {}
  const reader = new RecordBatchReader()
  for (const { partitions } of answer.responses) {
    for (const { partitionIndex, records } of partitions) {
      const found: string[] = []
      for (let at = 0; records !== null && at < records.length; at = reader.batchEnd) {
        reader.reset(records, at)
        if (reader.isControl) continue
        while (reader.next()) found.push(reader.body.toString('utf8', reader.valueStart, reader.valueEnd))
      }
      values[partitionIndex] = found
    }
  }
  return values
}

const firstPartition = (answer: ResponseOf<typeof fetch>) => answer.responses[0]!.partitions[0]!

test('records come back in order with their offsets, also after a restart', async () => {
  const broker = await openWithTopic()
  assert.equal((await putValues(broker, ['a', 'b'])).baseOffset, 0n)
  assert.equal((await putValues(broker, ['c'])).baseOffset, 2n)
  await broker.restart()
  assert.equal((await putValues(broker, ['d'])).baseOffset, 3n)
  const answer = await broker.send(fetch, fetchRequest([from(0n)]), NAME_VERSION)
  assert.deepEqual(valuesOf(answer), { 0: ['a', 'b', 'c', 'd'] })
  assert.equal(firstPartition(answer).highWatermark, 4n)
  await broker.close()
})

test('acknowledged records survive a kill of the process, and with flush=group a power cut', async () => {
  for (const kind of ['process', 'power'] as const) {
    const broker = await openWithTopic({ configs: { flush: kind === 'power' ? 'group' : 'os' } })
    for (const value of ['a', 'b', 'c']) {
      assert.equal((await putValues(broker, [value])).errorCode, ErrorCodes.NONE)
    }
    await broker.crash(kind)
    const answer = await broker.send(fetch, fetchRequest([from(0n)]), NAME_VERSION)
    assert.deepEqual(valuesOf(answer), { 0: ['a', 'b', 'c'] }, kind)
    await broker.close()
  }
})

test('topics are produced to and fetched from by id as by name', async () => {
  const broker = await TestBroker.open()
  const topicId = await makeTopic(broker)
  const produced = await broker.send(produce, {
    acks: -1,
    timeoutMs: 1,
    topicData: [{ topicId, partitionData: [{ index: 0, records: batchOf(['a']) }] }],
  })
  assert.equal(produced.responses[0]?.partitionResponses[0]?.errorCode, ErrorCodes.NONE)
  const answer = await broker.send(fetch, fetchRequest([], { topics: [{ topicId, partitions: [from(0n)] }] }))
  assert.deepEqual(valuesOf(answer), { 0: ['a'] })
  assert.ok(answer.responses[0]?.topicId.equals(topicId))
  const unknown = Buffer.alloc(16, 9)
  const missing = await broker.send(
    fetch,
    fetchRequest([], { topics: [{ topicId: unknown, partitions: [from(0n)] }] }),
  )
  assert.equal(firstPartition(missing).errorCode, ErrorCodes.UNKNOWN_TOPIC_ID)
  await broker.close()
})

test('what is wrong with a produced batch is told by its code', async () => {
  const broker = await openWithTopic({ configs: { 'max.message.bytes': '2000' } })
  const batch = (): Buffer => batchOf(['a'])
  const damaged = batch()
  damaged[65]! ^= 1
  const codes = {
    empty: (await put(broker, Buffer.alloc(0))).errorCode,
    null: (await put(broker, null)).errorCode,
    two: (await put(broker, Buffer.concat([batch(), batch()]))).errorCode,
    damaged: (await put(broker, damaged)).errorCode,
    cut: (await put(broker, batch().subarray(0, 65))).errorCode,
    large: (await put(broker, batchOf(['x'.repeat(3000)]))).errorCode,
    topic: (await put(broker, batch(), { topic: 'other' })).errorCode,
    partition: (await put(broker, batch(), { partition: 5 })).errorCode,
    acks: (await put(broker, batch(), { acks: 2 })).errorCode,
    zstd: (await put(broker, batchOf(['a'], { compression: 'zstd' }), { version: 6 })).errorCode,
  }
  assert.deepEqual(codes, {
    empty: ErrorCodes.INVALID_RECORD,
    null: ErrorCodes.INVALID_RECORD,
    two: ErrorCodes.INVALID_RECORD,
    damaged: ErrorCodes.CORRUPT_MESSAGE,
    cut: ErrorCodes.CORRUPT_MESSAGE,
    large: ErrorCodes.MESSAGE_TOO_LARGE,
    topic: ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    partition: ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION,
    acks: ErrorCodes.INVALID_REQUIRED_ACKS,
    zstd: ErrorCodes.UNSUPPORTED_COMPRESSION_TYPE,
  })
  const good = await put(broker, batch())
  assert.equal(good.baseOffset, 0n, 'nothing of all that was written')
  await broker.close()
})

test('one partition that fails does not fail the others of a request', async () => {
  const broker = await openWithTopic({ partitions: 2 })
  const answer = await broker.send(
    produce,
    {
      acks: -1,
      timeoutMs: 1,
      topicData: [
        {
          name: 't',
          partitionData: [0, 7, 1].map((index) => ({ index, records: batchOf([`p${index}`]) })),
        },
      ],
    },
    NAME_VERSION,
  )
  assert.deepEqual(
    answer.responses[0]?.partitionResponses.map(({ index, errorCode }) => [index, errorCode]),
    [
      [0, ErrorCodes.NONE],
      [7, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION],
      [1, ErrorCodes.NONE],
    ],
  )
  await broker.close()
})

test('a batch that an idempotent producer sends again is not written twice', async () => {
  const broker = await openWithTopic()
  const options = { producerId: 5, producerEpoch: 0, baseSequence: 0 }
  const first = await putValues(broker, ['a', 'b'], options)
  await broker.restart()
  const again = await putValues(broker, ['a', 'b'], options)
  assert.deepEqual([again.errorCode, again.baseOffset], [ErrorCodes.NONE, first.baseOffset])
  const gap = await putValues(broker, ['d'], { ...options, baseSequence: 7 })
  assert.equal(gap.errorCode, ErrorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER)
  const next = await putValues(broker, ['c'], { ...options, baseSequence: 2 })
  assert.equal(next.baseOffset, 2n)
  await broker.close()
})

test('a batch may be sent again as it is: offsets are the broker’s', async () => {
  const broker = await openWithTopic()
  await putValues(broker, ['first'])
  const batch = batchOf(['a'])
  await put(broker, batch)
  const again = await put(broker, batch)
  assert.deepEqual([again.errorCode, again.baseOffset], [ErrorCodes.NONE, 2n])
  await broker.close()
})

test('clients may not write to internal topics', async () => {
  const broker = await openWithTopic({ name: '__consumer_offsets' })
  const answer = await put(broker, batchOf(['a']), { topic: '__consumer_offsets' })
  assert.equal(answer.errorCode, ErrorCodes.INVALID_TOPIC_EXCEPTION)
  await broker.close()
})

test('a fetch waits for bytes, and ends as soon as enough are there', async () => {
  const broker = await openWithTopic({ partitions: 2 })
  const waiting = broker.begin(
    fetch,
    fetchRequest([from(0n), from(0n, { partition: 1 })], { maxWaitMs: 10_000, minBytes: 150 }),
    NAME_VERSION,
  )
  let answer: ResponseOf<typeof fetch> | undefined
  void waiting.then((value) => {
    answer = value
  })
  await broker.advance(1000)
  await putValues(broker, ['a'])
  await broker.advance(10)
  assert.equal(answer, undefined, 'one batch has 70 bytes')
  await put(broker, batchOf(['b']), { partition: 1 })
  await put(broker, batchOf(['c']), { partition: 1 })
  await broker.advance(0)
  assert.ok(answer)
  assert.deepEqual(valuesOf(answer), { 0: ['a'], 1: ['b', 'c'] })
  assert.equal(broker.broker.metrics().waitingFetches, 0)
  await broker.close()
})

test('a fetch that gets too few bytes answers with what there is after its time', async () => {
  const broker = await openWithTopic()
  await putValues(broker, ['a'])
  const startMs = broker.simulation.clock.monotonicMs()
  const answer = await broker.send(
    fetch,
    fetchRequest([from(0n)], { maxWaitMs: 700, minBytes: 1000 }),
    NAME_VERSION,
  )
  assert.equal(Math.round(broker.simulation.clock.monotonicMs() - startMs), 700)
  assert.deepEqual(valuesOf(answer), { 0: ['a'] })
  await broker.close()
})

test('with flush=group a fetch that waits sees records when they are on the disk', async () => {
  const broker = await openWithTopic({ configs: { flush: 'group' } })
  const waiting = broker.begin(fetch, fetchRequest([from(0n)], { maxWaitMs: 60_000 }), NAME_VERSION)
  await putValues(broker, ['a'])
  assert.deepEqual(valuesOf(await broker.simulation.runUntil(waiting)), { 0: ['a'] })
  await broker.close()
})

test('a partition with an error is answered at once, with the others', async () => {
  const broker = await openWithTopic()
  const answer = await broker.send(
    fetch,
    fetchRequest([from(9n), from(0n, { partition: 3 })], { maxWaitMs: 60_000 }),
    NAME_VERSION,
  )
  assert.deepEqual(
    answer.responses[0]?.partitions.map(({ errorCode }) => errorCode),
    [ErrorCodes.OFFSET_OUT_OF_RANGE, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION],
  )
  await broker.close()
})

test('limits hold, but the first batch is given whole', async () => {
  const broker = await openWithTopic({ partitions: 2 })
  for (const partition of [0, 1]) {
    for (const value of ['a', 'b', 'c']) await put(broker, batchOf([value.repeat(1000)]), { partition })
  }
  const read = async (partitions: readonly Wanted[], maxBytes = 1 << 20): Promise<number[]> => {
    const answer = await broker.send(fetch, fetchRequest(partitions, { maxBytes }), NAME_VERSION)
    return answer.responses[0]!.partitions.map(({ records }) => records?.length ?? 0)
  }
  const batchBytes = batchOf(['a'.repeat(1000)]).length
  const both = [from(0n), from(0n, { partition: 1 })]
  assert.deepEqual(await read(both), [3 * batchBytes, 3 * batchBytes])
  assert.deepEqual(await read(both, 10), [batchBytes, 0])
  assert.deepEqual(await read(both, 4 * batchBytes), [3 * batchBytes, batchBytes])
  assert.deepEqual(await read([from(0n, { partitionMaxBytes: 2 * batchBytes + 5 })]), [2 * batchBytes])
  await broker.close()
})

test('leader epochs that are not the present one are refused', async () => {
  const broker = await openWithTopic()
  const code = async (currentLeaderEpoch: number): Promise<number> =>
    firstPartition(await broker.send(fetch, fetchRequest([from(0n, { currentLeaderEpoch })]), NAME_VERSION))
      .errorCode
  assert.equal(await code(0), ErrorCodes.NONE)
  assert.equal(await code(1), ErrorCodes.UNKNOWN_LEADER_EPOCH)
  await broker.crash()
  assert.equal(await code(0), ErrorCodes.FENCED_LEADER_EPOCH, 'the epoch went up with the unclean end')
  assert.equal(await code(1), ErrorCodes.NONE)
  await broker.restart()
  assert.equal(await code(1), ErrorCodes.NONE, 'and stays after a clean one')
  await broker.close()
})

test('a client that has read what the power cut took learns where its epoch ended', async () => {
  const broker = await openWithTopic({ configs: { flush: 'group' } })
  await putValues(broker, ['a', 'b'])
  await broker.crash('power')
  await putValues(broker, ['c'])
  const lost = from(5n, { lastFetchedEpoch: 0, currentLeaderEpoch: 1 })
  const answer = firstPartition(await broker.send(fetch, fetchRequest([lost]), NAME_VERSION))
  assert.deepEqual(answer.divergingEpoch, { epoch: 0, endOffset: 2n })
  const ends = await broker.send(offsetForLeaderEpoch, {
    topics: [{ topic: 't', partitions: [0, 1].map((leaderEpoch) => ({ partition: 0, leaderEpoch })) }],
  })
  assert.deepEqual(
    ends.topics[0]?.partitions.map(({ leaderEpoch, endOffset }) => [leaderEpoch, endOffset]),
    [
      [0, 2n],
      [1, 3n],
    ],
  )
  await broker.close()
})

test('a session names its partitions once, and answers only what changed', async () => {
  const broker = await openWithTopic({ partitions: 3 })
  const all = [0, 1, 2].map((partition) => from(0n, { partition }))
  const open = await broker.send(fetch, fetchRequest(all, { sessionEpoch: 0 }), NAME_VERSION)
  assert.notEqual(open.sessionId, 0)
  assert.equal(open.responses[0]?.partitions.length, 3)
  const next = (sessionEpoch: number, changes: Partial<RequestInput<typeof fetch>> = {}) =>
    broker.send(
      fetch,
      { ...fetchRequest([]), topics: [], sessionId: open.sessionId, sessionEpoch, ...changes },
      NAME_VERSION,
    )
  assert.deepEqual((await next(1)).responses, [])
  await put(broker, batchOf(['a']), { partition: 1 })
  assert.deepEqual(valuesOf(await next(2)), { 1: ['a'] })
  assert.deepEqual(valuesOf(await next(3)), { 1: ['a'] }, 'the client has not moved on')
  const moved = { topics: [{ topic: 't', partitions: [from(1n, { partition: 1 })] }] }
  assert.deepEqual((await next(4, moved)).responses, [])
  const forgotten = { forgottenTopicsData: [{ topic: 't', partitions: [0] }] }
  await put(broker, batchOf(['b']), { partition: 0 })
  assert.deepEqual((await next(5, forgotten)).responses, [])

  assert.equal((await next(5)).errorCode, ErrorCodes.INVALID_FETCH_SESSION_EPOCH)
  const unknown = await next(6, { sessionId: open.sessionId + 1 })
  assert.equal(unknown.errorCode, ErrorCodes.FETCH_SESSION_ID_NOT_FOUND)
  const ended = await next(-1, { topics: [{ topic: 't', partitions: [from(0n)] }] })
  assert.deepEqual(valuesOf(ended), { 0: ['b'] })
  assert.equal((await next(6)).errorCode, ErrorCodes.FETCH_SESSION_ID_NOT_FOUND)
  await broker.close()
})

test('in a session news of a first look is not lost while the fetch goes on waiting', async () => {
  const broker = await openWithTopic()
  const open = await broker.send(fetch, fetchRequest([from(0n)], { sessionEpoch: 0 }), NAME_VERSION)
  await putValues(broker, ['a'])
  const waiting = broker.begin(
    fetch,
    {
      ...fetchRequest([]),
      topics: [{ topic: 't', partitions: [from(1n)] }],
      sessionId: open.sessionId,
      sessionEpoch: 1,
      maxWaitMs: 500,
      minBytes: 1,
    },
    NAME_VERSION,
  )
  const answer = await broker.simulation.runUntil(waiting)
  assert.equal(firstPartition(answer).highWatermark, 1n, 'the end of the log moved since the last answer')
  await broker.close()
})

test('partitions of a session that gave records go to the end, so that none starves', async () => {
  const broker = await openWithTopic({ partitions: 3 })
  const all = [0, 1, 2].map((partition) => from(0n, { partition }))
  for (const partition of [0, 1, 2]) await put(broker, batchOf(['x'.repeat(500)]), { partition })
  const open = await broker.send(fetch, fetchRequest(all, { sessionEpoch: 0, maxBytes: 10 }), NAME_VERSION)
  const order = [Object.entries(valuesOf(open)).find(([, values]) => values.length > 0)?.[0]]
  for (const sessionEpoch of [1, 2]) {
    const answer = await broker.send(
      fetch,
      { ...fetchRequest([]), topics: [], sessionId: open.sessionId, sessionEpoch, maxBytes: 10 },
      NAME_VERSION,
    )
    order.push(Object.entries(valuesOf(answer)).find(([, values]) => values.length > 0)?.[0])
  }
  assert.deepEqual(order, ['0', '1', '2'])
  await broker.close()
})

test('without room for another session a full fetch is answered without one', async () => {
  const broker = await openWithTopic({}, { 'max.incremental.fetch.session.cache.slots': 1 })
  const open = () => broker.send(fetch, fetchRequest([from(0n)], { sessionEpoch: 0 }), NAME_VERSION)
  assert.notEqual((await open()).sessionId, 0)
  assert.equal((await open()).sessionId, 0)
  await broker.advance(121_000)
  assert.notEqual((await open()).sessionId, 0, 'the other one was unused for two minutes')
  await broker.close()
})

test('offsets are looked up by time, and the special times by what they stand for', async () => {
  const broker = await openWithTopic()
  await putValues(broker, ['a', 'b'], { timestampMs: 1_767_225_600_000 })
  await putValues(broker, ['c'], { timestampMs: 1_767_225_700_000 })
  await putValues(broker, ['d'], { timestampMs: 1_767_225_650_000 })
  const find = async (timestamp: bigint): Promise<readonly [bigint, bigint]> => {
    const answer = await broker.send(listOffsets, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp }] }],
    })
    const found = answer.topics[0]!.partitions[0]!
    assert.equal(found.errorCode, ErrorCodes.NONE)
    return [found.offset, found.timestamp]
  }
  assert.deepEqual(await find(-2n), [0n, -1n])
  assert.deepEqual(await find(-1n), [4n, -1n])
  assert.deepEqual(await find(-3n), [2n, 1_767_225_700_000n])
  assert.deepEqual(await find(-4n), [0n, -1n])
  assert.deepEqual(await find(1_767_225_600_000n), [0n, 1_767_225_600_000n])
  assert.deepEqual(await find(1_767_225_600_001n), [2n, 1_767_225_700_000n])
  assert.deepEqual(await find(1_767_225_700_001n), [-1n, -1n])
  await broker.close()
})

test('an unacknowledged produce is not answered, and ends the connection when it fails', async () => {
  const broker = await openWithTopic()
  const topicData = (name: string) => [{ name, partitionData: [{ index: 0, records: batchOf(['a']) }] }]
  const sent = await broker.send(produce, { acks: 0, timeoutMs: 1, topicData: topicData('t') }, NAME_VERSION)
  assert.deepEqual(sent.responses, [])
  await assert.rejects(
    broker.send(produce, { acks: 0, timeoutMs: 1, topicData: topicData('missing') }, NAME_VERSION),
    { code: 'MR_CONNECTION_LOST' },
  )
  await broker.close()
})

test('appends that the disk refuses are answered as storage errors, and taken again when there is room', async () => {
  const broker = await openWithTopic()
  await putValues(broker, ['a'])
  const { disk } = broker.simulation.host('local')
  disk.setCapacity(0)
  const refused = await putValues(broker, ['b'])
  assert.equal(refused.errorCode, ErrorCodes.KAFKA_STORAGE_ERROR)
  disk.setCapacity(Number.POSITIVE_INFINITY)
  const taken = await putValues(broker, ['c'])
  assert.deepEqual([taken.errorCode, taken.baseOffset], [ErrorCodes.NONE, 1n])
  await broker.close()
})
