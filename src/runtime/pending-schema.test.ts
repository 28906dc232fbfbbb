/** A record that cannot be read yet, because its schema is being fetched, is neither lost nor set aside. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Broker } from '../broker/broker.ts'
import { createAdmin } from '../client/admin/admin.ts'
import { Cluster } from '../client/cluster.ts'
import { createProducer } from '../client/producer/producer.ts'
import { MillraceError } from '../core/errors.ts'
import { silentLogger } from '../core/logger.ts'
import { partitionName } from '../core/record.ts'
import { type Serde, stringSerde } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { localThreads } from './local-threads.ts'
import { pipelineSettings } from './pipeline-config.ts'
import { PipelineRuntime } from './pipeline-runtime.ts'
import { prepareTopics } from './pipeline-topics.ts'

const FAILURES = 2

/** Reads "new" at the third time only. */
function schemaOnItsWay(): { readonly serde: Serde<string>; readonly attempts: () => number } {
  let attempts = 0
  const serde: Serde<string> = {
    ...stringSerde,
    read(bytes, start, end) {
      const text = stringSerde.read(bytes, start, end)
      if (text === 'new' && ++attempts <= FAILURES)
        throw new MillraceError('MR_SCHEMA_NOT_LOADED', 'on its way')
      return text
    },
  }
  return { serde, attempts: () => attempts }
}

for (const onInvalid of ['dead-letter', 'fail'] as const) {
  it(`a record whose schema is on its way is read again: ${onInvalid}`, async () => {
    const simulation = simulatedPlatform({ seed: 7 })
    const { clock } = simulation
    const logger = silentLogger
    const { serde, attempts } = schemaOnItsWay()
    const run = async (): Promise<number[]> => {
      const broker = await Broker.open({ platform: simulation, dataDirectory: '/data', logger })
      const cluster = new Cluster({ platform: simulation, logger, connect: () => broker.connect() })
      const admin = createAdmin(cluster)
      await admin.createTopics([{ topic: 'in', partitions: 1 }])
      const producer = createProducer(cluster)
      for (const value of ['a', 'new', 'b']) await producer.send({ topic: 'in', key: 'k', value })
      await producer.close()
      const app = pipeline('p')
      app.stream('in', serde, { onInvalid }).to('out', { value: stringSerde })
      const plan = app.plan()
      const partitionCounts = await prepareTopics(plan, admin)
      const settings = pipelineSettings(
        { commitInterval: '50 ms', idle: 100, delivery: 'at-least-once' },
        true,
      )
      const runtime = new PipelineRuntime({
        plan,
        clock,
        logger,
        threads: 1,
        partitionCounts,
        startThread: localThreads({ plan, settings, cluster, clock, logger, partitionCounts }),
      })
      runtime.start()
      await runtime.drainTo(new Map([['in/0', 3]]), 300_000)
      const topics = ['out', 'p-dead-letters'].map((topic) => ({ topic, partition: 0 }))
      const ends = await admin.listOffsets(topics, { at: 'latest' })
      await runtime.stop()
      await cluster.close()
      await broker.close()
      return topics.map(({ topic }) => ends.get(partitionName(topic, 0))?.offset ?? -1)
    }
    const ends = await simulation.runUntil(run(), { limitMs: 600_000, limitEvents: 2_000_000 })
    assert.deepEqual(ends, [3, 0])
    assert.equal(attempts(), FAILURES + 1)
  })
}
