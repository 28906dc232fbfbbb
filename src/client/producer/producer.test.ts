import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPromise } from 'node:util/types'
import type { MillraceError } from '../../core/errors.ts'
import { type Simulation, simulatedPlatform } from '../../platform/simulated/platform.ts'
import {
  baseSequenceOf,
  producerEpochOf,
  producerIdOf,
  recordCountOf,
} from '../../protocol/record-batch/layout.ts'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import { Cluster } from '../cluster.ts'
import { metadataAnswer, ScriptedConnection, type Sent, topicIdOf } from '../scripted-connection-fixture.ts'
import { createProducer, type Producer, type ProducerOptions } from './producer.ts'

interface Part {
  readonly errorCode?: number
  readonly baseOffset?: bigint
  readonly [name: string]: unknown
}

/** The answer about every partition of a request. */
function answerAll(request: Sent['request'], part: Part, more: object = {}): object {
  return {
    ...more,
    responses: request.topicData.map(
      ({
        name,
        topicId,
        partitionData,
      }: {
        name: string
        topicId: Buffer
        partitionData: { index: number }[]
      }) => ({
        name,
        topicId,
        partitionResponses: partitionData.map(({ index }) => ({
          index,
          errorCode: 0,
          baseOffset: 0n,
          ...part,
        })),
      }),
    ),
  }
}

const recordsIn = ({ request }: Sent): Buffer[] =>
  request.topicData.flatMap(({ partitionData }: { partitionData: { records: Buffer }[] }) =>
    partitionData.map(({ records }) => records),
  )

class World {
  readonly simulation: Simulation = simulatedPlatform({ seed: 'producer' })
  readonly connection: ScriptedConnection
  readonly producer: Producer
  readonly cluster: Cluster

  constructor(options: ProducerOptions = {}) {
    this.connection = new ScriptedConnection({
      Metadata: () => metadataAnswer({ t: 4 }),
      InitProducerId: () => ({ errorCode: 0, producerId: 42n, producerEpoch: 0 }),
      Produce: (request) => answerAll(request, {}),
    })
    this.cluster = new Cluster({ platform: this.simulation, connect: () => this.connection })
    this.producer = createProducer(this.cluster, options)
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.simulation.runUntil(promise)
  }

  /** Batches as they went out, retries included. */
  get batches(): { id: number; epoch: number; sequence: number; count: number }[] {
    return this.connection.of('Produce').flatMap((sent) =>
      recordsIn(sent).map((records) => ({
        id: producerIdOf(records, 0),
        epoch: producerEpochOf(records, 0),
        sequence: baseSequenceOf(records, 0),
        count: recordCountOf(records, 0),
      })),
    )
  }
}

function batchOf(count: number): RecordBatchBuilder {
  const batch = new RecordBatchBuilder({ initialBytes: 256 })
  for (let index = 0; index < count; index++) batch.append(0, null, Buffer.from('x'))
  return batch
}

test('records of one turn go out in one batch per partition', async () => {
  const world = new World()
  await world.run(world.cluster.partitionCount('t'))
  await world.run(
    Promise.all(
      [0, 1, 0, 1, 0].map((partition) => world.producer.send({ topic: 't', partition, value: 'v' })),
    ),
  )
  assert.deepEqual(
    world.batches.map(({ count }) => count),
    [3, 2],
  )
  assert.equal(world.connection.of('Produce').length, 1)
  assert.deepEqual(world.connection.of('Produce')[0]?.request.topicData[0].topicId, topicIdOf('t'))
})

test('records are told their places, however much is under way', async () => {
  const world = new World()
  let end = 0
  world.connection.on('Produce', (request) => {
    const baseOffset = BigInt(end)
    end += recordCountOf(request.topicData[0].partitionData[0].records, 0)
    return answerAll(request, { baseOffset })
  })
  await world.run(world.cluster.partitionCount('t'))
  const value = Buffer.alloc(20_000)
  const sent = Array.from({ length: 100 }, () => world.producer.send({ topic: 't', partition: 0, value }))
  // While little is under way a record has a promise of its own.
  const promises = sent.filter((one) => isPromise(one)).length
  assert.ok(promises > 0 && promises < sent.length, `${promises} promises`)
  const told = await world.run(Promise.all(sent))
  assert.deepEqual(
    told.map(({ offset }) => offset),
    sent.map((_, at) => at),
  )
})

/** Answers with the offsets that a log would give. */
function keepOffsets(world: World): void {
  const ends = new Map<number, number>()
  world.connection.on('Produce', (request) => ({
    responses: request.topicData.map(
      ({
        topicId,
        partitionData,
      }: {
        topicId: Buffer
        partitionData: { index: number; records: Buffer }[]
      }) => ({
        topicId,
        partitionResponses: partitionData.map(({ index, records }) => {
          const end = ends.get(index) ?? 0
          ends.set(index, end + recordCountOf(records, 0))
          return { index, errorCode: 0, baseOffset: BigInt(end) }
        }),
      }),
    ),
  }))
}

for (const [how, options] of [
  ['at once', {}],
  ['in small batches', { batchBytesMax: 200 }],
  ['as far as there is room, and then the rest', { memoryBytesMax: 2000, batchBytesMax: 200 }],
] as const) {
  test(`records that are sent together are told their places in their order, sent ${how}`, async () => {
    const world = new World(options)
    keepOffsets(world)
    const records = Array.from({ length: 100 }, (_, at) => ({
      topic: 't',
      partition: at % 3,
      value: `value ${at}`.padEnd(40),
      timestampMs: 1000 + at,
    }))
    // The topic is not known yet, then it is.
    const [first, second] = await world.run(
      Promise.all([world.producer.send(records.slice(0, 50)), world.producer.send(records.slice(50))]),
    )
    assert.deepEqual(
      [...first, ...second],
      records.map(({ partition, timestampMs }, at) => {
        return { topic: 't', partition, offset: Math.floor(at / 3), timestampMs }
      }),
    )
    assert.deepEqual(await world.producer.send([]), [])
    await world.run(world.producer.close())
    await assert.rejects(world.producer.send(records), { code: 'MR_CLOSED' })
    await assert.rejects(world.producer.send([]), { code: 'MR_CLOSED' })
  })
}

test('records that are sent together fail with the first failure, once it is known of all', async () => {
  const world = new World({ idempotent: false })
  let answers = 0
  world.connection.on('Produce', (request) => {
    answers++
    const { topicId, partitionData } = request.topicData[0]
    const partitionResponses = partitionData.map(({ index }: { index: number }) => ({
      index,
      errorCode: index === 1 ? 87 : 0,
      baseOffset: 0n,
    }))
    return { responses: [{ topicId, partitionResponses }] }
  })
  await world.run(world.cluster.partitionCount('t'))
  const records = [0, 1, 2].map((partition) => ({ topic: 't', partition, value: 'v' }))
  await world.run(
    assert.rejects(world.producer.send([...records, { topic: 't', partition: 99, value: 'v' }]), {
      code: 'MR_KAFKA',
      message: /INVALID_RECORD/,
    }),
  )
  assert.equal(world.producer.bufferedBytes, 0)
  assert.ok(answers > 0)
  // As for a single record, whoever flushes is told too.
  await world.run(assert.rejects(world.producer.flush(), { code: /^MR_/ }))
  await world.run(world.producer.send([records[0]!, records[2]!]))
})

test('lingering waits for more records, but not once a batch is full or flush is called', async () => {
  const world = new World({ lingerMs: 100, batchBytesMax: 400 })
  await world.run(world.cluster.partitionCount('t'))
  const startMs = world.simulation.clock.monotonicMs()
  const send = () => world.producer.send({ topic: 't', partition: 0, value: Buffer.alloc(100) })
  await world.run(send())
  assert.ok(world.simulation.clock.monotonicMs() - startMs >= 100)
  const fullMs = world.simulation.clock.monotonicMs()
  await world.run(Promise.race(Array.from({ length: 8 }, send)))
  assert.ok(world.simulation.clock.monotonicMs() - fullMs < 100)
  await world.run(world.producer.flush())
  const lastMs = world.simulation.clock.monotonicMs()
  void send()
  await world.run(world.producer.flush())
  assert.ok(world.simulation.clock.monotonicMs() - lastMs < 100)
})

test('sequences count records per partition, under one producer id', async () => {
  const world = new World()
  for (const [partition, count] of [
    [0, 3],
    [0, 2],
    [1, 5],
    [0, 1],
  ] as const) {
    await world.run(world.producer.sendBatch('t', partition, batchOf(count)))
  }
  assert.deepEqual(world.batches, [
    { id: 42, epoch: 0, sequence: 0, count: 3 },
    { id: 42, epoch: 0, sequence: 3, count: 2 },
    { id: 42, epoch: 0, sequence: 0, count: 5 },
    { id: 42, epoch: 0, sequence: 5, count: 1 },
  ])
})

test('one batch of a partition is under way until a broker has acknowledged one, then at most five', async () => {
  const world = new World()
  const held: (() => void)[] = []
  world.connection.on('Produce', async (request) => {
    await new Promise<void>((resolve) => held.push(resolve))
    return answerAll(request, {})
  })
  const sent = Promise.all(Array.from({ length: 12 }, () => world.producer.sendBatch('t', 0, batchOf(1))))
  const counts: number[] = []
  for (let answered = 0; answered < 12; answered++) {
    await world.simulation.advance(100)
    counts.push(held.length - answered)
    held[answered]?.()
  }
  await world.run(sent)
  assert.deepEqual(counts, [1, 5, 5, 5, 5, 5, 5, 5, 4, 3, 2, 1])
  assert.equal(world.producer.bufferedBytes, 0)
})

test('a batch that is sent again keeps its numbers, and those behind it follow in order', async () => {
  const world = new World()
  let failures = 3
  world.connection.on('Produce', (request) => {
    if (failures-- > 0) return answerAll(request, { errorCode: 6 })
    return answerAll(request, {})
  })
  await world.run(Promise.all([3, 2, 1].map((count) => world.producer.sendBatch('t', 0, batchOf(count)))))
  const sequences = world.batches.map(({ sequence }) => sequence)
  assert.deepEqual(sequences.slice(-3), [0, 3, 5])
  assert.ok(world.connection.of('Metadata').length > 1, 'metadata was read anew')
})

test('a broker that has lost the sequence gets a new epoch, starting at 0', async () => {
  const world = new World()
  await world.run(world.producer.sendBatch('t', 0, batchOf(3)))
  await world.run(world.producer.sendBatch('t', 1, batchOf(1)))
  let lost = true
  world.connection.on('Produce', (request) => {
    const answer = answerAll(request, { errorCode: lost ? 59 : 0 })
    lost = false
    return answer
  })
  await world.run(world.producer.sendBatch('t', 0, batchOf(2)))
  assert.deepEqual(world.batches.slice(-2), [
    { id: 42, epoch: 0, sequence: 3, count: 2 },
    { id: 42, epoch: 1, sequence: 0, count: 2 },
  ])
  await world.run(world.producer.sendBatch('t', 1, batchOf(1)))
  assert.deepEqual(world.batches.at(-1), { id: 42, epoch: 1, sequence: 0, count: 1 })
})

test('an answer that names the new leader is followed without reading metadata (KIP-951)', async () => {
  const world = new World()
  await world.run(world.cluster.partitionCount('t'))
  world.connection.on('Produce', (request) =>
    world.connection.of('Produce').length === 1
      ? answerAll(
          request,
          { errorCode: 6, currentLeader: { leaderId: 3, leaderEpoch: 8 } },
          { nodeEndpoints: [{ nodeId: 3, host: 'b3', port: 9092 }] },
        )
      : answerAll(request, {}),
  )
  await world.run(world.producer.sendBatch('t', 2, batchOf(1)))
  assert.equal(world.cluster.metadata.partition('t', 2)?.leader, 3)
})

test('a batch that is not acknowledged in time fails and tells why', async () => {
  const world = new World({ deliveryTimeoutMs: 5000 })
  world.connection.on('Produce', (request) => answerAll(request, { errorCode: 19 }))
  const error = (await world.run(
    world.producer.sendBatch('t', 1, batchOf(4)).catch((reason) => reason),
  )) as MillraceError
  assert.equal(error.code, 'MR_TIMEOUT')
  assert.match(
    error.message,
    /a batch of 4 records was not acknowledged within 5000 ms: .*NOT_ENOUGH_REPLICAS/,
  )
  assert.equal(error.where, 't/1')
  assert.equal(error.context['partition'], 1)
  assert.ok(error.hint?.includes('min.insync.replicas'))
  await world.run(assert.rejects(world.producer.flush(), error))
  await world.run(world.producer.flush())
})

test('a batch that never was under way fails and tells what was missing', async () => {
  const world = new World({ deliveryTimeoutMs: 5000 })
  const missing: unknown[] = []
  for (const [topic, partition] of [
    ['nowhere', 0],
    ['t', 99],
  ] as const) {
    const failed = world.producer.sendBatch(topic, partition, batchOf(1)).catch((reason) => reason)
    const { message, hint } = (await world.run(failed)) as MillraceError
    missing.push([message.split('5000 ms: ')[1], hint])
    await world.run(world.producer.flush().catch(() => {}))
  }
  assert.deepEqual(missing, [
    [
      'no broker knows topic "nowhere"',
      'Create it with `millrace topics create nowhere`, or check its name.',
    ],
    ['the topic has 4 partitions', undefined],
  ])
})

test('what the broker says of a refused record is told (KIP-467)', async () => {
  const world = new World()
  world.connection.on('Produce', (request) =>
    answerAll(request, {
      errorCode: 87,
      recordErrors: [{ batchIndex: 2, batchIndexErrorMessage: 'a key is missing' }],
      errorMessage: 'invalid',
    }),
  )
  const error = (await world.run(
    world.producer.sendBatch('t', 0, batchOf(3)).catch((reason) => reason),
  )) as MillraceError
  assert.equal(error.message, 'cannot produce: record 2 of the batch: a key is missing (INVALID_RECORD)')
  assert.deepEqual(error.context, {
    topic: 't',
    partition: 0,
    broker: 'in-process',
    kafkaCode: 87,
    kafkaName: 'INVALID_RECORD',
  })
})

test('without idempotence one batch of a partition is under way, so order survives a retry', async () => {
  const world = new World({ idempotent: false })
  let fail = true
  world.connection.on('Produce', (request) => {
    const answer = answerAll(request, { errorCode: fail ? 6 : 0 })
    fail = false
    return answer
  })
  await world.run(Promise.all([1, 2, 3].map((count) => world.producer.sendBatch('t', 0, batchOf(count)))))
  assert.deepEqual(
    world.batches.map(({ count, id }) => [count, id]),
    [
      [1, -1],
      [1, -1],
      [2, -1],
      [3, -1],
    ],
  )
})

test('a producer id that is refused fails what waits for it', async () => {
  const world = new World()
  world.connection.on('InitProducerId', () => ({ errorCode: 31, producerId: -1n, producerEpoch: -1 }))
  await world.run(
    assert.rejects(world.producer.sendBatch('t', 0, batchOf(1)), {
      code: 'MR_KAFKA',
      message: /CLUSTER_AUTHORIZATION_FAILED/,
    }),
  )
})

test('close sends what is buffered and refuses what comes after it', async () => {
  const world = new World({ lingerMs: 10_000 })
  const sent = world.producer.send({ topic: 't', value: 'v' })
  await world.run(world.producer.close())
  assert.equal((await sent).offset, 0)
  await assert.rejects(world.producer.send({ topic: 't', value: 'v' }), { code: 'MR_CLOSED' })
  await assert.rejects(world.producer.sendBatch('t', 0, batchOf(1)), { code: 'MR_CLOSED' })
  await assert.rejects(world.producer.room(), { code: 'MR_CLOSED' })
})

test('a cluster that is closed first fails what waits, and the producer can still be closed', async () => {
  const world = new World({ lingerMs: 500 })
  await world.run(world.producer.send({ topic: 't', value: 'first' }))
  const sent = world.producer.send({ topic: 't', value: 'second' })
  const refused = assert.rejects(sent, { code: 'MR_CLOSED' })
  await world.run(world.cluster.close())
  await world.simulation.advance(1000)
  await refused
  await world.run(world.producer.close())
})

test('options that contradict each other are refused', () => {
  for (const options of [
    { acks: 1, idempotent: true },
    { transactionalId: 'x', idempotent: false },
    { transactionalId: '' },
    { inFlightMax: 6 },
    { inFlightMax: 0 },
  ] as const) {
    assert.throws(() => new World(options), { code: 'MR_OPTION_INVALID' })
  }
})
