/** Topics from their creation to their end, and over restarts and crashes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinPath, readFile } from '../../platform/disk.ts'
import { createPartitions } from '../../protocol/apis/create-partitions.ts'
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { deleteTopics } from '../../protocol/apis/delete-topics.ts'
import { describeConfigs } from '../../protocol/apis/describe-configs.ts'
import { describeTopicPartitions } from '../../protocol/apis/describe-topic-partitions.ts'
import { fetch } from '../../protocol/apis/fetch.ts'
import { incrementalAlterConfigs } from '../../protocol/apis/incremental-alter-configs.ts'
import { metadata } from '../../protocol/apis/metadata.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import type { RequestInput } from '../../protocol/schema/message.ts'
import { batchOf, DATA_DIRECTORY, TestBroker } from '../broker-fixture.ts'
import { TOPIC_TABLE_FILE } from './topic-table.ts'

type Wish = RequestInput<typeof createTopics>['topics'][number]

const wish = (name: string, changes: Partial<Wish> = {}): Wish => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...changes,
})

const named = (name: string) => ({ name, topicId: zeroUuid })

async function create(broker: TestBroker, topic: Wish, validateOnly = false) {
  const answer = await broker.send(createTopics, { topics: [topic], validateOnly })
  return answer.topics[0]!
}

async function names(broker: TestBroker): Promise<string[]> {
  const answer = await broker.send(metadata, { topics: null })
  return answer.topics.map(({ name }) => name ?? '').sort()
}

async function put(broker: TestBroker, topic: string, partition = 0): Promise<number> {
  const topicData = [{ name: topic, partitionData: [{ index: partition, records: batchOf(['a']) }] }]
  const answer = await broker.send(produce, { acks: -1, timeoutMs: 1, topicData }, { version: 12 })
  return answer.responses[0]!.partitionResponses[0]!.errorCode
}

test('a created topic is there with its id and settings, also after a restart and a crash', async () => {
  const broker = await TestBroker.open()
  const made = await create(
    broker,
    wish('t', { numPartitions: 3, configs: [{ name: 'retention.ms', value: '1000' }] }),
  )
  assert.deepEqual([made.errorCode, made.numPartitions, made.replicationFactor], [ErrorCodes.NONE, 3, 1])
  const told = made.configs?.find(({ name }) => name === 'retention.ms')
  assert.deepEqual([told?.value, told?.configSource], ['1000', 1])
  for (const again of ['restart', 'process', 'power'] as const) {
    if (again === 'restart') await broker.restart()
    else await broker.crash(again)
    const answer = await broker.send(metadata, { topics: [{ name: 't' }], allowAutoTopicCreation: false })
    const [topic] = answer.topics
    assert.equal(topic?.errorCode, ErrorCodes.NONE, again)
    assert.ok(topic?.topicId.equals(made.topicId), again)
    assert.equal(topic?.partitions.length, 3, again)
    const byId = await broker.send(metadata, { topics: [{ topicId: made.topicId, name: null }] })
    assert.equal(byId.topics[0]?.name, 't')
    const configs = await broker.send(describeConfigs, {
      resources: [{ resourceType: 2, resourceName: 't', configurationKeys: ['retention.ms'] }],
    })
    assert.equal(configs.results[0]?.configs[0]?.value, '1000', again)
  }
  await broker.close()
})

test('a new data directory survives a power cut with what was created in it', async () => {
  const broker = await TestBroker.open({}, { seed: 'first moments' })
  await create(broker, wish('t'))
  for (let cut = 0; cut < 5; cut++) {
    await broker.crash('power')
    assert.deepEqual(await names(broker), ['t'])
  }
  await broker.close()
})

test('what a topic may not be is told by its code', async () => {
  const broker = await TestBroker.open()
  await create(broker, wish('with.dot'))
  const code = async (topic: Wish): Promise<number> => (await create(broker, topic)).errorCode
  assert.equal(await code(wish('')), ErrorCodes.INVALID_TOPIC_EXCEPTION)
  assert.equal(await code(wish('a/b')), ErrorCodes.INVALID_TOPIC_EXCEPTION)
  assert.equal(await code(wish('..')), ErrorCodes.INVALID_TOPIC_EXCEPTION)
  assert.equal(await code(wish('x'.repeat(250))), ErrorCodes.INVALID_TOPIC_EXCEPTION)
  assert.equal(await code(wish('with.dot')), ErrorCodes.TOPIC_ALREADY_EXISTS)
  assert.equal(await code(wish('with_dot')), ErrorCodes.INVALID_TOPIC_EXCEPTION, 'one name in metrics')
  assert.equal(await code(wish('t', { numPartitions: 0 })), ErrorCodes.INVALID_PARTITIONS)
  assert.equal(await code(wish('t', { numPartitions: 1_000_000 })), ErrorCodes.INVALID_PARTITIONS)
  assert.equal(await code(wish('t', { replicationFactor: 3 })), ErrorCodes.INVALID_REPLICATION_FACTOR)
  const configs = (name: string, value: string | null) => ({ configs: [{ name, value }] })
  assert.equal(await code(wish('t', configs('no.such', '1'))), ErrorCodes.INVALID_CONFIG)
  assert.equal(await code(wish('t', configs('retention.ms', 'soon'))), ErrorCodes.INVALID_CONFIG)
  assert.equal(await code(wish('t', configs('retention.ms', null))), ErrorCodes.INVALID_CONFIG)
  assert.deepEqual(await names(broker), ['with.dot'])
  await broker.close()
})

test('partitions may be assigned by hand, to the one broker only', async () => {
  const broker = await TestBroker.open()
  const assigned = (brokerIds: number[], indexes = [0, 1]): Wish =>
    wish('t', {
      numPartitions: -1,
      replicationFactor: -1,
      assignments: indexes.map((partitionIndex) => ({ partitionIndex, brokerIds })),
    })
  const { INVALID_REPLICA_ASSIGNMENT } = ErrorCodes
  assert.equal((await create(broker, assigned([2]))).errorCode, INVALID_REPLICA_ASSIGNMENT)
  assert.equal((await create(broker, assigned([1, 2]))).errorCode, INVALID_REPLICA_ASSIGNMENT)
  assert.equal((await create(broker, assigned([1], [0, 2]))).errorCode, INVALID_REPLICA_ASSIGNMENT)
  assert.equal((await create(broker, assigned([1]))).numPartitions, 2)
  await broker.close()
})

test('defaults come from the broker', async () => {
  const broker = await TestBroker.open({ 'num.partitions': 4, 'log.retention.hours': 2 })
  const made = await create(broker, wish('t', { numPartitions: -1, replicationFactor: -1 }))
  assert.equal(made.numPartitions, 4)
  const retention = made.configs?.find(({ name }) => name === 'retention.ms')
  assert.deepEqual([retention?.value, retention?.configSource], [String(2 * 3_600_000), 4])
  await broker.close()
})

test('to validate only creates nothing', async () => {
  const broker = await TestBroker.open()
  assert.equal((await create(broker, wish('t'), true)).errorCode, ErrorCodes.NONE)
  assert.deepEqual(await names(broker), [])
  await broker.close()
})

test('a name that is in a request twice is not created, and answered once', async () => {
  const broker = await TestBroker.open()
  const answer = await broker.send(createTopics, { topics: [wish('t'), wish('t'), wish('u')] })
  assert.deepEqual(
    answer.topics.map(({ errorCode }) => errorCode),
    [ErrorCodes.INVALID_REQUEST, ErrorCodes.NONE],
  )
  await broker.close()
})

test('asking for a topic creates it, unless client or broker does not want that', async () => {
  const broker = await TestBroker.open({ 'num.partitions': 2 })
  const ask = async (name: string, allowAutoTopicCreation: boolean) =>
    (await broker.send(metadata, { topics: [{ name }], allowAutoTopicCreation })).topics[0]!
  assert.equal((await ask('t', false)).errorCode, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  assert.equal((await ask('t', true)).partitions.length, 2)
  assert.equal((await ask('no good', true)).errorCode, ErrorCodes.INVALID_TOPIC_EXCEPTION)
  const internal = await ask('__consumer_offsets', true)
  assert.deepEqual([internal.isInternal, internal.partitions.length], [true, 1])
  await broker.close()

  const strict = await TestBroker.open({ 'auto.create.topics.enable': false })
  const answer = await strict.send(metadata, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
  assert.equal(answer.topics[0]?.errorCode, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  await strict.close()
})

test('a deleted topic is gone, and one of its name starts empty', async () => {
  const broker = await TestBroker.open()
  const first = await create(broker, wish('t', { numPartitions: 2 }))
  await put(broker, 't', 1)
  const answer = await broker.send(deleteTopics, { topics: [named('t'), named('u')], timeoutMs: 1 })
  assert.deepEqual(
    answer.responses.map(({ errorCode }) => errorCode),
    [ErrorCodes.NONE, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION],
  )
  assert.equal(await put(broker, 't'), ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  const second = await create(broker, wish('t', { numPartitions: 2 }))
  assert.ok(!second.topicId.equals(first.topicId))
  for (const step of ['now', 'later'] as const) {
    const read = await broker.send(
      fetch,
      {
        maxWaitMs: 0,
        minBytes: 1,
        sessionEpoch: -1,
        topics: [{ topic: 't', partitions: [{ partition: 1, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
      },
      { version: 12 },
    )
    assert.equal(read.responses[0]?.partitions[0]?.highWatermark, 0n, step)
    await broker.crash('power')
  }
  await broker.close()
})

test('a fetch that waits at a topic ends when the topic is deleted', async () => {
  const broker = await TestBroker.open()
  await create(broker, wish('t'))
  const waiting = broker.begin(
    fetch,
    {
      maxWaitMs: 60_000,
      minBytes: 1,
      sessionEpoch: -1,
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
    },
    { version: 12 },
  )
  await broker.send(deleteTopics, { topics: [named('t')], timeoutMs: 1 })
  const answer = await broker.simulation.runUntil(waiting, { limitMs: 100 })
  assert.equal(answer.responses[0]?.partitions[0]?.errorCode, ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  await broker.close()
})

test('internal topics cannot be deleted or enlarged, and deletion can be switched off', async () => {
  const broker = await TestBroker.open({ 'delete.topic.enable': false })
  await create(broker, wish('t'))
  const off = await broker.send(deleteTopics, { topics: [named('t')], timeoutMs: 1 })
  assert.equal(off.responses[0]?.errorCode, ErrorCodes.TOPIC_DELETION_DISABLED)
  await broker.close()

  const other = await TestBroker.open()
  await other.send(metadata, { topics: [named('__consumer_offsets')] })
  const refused = await other.send(deleteTopics, { topics: [named('__consumer_offsets')], timeoutMs: 1 })
  assert.equal(refused.responses[0]?.errorCode, ErrorCodes.INVALID_TOPIC_EXCEPTION)
  const enlarged = await other.send(createPartitions, {
    topics: [{ name: '__consumer_offsets', count: 5, assignments: null }],
    timeoutMs: 1,
    validateOnly: false,
  })
  assert.equal(enlarged.results[0]?.errorCode, ErrorCodes.INVALID_TOPIC_EXCEPTION)
  await other.close()
})

test('partitions can be added, not taken away', async () => {
  const broker = await TestBroker.open()
  await create(broker, wish('t', { numPartitions: 2 }))
  const grow = async (count: number, validateOnly = false): Promise<number> => {
    const topics = [{ name: 't', count, assignments: null }]
    return (await broker.send(createPartitions, { topics, timeoutMs: 1, validateOnly })).results[0]!.errorCode
  }
  assert.equal(await grow(1), ErrorCodes.INVALID_PARTITIONS)
  assert.equal(await grow(2), ErrorCodes.INVALID_PARTITIONS)
  assert.equal(await grow(4, true), ErrorCodes.NONE)
  assert.equal(await put(broker, 't', 3), ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION)
  assert.equal(await grow(4), ErrorCodes.NONE)
  assert.equal(await put(broker, 't', 3), ErrorCodes.NONE)
  await broker.crash('power')
  assert.equal(await put(broker, 't', 3), ErrorCodes.NONE)
  await broker.close()
})

test('a topic whose table cannot be written does not exist, now and later', async () => {
  const broker = await TestBroker.open()
  await create(broker, wish('before'))
  const { disk } = broker.simulation.host('local')
  disk.setCapacity(0)
  const refused = await create(broker, wish('t'))
  assert.equal(refused.errorCode, ErrorCodes.KAFKA_STORAGE_ERROR)
  disk.setCapacity(Number.POSITIVE_INFINITY)
  assert.deepEqual(await names(broker), ['before'])
  assert.equal((await create(broker, wish('t'))).errorCode, ErrorCodes.NONE)
  await broker.restart()
  assert.deepEqual(await names(broker), ['before', 't'])
  await broker.close()
})

test('settings of a topic change at run time, one by one, and are kept', async () => {
  const broker = await TestBroker.open()
  await create(broker, wish('t'))
  const alter = async (name: string, configOperation: number, value: string | null): Promise<number> => {
    const configs = [{ name, configOperation, value }]
    const resources = [{ resourceType: 2, resourceName: 't', configs }]
    return (await broker.send(incrementalAlterConfigs, { resources, validateOnly: false })).responses[0]!
      .errorCode
  }
  const value = async (name: string): Promise<string | null | undefined> => {
    const answer = await broker.send(describeConfigs, {
      resources: [{ resourceType: 2, resourceName: 't', configurationKeys: [name] }],
    })
    return answer.results[0]?.configs[0]?.value
  }
  const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3] as const
  assert.equal(await alter('cleanup.policy', APPEND, 'compact'), ErrorCodes.NONE)
  assert.equal(await value('cleanup.policy'), 'delete,compact')
  assert.equal(await alter('cleanup.policy', SUBTRACT, 'delete'), ErrorCodes.NONE)
  assert.equal(await value('cleanup.policy'), 'compact')
  assert.equal(await alter('cleanup.policy', DELETE, null), ErrorCodes.NONE)
  assert.equal(await value('cleanup.policy'), 'delete')
  assert.equal(await alter('max.message.bytes', SET, '100'), ErrorCodes.NONE)
  assert.equal(await alter('max.message.bytes', SET, 'large'), ErrorCodes.INVALID_CONFIG)
  assert.equal(await alter('max.message.bytes', APPEND, '1'), ErrorCodes.INVALID_CONFIG)
  await broker.crash('power')
  assert.equal(await value('max.message.bytes'), '100')
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: batchOf(['x'.repeat(200)]) }] }]
  const large = await broker.send(produce, { acks: 1, timeoutMs: 1, topicData }, { version: 12 })
  assert.equal(large.responses[0]?.partitionResponses[0]?.errorCode, ErrorCodes.MESSAGE_TOO_LARGE)
  await broker.close()
})

test('defaults of topics change at run time by the broker’s settings, for topics that set nothing', async () => {
  const broker = await TestBroker.open()
  await create(broker, wish('plain'))
  await create(broker, wish('own', { configs: [{ name: 'retention.ms', value: '5' }] }))
  const alter = async (name: string, value: string): Promise<number> => {
    const configs = [{ name, configOperation: 0, value }]
    const resources = [{ resourceType: 4, resourceName: '', configs }]
    return (await broker.send(incrementalAlterConfigs, { resources, validateOnly: false })).responses[0]!
      .errorCode
  }
  assert.equal(await alter('log.retention.ms', '7000'), ErrorCodes.NONE)
  assert.equal(await alter('num.partitions', '9'), ErrorCodes.INVALID_REQUEST)
  assert.equal(await alter('no.such', '9'), ErrorCodes.INVALID_CONFIG)
  await broker.restart()
  const answer = await broker.send(describeConfigs, {
    resources: ['plain', 'own'].map((resourceName) => ({
      resourceType: 2,
      resourceName,
      configurationKeys: ['retention.ms'],
    })),
  })
  assert.deepEqual(
    answer.results.map(({ configs }) => configs[0]?.value),
    ['7000', '5'],
  )
  await broker.close()
})

test('folders without a topic become one: nothing is deleted on a guess', async () => {
  const broker = await TestBroker.open()
  const made = await create(broker, wish('t', { numPartitions: 2 }))
  await put(broker, 't', 1)
  await broker.simulation.runUntil(broker.broker.close())
  broker.simulation.disk.remove(joinPath(DATA_DIRECTORY, TOPIC_TABLE_FILE))
  await broker.restart()
  const answer = await broker.send(metadata, { topics: [named('t')], allowAutoTopicCreation: false })
  assert.ok(answer.topics[0]?.topicId.equals(made.topicId))
  assert.equal(answer.topics[0]?.partitions.length, 2)
  await broker.close()
})

test('a damaged table of topics stops the start by name, and is never taken for an empty one', async () => {
  const broker = await TestBroker.open()
  await create(broker, wish('t'))
  await broker.simulation.runUntil(broker.broker.close())
  const { disk } = broker.simulation
  const path = joinPath(DATA_DIRECTORY, TOPIC_TABLE_FILE)
  const sound = Buffer.from(readFile(disk, path))
  const write = (bytes: Uint8Array): void => {
    disk.remove(path)
    const file = disk.open(path, 'new')
    file.write(bytes, 0, bytes.length, 0)
    file.close()
  }
  for (let at = 0; at < sound.length; at += 7) {
    const flipped = Buffer.from(sound)
    flipped[at]! ^= 0x10
    write(flipped)
    await assert.rejects(
      broker.restart(),
      (error: Error & { where?: string }) => error.where === path,
      `${at}`,
    )
  }
  for (const length of [0, 10, Math.floor(sound.length / 2), sound.length - 1]) {
    write(sound.subarray(0, length))
    await assert.rejects(broker.restart(), { where: path }, `${length}`)
  }
  write(sound)
  await broker.restart()
  assert.deepEqual(await names(broker), ['t'])
  await broker.close()
})

test('pages of DescribeTopicPartitions go over all topics, each partition once', async () => {
  const broker = await TestBroker.open()
  for (const [name, numPartitions] of [
    ['c', 3],
    ['a', 2],
    ['b', 5],
  ] as const) {
    await create(broker, wish(name, { numPartitions }))
  }
  const seen: string[] = []
  let cursor: { topicName: string; partitionIndex: number } | null = null
  let pages = 0
  do {
    const answer: Awaited<ReturnType<typeof page>> = await page(broker, cursor)
    for (const { name, partitions } of answer.topics) {
      for (const { partitionIndex } of partitions) seen.push(`${name}${partitionIndex}`)
    }
    cursor = answer.nextCursor
    pages++
  } while (cursor !== null)
  assert.deepEqual(seen, ['a0', 'a1', 'b0', 'b1', 'b2', 'b3', 'b4', 'c0', 'c1', 'c2'])
  assert.equal(pages, 4)
  await broker.close()
})

function page(broker: TestBroker, cursor: { topicName: string; partitionIndex: number } | null) {
  return broker.send(describeTopicPartitions, { topics: [], responsePartitionLimit: 3, cursor })
}

test('lists of replicas that Java’s admin walks are never null', async () => {
  // kafka-topics --describe failed on a null list of eligible leaders.
  const broker = await TestBroker.open()
  await create(broker, wish('t'))
  const answer = await broker.send(describeTopicPartitions, { topics: [{ name: 't' }] })
  const partition = answer.topics[0]!.partitions[0]!
  assert.deepEqual([partition.eligibleLeaderReplicas, partition.lastKnownElr], [[], []])
  await broker.close()
})
