/**
 * A consumer without a group's help: where it starts (ListOffsets, OffsetFetch and the reset policy), seeking, pausing,
 * fetch sessions (KIP-227), and what is handed on.
 *
 * Rules: records of a partition come in the order of their offsets, each once, whatever else is asked for meanwhile; a
 * position is behind what was handed on, never behind what was only fetched; an offset that is out of range follows
 * the reset policy and is an error without one.
 */
import assert from 'node:assert/strict'
import type { Consumer } from '../../../src/client/consumer/consumer.ts'
import { recordsOf } from '../../../src/client/consumer/records.ts'
import { connect } from '../../../src/client/index.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { fetch } from '../../../src/protocol/apis/fetch.ts'
import { rejectsWith, type Scenario, type ScenarioTest, text } from './scenario.ts'

async function fill(s: Scenario, topic: string, count: number, partition = 0): Promise<void> {
  const producer = s.producer()
  for (let index = 0; index < count; index++) {
    void producer.send({ topic, partition, value: `${index}`, timestampMs: 1_700_000_000_000 + index })
  }
  await producer.flush()
}

async function read(s: Scenario, consumer: Consumer, count: number): Promise<(string | null)[]> {
  const found: (string | null)[] = []
  await s.until(`${count} records are read`, async () => {
    for (const fetched of await consumer.poll({ maxWaitMs: 100 })) {
      for (const record of recordsOf(fetched)) found.push(text(record.value))
    }
    return found.length >= count
  })
  return found
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `${from + index}`)

export function consumerScenarios(scenario: ScenarioTest): void {
  scenario('a consumer starts at the earliest, the latest, or a given offset', async (s) => {
    const topic = await s.topic(3)
    for (const partition of [0, 1, 2]) await fill(s, topic, 10, partition)
    const consumer = s.consumer()
    consumer.assign([
      { topic, partition: 0, offset: 'earliest' },
      { topic, partition: 1, offset: 'latest' },
      { topic, partition: 2, offset: 7 },
    ])
    assert.deepEqual((await read(s, consumer, 13)).sort(), [...numbers(0, 10), ...numbers(7, 10)].sort())
    await s.until('the latest offset is found', async () => {
      await consumer.poll({ maxWaitMs: 20 })
      return consumer.position(topic, 1) === 10
    })
    await fill(s, topic, 1, 1)
    assert.deepEqual(await read(s, consumer, 1), ['0'])
    assert.equal(consumer.position(topic, 1), 11)
    assert.deepEqual(consumer.lag(topic, 1), { position: 11, endOffset: 11 })
  })

  scenario('seek goes back and forth, whatever was fetched already', async (s) => {
    const topic = await s.topic()
    await fill(s, topic, 100)
    const consumer = s.consumer()
    consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
    assert.deepEqual(await read(s, consumer, 100), numbers(0, 100))
    consumer.seek(topic, 0, 95)
    assert.deepEqual(await read(s, consumer, 5), numbers(95, 100))
    consumer.seek(topic, 0, 0)
    consumer.seek(topic, 0, 50)
    assert.deepEqual(await read(s, consumer, 50), numbers(50, 100))
  })

  scenario('a paused partition gives nothing until it is resumed', async (s) => {
    const topic = await s.topic(2)
    await fill(s, topic, 5, 0)
    await fill(s, topic, 5, 1)
    const consumer = s.consumer()
    consumer.assign([0, 1].map((partition) => ({ topic, partition, offset: 'earliest' as const })))
    consumer.pause([{ topic, partition: 0 }])
    const first = await consumer.poll({ maxWaitMs: 5000 })
    assert.deepEqual(
      first.map(({ partition }) => partition),
      [1],
    )
    assert.deepEqual(await consumer.poll({ maxWaitMs: 100 }), [])
    consumer.resume([{ topic, partition: 0 }])
    assert.deepEqual(await read(s, consumer, 5), numbers(0, 5))
  })

  scenario('a resumed partition does not wait for the long poll of the others', async (s) => {
    const topic = await s.topic(2)
    await fill(s, topic, 1, 1)
    const consumer = s.consumer({ maxWaitMs: 10_000 })
    consumer.assign([0, 1].map((partition) => ({ topic, partition, offset: 0 })))
    consumer.pause([{ topic, partition: 1 }])
    // Now a fetch of partition 0 waits at the broker.
    assert.deepEqual(await consumer.poll({ maxWaitMs: 200 }), [])
    const startMs = s.platform.clock.monotonicMs()
    consumer.resume([{ topic, partition: 1 }])
    assert.equal((await consumer.poll({ maxWaitMs: 8000 })).length, 1)
    assert.ok(s.platform.clock.monotonicMs() - startMs < 5000)
  })

  scenario('data is handed on as whole batches, with positions and ends', async (s) => {
    const topic = await s.topic()
    await fill(s, topic, 10)
    const consumer = s.consumer()
    consumer.assign([{ topic, partition: 0, offset: 4 }])
    const [fetched] = await consumer.poll({ maxWaitMs: 5000 })
    assert.ok(fetched !== undefined)
    assert.equal(fetched.fetchOffset, 4)
    assert.equal(fetched.nextOffset, 10)
    assert.equal(fetched.highWatermark, 10)
    assert.equal(fetched.lastStableOffset, 10)
    assert.equal(fetched.logStartOffset, 0)
    assert.deepEqual(
      [...recordsOf(fetched)].map(({ offset }) => offset),
      [4, 5, 6, 7, 8, 9],
    )
  })

  scenario('an offset out of range starts anew by the policy, or is an error', async (s) => {
    const topic = await s.topic()
    await fill(s, topic, 20)
    const left = await s.admin.deleteRecords([{ topic, partition: 0, beforeOffset: 15 }])
    assert.equal(left.get(`${topic}/0`), 15)
    const consumer = s.consumer()
    consumer.assign([{ topic, partition: 0, offset: 3 }])
    assert.deepEqual(await read(s, consumer, 5), numbers(15, 20))
    const strict = s.consumer({ offsetReset: 'none' })
    strict.assign([{ topic, partition: 0, offset: 3 }])
    await rejectsWith('MR_OFFSET_UNKNOWN', strict.poll({ maxWaitMs: 10_000 }))
    strict.seek(topic, 0, 18)
    assert.deepEqual(await read(s, strict, 2), numbers(18, 20))
  })

  scenario('committed positions are kept and found again', async (s) => {
    const topic = await s.topic(2)
    await fill(s, topic, 10)
    const group = s.name('group')
    const first = s.consumer({ group })
    first.assign([{ topic, partition: 0 }])
    await read(s, first, 10)
    await first.commit([{ topic, partition: 0, offset: 6, metadata: 'note' }])
    const committed = await first.committed([0, 1].map((partition) => ({ topic, partition })))
    assert.deepEqual([...committed.keys()], [`${topic}/0`])
    assert.equal(committed.get(`${topic}/0`)?.metadata, 'note')
    await first.close()
    const second = s.consumer({ group })
    second.assign([{ topic, partition: 0 }])
    assert.deepEqual(await read(s, second, 4), numbers(6, 10))
  })

  scenario('without a committed position the policy "none" is an error', async (s) => {
    const topic = await s.topic()
    const consumer = s.consumer({ group: s.name('group'), offsetReset: 'none' })
    consumer.assign([{ topic, partition: 0 }])
    await rejectsWith('MR_OFFSET_UNKNOWN', consumer.poll({ maxWaitMs: 10_000 }))
  })

  scenario('many partitions with much data are read whole, in order, once', async (s) => {
    const topic = await s.topic(12)
    const producer = s.producer()
    const each = 3000
    for (let index = 0; index < each * 12; index++) {
      void producer.send({
        topic,
        partition: index % 12,
        value: `${Math.floor(index / 12)} ${'x'.repeat(100)}`,
      })
      if (index % 1000 === 0) await producer.room()
    }
    await producer.flush()
    const consumer = s.consumer({ partitionMaxBytes: 20_000, maxBytes: 100_000, bufferBytesMax: 200_000 })
    consumer.assign(Array.from({ length: 12 }, (_, partition) => ({ topic, partition, offset: 0 })))
    const next = Array.from({ length: 12 }, () => 0)
    await s.until('all is read', async () => {
      for (const fetched of await consumer.poll({ maxWaitMs: 100 })) {
        for (const record of recordsOf(fetched)) {
          const expected = next[record.partition]!++
          assert.equal(record.offset, expected)
          assert.ok(text(record.value)?.startsWith(`${expected} `))
        }
      }
      return next.every((count) => count === each)
    })
  })

  scenario('records are read one by one, and the loop ends when the consumer is closed', async (s) => {
    const topic = await s.topic()
    await fill(s, topic, 10)
    const kafka = connect(s.reach)
    const consumer = kafka.consumer({ offsetReset: 'earliest' })
    consumer.assign([{ topic, partition: 0 }])
    const seen: number[] = []
    for await (const record of consumer.records()) {
      seen.push(record.offset)
      if (seen.length === 10) void kafka.close()
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    await kafka.close()
  })
  scenario('batches are read in a loop, and the loop ends when the client is closed', async (s) => {
    const topic = await s.topic()
    await fill(s, topic, 10)
    const kafka = connect({ ...s.reach, platform: s.platform })
    const consumer = kafka.consumer({ group: s.name('group'), offsetReset: 'earliest' })
    await consumer.subscribe([topic])
    const seen: number[] = []
    for await (const batch of consumer) {
      for (const { offset } of recordsOf(batch)) seen.push(offset)
      if (seen.length === 10) void kafka.close()
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    await kafka.close()
  })

  scenario('later fetches ask for what has changed only, where requests go over a network', async (s) => {
    const topic = await s.topic(6)
    const { watched, cluster } = s.watched({ rack: 'r1' })
    const consumer = s.consumer({}, cluster)
    const all = Array.from({ length: 6 }, (_, partition) => ({ topic, partition, offset: 0 }))
    consumer.assign(all)
    for (let round = 0; round < 5; round++) {
      await fill(s, topic, 1, round % 6)
      assert.deepEqual(await read(s, consumer, 1), ['0'])
    }
    const partitionsOf = (request: { topics: readonly { partitions: readonly unknown[] }[] }): number =>
      request.topics.reduce((sum, { partitions }) => sum + partitions.length, 0)
    const requests = watched.requests(fetch)
    assert.ok(requests.every(({ rackId }) => rackId === 'r1'))
    const inSession = requests.filter(({ sessionId, sessionEpoch }) => sessionId !== 0 && sessionEpoch > 0)
    if (s.inProcess) {
      assert.equal(inSession.length, 0)
      return
    }
    assert.ok(inSession.some((request) => partitionsOf(request) <= 1))
    consumer.pause([{ topic, partition: 3 }])
    await s.poll('the broker is told to forget it', consumer, () =>
      watched
        .requests(fetch)
        .some(({ forgottenTopicsData }) => forgottenTopicsData.some((one) => one.partitions.includes(3))),
    )
  })

  scenario('a consumer goes on where it was when its connections are cut', async (s) => {
    const topic = await s.topic(3)
    const { watched, cluster } = s.watched()
    const consumer = s.consumer({ partitionMaxBytes: 500 }, cluster)
    consumer.assign([0, 1, 2].map((partition) => ({ topic, partition, offset: 0 })))
    const next = [0, 0, 0]
    for (let round = 0; round < 5; round++) {
      for (const partition of next.keys()) await fill(s, topic, 20, partition)
      watched.cut()
      await s.until('all is read', async () => {
        for (const fetched of await consumer.poll({ maxWaitMs: 20 })) {
          for (const { offset, partition } of recordsOf(fetched)) assert.equal(offset, next[partition]!++)
        }
        return next.every((count) => count === (round + 1) * 20)
      })
    }
  })

  scenario('one poll at a time: another is refused by name, and does no harm', async (s) => {
    const topic = await s.topic()
    const consumer = s.consumer()
    consumer.assign([{ topic, partition: 0, offset: 0 }])
    const first = consumer.poll({ maxWaitMs: 30_000 })
    await rejectsWith('MR_CONSUMER_BUSY', consumer.poll())
    await fill(s, topic, 1)
    assert.equal((await first).length, 1)
    assert.deepEqual(await consumer.poll({ maxWaitMs: 0 }), [])
    const last = consumer.poll({ maxWaitMs: 30_000 })
    await consumer.close()
    await rejectsWith('MR_CLOSED', last)
    await rejectsWith('MR_CLOSED', consumer.poll())
  })

  scenario('a partition that is assigned and not read is told of', async (s) => {
    const topic = await s.topic()
    await fill(s, topic, 1)
    const told: unknown[] = []
    const unread = 'a partition is assigned and not read: poll is not called'
    // A broker that is slow to answer at first is told of as well.
    const warn = (fields: object, message: string): void => {
      if (message === unread) told.push(fields)
    }
    const cluster = s.newCluster({ logger: { ...silentLogger, warn } })
    const consumer = s.consumer({ stalledWarningMs: 300 }, cluster)
    consumer.assign([{ topic, partition: 0, offset: 0 }])
    await s.poll('the end is known', consumer, () => consumer.lag(topic, 0) !== undefined)
    consumer.seek(topic, 0, 0)
    await s.until('somebody is warned', () => told.length > 0)
    const [{ seconds, ...warning }] = told as [{ seconds: number }]
    assert.ok(seconds >= 0)
    assert.deepEqual(warning, { topic, partition: 0, position: 0 })
  })
}
