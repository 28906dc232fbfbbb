/**
 * A producer without transactions: what comes back is what was sent (record batch v2, all compressions), partitions
 * are chosen as Java's does (murmur2 of the key), and the offsets of a partition are consecutive, in the order of
 * sending, with no record missing or doubled (idempotence, KIP-98).
 *
 * A record or topic that the broker refuses fails alone and by name; `acks` 0 and 1 and the memory budget are honoured.
 */
import assert from 'node:assert/strict'
import { partitionOf } from '../../../src/core/murmur2.ts'
import { produce } from '../../../src/protocol/apis/produce.ts'
import { RecordBatchBuilder } from '../../../src/protocol/record-batch/record-batch-builder.ts'
import { rejectsWith, type ScenarioTest, text } from './scenario.ts'

export function producerScenarios(scenario: ScenarioTest): void {
  scenario('records come back as they were sent', async (s) => {
    const topic = await s.topic()
    const producer = s.producer()
    const headers = [
      { key: 'a', value: Buffer.from('1') },
      { key: 'a', value: null },
    ]
    const sent = [
      { topic, key: 'k', value: 'v', timestampMs: 1_700_000_000_000, headers },
      { topic, key: null, value: 'no key', timestampMs: 1_700_000_000_001 },
      { topic, key: 'gone', value: null, timestampMs: 1_699_999_999_999 },
      { topic, key: new Uint8Array([0, 255]), value: new Uint8Array(0), timestampMs: 0 },
      { topic, key: '', value: 'ü€𐍈', timestampMs: 1_700_000_000_002 },
    ]
    const answers = await Promise.all(sent.map((record) => producer.send(record)))
    assert.deepEqual(
      answers.map(({ offset, partition }) => [offset, partition]),
      sent.map((_, index) => [index, 0]),
    )
    const records = await s.readAll(topic)
    assert.deepEqual(
      records.map((one) => [text(one.key), text(one.value), one.timestampMs]),
      sent.map((one) => [
        typeof one.key === 'string' || one.key === null ? one.key : text(one.key),
        typeof one.value === 'string' || one.value === null ? one.value : text(one.value),
        one.timestampMs,
      ]),
    )
    assert.deepEqual(
      records[0]?.headers.map(({ key, value }) => [key, text(value)]),
      [
        ['a', '1'],
        ['a', null],
      ],
    )
    assert.equal(records[1]?.headers.length, 0)
  })

  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    scenario(`${compression} batches are written and read`, async (s) => {
      const topic = await s.topic()
      const producer = s.producer({ compression })
      const values = Array.from({ length: 500 }, (_, index) => `value ${index} ${'x'.repeat(index % 50)}`)
      const answers = await producer.send(values.map((value) => ({ topic, value })))
      assert.deepEqual(
        answers.map(({ offset }) => offset),
        values.map((_, index) => index),
      )
      const records = await s.readAll(topic)
      assert.deepEqual(
        records.map(({ value }) => text(value)),
        values,
      )
    })
  }

  scenario("a key goes to the partition that Java's producer gives it", async (s) => {
    const topic = await s.topic(7)
    const producer = s.producer()
    const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`)
    const answers = await Promise.all(keys.map((key) => producer.send({ topic, key, value: 'x' })))
    for (const [index, { partition }] of answers.entries()) {
      assert.equal(partition, partitionOf(Buffer.from(keys[index]!), 7))
    }
  })

  scenario('batches of a partition keep their order and get consecutive offsets', async (s) => {
    const topic = await s.topic(3)
    const producer = s.producer()
    const offsets: Promise<number>[] = []
    for (let index = 0; index < 300; index++) {
      const batch = new RecordBatchBuilder()
      batch.append(1_700_000_000_000, null, Buffer.from(`${index} a`))
      batch.append(1_700_000_000_000, null, Buffer.from(`${index} b`))
      offsets.push(producer.sendBatch(topic, index % 3, batch))
    }
    await producer.flush()
    assert.equal(producer.bufferedBytes, 0)
    assert.deepEqual(
      await Promise.all(offsets),
      offsets.map((_, index) => Math.floor(index / 3) * 2),
    )
    const records = await s.readAll(topic)
    for (const partition of [0, 1, 2]) {
      const own = records.filter((one) => one.partition === partition).map(({ value }) => text(value))
      const expected = Array.from({ length: 100 }, (_, index) => [
        `${index * 3 + partition} a`,
        `${index * 3 + partition} b`,
      ])
      assert.deepEqual(own, expected.flat())
    }
  })

  scenario('a topic that does not exist is an error that says so', async (s) => {
    const producer = s.producer()
    await rejectsWith('MR_TOPIC_UNKNOWN', s.cluster.partitionCount(s.name('absent')))
    await rejectsWith('MR_TOPIC_UNKNOWN', producer.send({ topic: s.name('absent'), value: 'x' }))
    await rejectsWith('MR_TOPIC_UNKNOWN', producer.flush())
    await producer.flush()
  })

  scenario('a batch that is too large fails alone, and order and offsets go on without a gap', async (s) => {
    const topic = await s.topic(1, { 'max.message.bytes': '2000' })
    const producer = s.producer({ batchBytesMax: 1000 })
    const offsets: (number | string)[] = []
    await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const batch = new RecordBatchBuilder()
        batch.append(1_700_000_000_000, null, Buffer.alloc(index === 10 ? 5000 : 100, index))
        offsets[index] = await producer.sendBatch(topic, 0, batch).catch((error) => error.code)
      }),
    )
    assert.deepEqual(
      offsets,
      Array.from({ length: 30 }, (_, index) =>
        index === 10 ? 'MR_RECORD_TOO_LARGE' : index < 10 ? index : index - 1,
      ),
    )
    await rejectsWith('MR_RECORD_TOO_LARGE', producer.flush())
  })

  scenario('records are acknowledged by nobody and by the leader alone', async (s) => {
    const topic = await s.topic()
    // A broker that does not know yet that it leads drops what nobody wants to hear about.
    await s.admin.listOffsets([{ topic, partition: 0 }], { at: 'latest' })
    const careless = s.producer({ acks: 0 })
    assert.equal((await careless.send({ topic, value: '0' })).offset, -1)
    await careless.close()
    await s.until('the record is there', async () => {
      const ends = await s.admin.listOffsets([{ topic, partition: 0 }], { at: 'latest' })
      return ends.get(`${topic}/0`)?.offset === 1
    })
    const leader = s.producer({ acks: 1 })
    assert.equal((await leader.send({ topic, value: '1' })).offset, 1)
  })

  scenario('the memory budget slows senders down and nothing is lost', async (s) => {
    const topic = await s.topic(2)
    const producer = s.producer({ memoryBytesMax: 100_000, batchBytesMax: 10_000, lingerMs: 1 })
    const value = Buffer.alloc(1000)
    let highest = 0
    const sent: Promise<unknown>[] = []
    for (let index = 0; index < 2000; index++) {
      sent.push(producer.send({ topic, value }))
      highest = Math.max(highest, producer.bufferedBytes)
    }
    await Promise.all(sent)
    assert.ok(highest < 130_000, `${highest} bytes were buffered`)
    assert.equal((await s.readAll(topic)).length, 2000)
  })
  scenario('records linger for others, until a batch is full or somebody is in a hurry', async (s) => {
    const topic = await s.topic()
    // A broker that does not know yet that it leads would be asked twice.
    await s.admin.listOffsets([{ topic, partition: 0 }], { at: 'latest' })
    const { watched, cluster } = s.watched()
    const patient = s.producer({ lingerMs: 600_000, batchBytesMax: 10_000 }, cluster)
    await cluster.topic(topic)
    const few = [1, 2, 3].map((number) => patient.send({ topic, value: `${number}` }))
    await s.platform.clock.nextTurn()
    assert.equal(watched.requests(produce).length, 0)
    await patient.flush()
    assert.equal(watched.requests(produce).length, 1)
    assert.equal((await Promise.all(few)).at(-1)?.offset, 2)
    // Nobody is in a hurry, but a batch is full.
    const many = Array.from({ length: 10 }, () => patient.send({ topic, value: Buffer.alloc(1000) }))
    assert.equal((await many[0]!).offset, 3)
    await patient.flush()
    assert.equal((await many[9]!).offset, 12)
  })

  scenario('records without a key stay together until a batch is full, then go elsewhere', async (s) => {
    const topic = await s.topic(4)
    const producer = s.producer({ lingerMs: 1, batchBytesMax: 5000 })
    const sent = Array.from({ length: 60 }, () => producer.send({ topic, value: Buffer.alloc(1000) }))
    await producer.flush()
    const partitions = (await Promise.all(sent)).map(({ partition }) => partition)
    const moves = partitions.filter((partition, index) => index > 0 && partition !== partitions[index - 1])
    assert.ok(moves.length >= 5, `${moves.length} moves`)
    assert.ok(moves.length <= 15, `${moves.length} moves: a batch holds four records`)
  })

  scenario('connections that are cut lose, double and reorder nothing', async (s) => {
    const topic = await s.topic(2)
    const { watched, cluster } = s.watched()
    const producer = s.producer({ batchBytesMax: 500 }, cluster)
    const sent: Promise<unknown>[] = []
    for (let round = 0; round < 30; round++) {
      for (let index = 0; index < 20; index++) {
        sent.push(producer.send({ topic, partition: index % 2, value: `${sent.length}`.padEnd(40) }))
      }
      if (round % 3 === 1) await sent.at(-20)
      if (round % 3 === 0) watched.cut()
      await s.platform.clock.nextTurn()
    }
    await Promise.all(sent)
    const records = await s.readAll(topic)
    for (const partition of [0, 1]) {
      const own = records.filter((one) => one.partition === partition)
      assert.deepEqual(
        own.map(({ value }) => Number(text(value))),
        Array.from({ length: 300 }, (_, index) => index * 2 + partition),
      )
    }
  })

  scenario('a record that is larger than a batch goes alone', async (s) => {
    const topic = await s.topic()
    const producer = s.producer({ batchBytesMax: 1000, compression: 'lz4' })
    const sizes = [10, 500_000, 10]
    await Promise.all(sizes.map((size) => producer.send({ topic, value: Buffer.alloc(size, 'x') })))
    assert.deepEqual(
      (await s.readAll(topic)).map(({ value }) => value?.length),
      sizes,
    )
  })
}
