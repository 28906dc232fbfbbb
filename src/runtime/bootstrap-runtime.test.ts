/**
 * A table that bootstraps, in a running pipeline: what lies in its topic is read first though it is younger than the
 * stream, and though somebody goes on writing it, so that it is never silent.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Broker } from '../broker/broker.ts'
import { createAdmin } from '../client/admin/admin.ts'
import { Cluster } from '../client/cluster.ts'
import { createConsumer } from '../client/consumer/consumer.ts'
import { createProducer } from '../client/producer/producer.ts'
import { silentLogger } from '../core/logger.ts'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { sleep } from '../platform/clock.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
import { pipelineSettings } from './pipeline-config.ts'
import { prepareTopics } from './pipeline-topics.ts'
import { PipelineThread } from './thread/pipeline-thread.ts'

const KEYS = 50
const logger = silentLogger

/** The values of a topic, as soon as there are so many. */
async function readSome(cluster: Cluster, topic: string, count: number): Promise<string[]> {
  const consumer = createConsumer(cluster, { isolation: 'read_committed' })
  consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
  const reader = new RecordBatchReader()
  const values: string[] = []
  while (values.length < count) {
    for (const { bytes } of await consumer.poll({ maxWaitMs: 100 })) {
      for (let at = 0; at < bytes.length; at = reader.batchEnd) {
        reader.reset(bytes, at)
        while (reader.next()) values.push(reader.body.utf8Slice(reader.valueStart, reader.valueEnd))
      }
    }
  }
  await consumer.close()
  return values
}

it('a table that bootstraps is whole before the stream is joined with it, also while it is written', async () => {
  const simulation = simulatedPlatform({ seed: 3 })
  const { clock } = simulation
  const app = pipeline('app')
  const users = app.table('users', json<string>(), { bootstrap: true })
  app
    .stream('clicks', json<number>())
    .leftJoin(users, (n, user) => `${n} ${user}`)
    .to('out')
  const goal = (async () => {
    const broker = await Broker.open({ platform: simulation, dataDirectory: '/data', logger })
    const cluster = new Cluster({ platform: simulation, logger, connect: () => broker.connect() })
    const admin = createAdmin(cluster)
    await admin.createTopics(['users', 'clicks'].map((topic) => ({ topic, partitions: 1 })))
    const producer = createProducer(cluster)
    const name = async (n: number, timestampMs: number): Promise<void> => {
      const key = `k${n % KEYS}`
      await producer.send({ topic: 'users', key, value: JSON.stringify(`name-${key}`), timestampMs })
    }
    for (let n = 0; n < KEYS; n++) {
      await producer.send({ topic: 'clicks', key: `k${n}`, value: `${n}`, timestampMs: 1000 + n })
      await name(n, 500_000 + n)
    }
    let writing = true
    const writer = (async () => {
      for (let n = 0; writing; n++) {
        await name(n, 600_000 + n)
        await sleep(clock, 20)
      }
    })()
    const plan = app.plan()
    const partitionCounts = await prepareTopics(plan, admin)
    const settings = pipelineSettings({ commitInterval: '50 ms', idle: '1 hour' }, false)
    const thread = new PipelineThread({ plan, settings, cluster, clock, logger, index: 0, partitionCounts })
    const done = thread.run()
    const out = await readSome(cluster, 'out', KEYS)
    assert.deepEqual(
      out,
      Array.from({ length: KEYS }, (_, n) => JSON.stringify(`${n} name-k${n}`)),
    )
    writing = false
    await writer
    thread.stop()
    await done
    await producer.close()
    await cluster.close()
    await broker.close()
  })()
  await simulation.runUntil(goal, { limitMs: 600_000, limitEvents: 2_000_000, what: 'the joined clicks' })
})
