/**
 * The life of a low-level processor in a running pipeline, as a task of Samza has it: it commits when it asks to, is told
 * the end of bounded input once, and is closed once, in each task.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Broker } from '../broker/broker.ts'
import { createAdmin } from '../client/admin/admin.ts'
import { Cluster } from '../client/cluster.ts'
import { readJson, readTopic } from '../client/consumer/read-topic-fixture.ts'
import { createProducer } from '../client/producer/producer.ts'
import { silentLogger } from '../core/logger.ts'
import { headerText } from '../core/record.ts'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { keyValueState, output } from '../dsl/processor.ts'
import { until } from '../platform/clock.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { localThreads } from './local-threads.ts'
import { pipelineSettings } from './pipeline-config.ts'
import { PipelineRuntime } from './pipeline-runtime.ts'
import { prepareTopics } from './pipeline-topics.ts'

const PARTITIONS = 2
const logger = silentLogger

/** Sums per key; `commit` says so, the end tells all sums. */
function summing(log: string[]) {
  const app = pipeline('summing')
  const { sums } = app.stream('numbers', json<number>()).process({
    stores: { sum: keyValueState<number>() },
    outputs: { sums: output<number>() },
    create: ({ stores, forward, commit }) => ({
      process({ key, value }) {
        stores.sum.put(key, (stores.sum.get(key) ?? 0) + value)
        forward('sums', stores.sum.get(key) as number, {
          headers: [{ key: 'seen', value: Buffer.from('x') }],
        })
        if (value === 7) commit()
      },
      endOfStream() {
        log.push('end of stream')
        for (const [key, sum] of stores.sum.entries()) forward('sums', -sum, { key })
      },
      close() {
        log.push('closed')
        throw new Error('a processor that cannot close keeps nobody from it')
      },
    }),
  })
  sums.to('sums')
  return app
}

it('commits when it asks to, and is told the end and closed once in each task', async () => {
  const simulation = simulatedPlatform({ seed: 11 })
  const { clock } = simulation
  const log: string[] = []
  const goal = (async () => {
    const broker = await Broker.open({ platform: simulation, dataDirectory: '/data', logger })
    const cluster = new Cluster({ platform: simulation, logger, connect: () => broker.connect() })
    const admin = createAdmin(cluster)
    await admin.createTopics([{ topic: 'numbers', partitions: PARTITIONS }])
    const producer = createProducer(cluster)
    const send = (partition: number, value: number) =>
      producer.send({
        topic: 'numbers',
        partition,
        key: `k${partition}`,
        value: `${value}`,
        timestampMs: value,
      })

    const plan = summing(log).plan()
    const partitionCounts = await prepareTopics(plan, admin)
    const settings = pipelineSettings({ commitInterval: '10 days' }, true)
    const startThread = localThreads({ plan, settings, cluster, clock, logger, partitionCounts })
    const runtime = new PipelineRuntime({ plan, clock, logger, threads: 1, partitionCounts, startThread })
    runtime.start()
    for (const value of [1, 2]) await send(0, value)
    const processed = () =>
      runtime
        .snapshots()
        .flatMap(({ tasks }) => tasks)
        .reduce((sum, task) => sum + task.processedRecords, 0)
    await until(clock, () => processed() === 2, { what: 'two records', timeoutMs: 60_000 })
    assert.deepEqual(await readTopic(cluster, 'sums'), [], 'nobody has asked, and the interval is long')
    await send(1, 7)
    const committed = async () => (await readTopic(cluster, 'sums')).length === 3
    await until(clock, committed, { what: 'the commit', timeoutMs: 60_000 })
    const headers = (await readTopic(cluster, 'sums')).map((record) => headerText(record.headers, 'seen'))
    assert.deepEqual(headers, ['x', 'x', 'x'])

    const ends = await admin.listOffsets(runtime.inputs(), { at: 'latest' })
    await runtime.drainTo(new Map([...ends].map(([name, { offset }]) => [name, offset])), 300_000)
    await runtime.stop()
    const sums = (await readJson<number>(cluster, 'sums')).map(([key, sum]) => `${key} ${sum}`)
    assert.deepEqual(sums.toSorted(), ['k0 -3', 'k0 1', 'k0 3', 'k1 -7', 'k1 7'])
    assert.deepEqual(log.toSorted(), ['closed', 'closed', 'end of stream', 'end of stream'])
    await producer.close()
    await cluster.close()
    await broker.close()
  })()
  await simulation.runUntil(goal, { limitMs: 900_000, limitEvents: 2_000_000, what: 'the sums' })
})
