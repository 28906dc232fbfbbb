/**
 * A whole Millrace in one thread on simulated time: a broker on a disk that can lose what was not synced, a producer,
 * and a pipeline with a windowed count, crashed at seeded moments and started again.
 *
 * Checked at the end:
 * - every acknowledged record is in its topic, once and in order; records whose acknowledgement never came may be
 *   there or not, but not twice;
 * - the pipeline's results are exactly what a plain loop over the topic computes: nothing lost, nothing counted twice.
 */
import assert from 'node:assert/strict'
import { Broker } from '../../src/broker/broker.ts'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { createConsumer } from '../../src/client/consumer/consumer.ts'
import { createProducer } from '../../src/client/producer/producer.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { json } from '../../src/core/serde.ts'
import { pipeline } from '../../src/dsl/pipeline.ts'
import { tumbling } from '../../src/dsl/window.ts'
import { count, sum } from '../../src/operators/aggregator.ts'
import type { Platform } from '../../src/platform/platform.ts'
import { simulatedPlatform } from '../../src/platform/simulated/platform.ts'
import { pipelineSettings } from '../../src/runtime/pipeline-config.ts'
import { PipelineRuntime } from '../../src/runtime/pipeline-runtime.ts'
import { prepareTopics } from '../../src/runtime/pipeline-topics.ts'
import { PipelineThread } from '../../src/runtime/thread/pipeline-thread.ts'

export interface PipelineRun {
  readonly seed: number
  readonly crashes: number
  readonly acknowledged: number
  readonly stored: number
  readonly windows: number
}

interface Event {
  readonly id: number
  readonly key: string
  readonly atMs: number
}

const PARTITIONS = 3
const KEYS = ['a', 'b', 'c', 'd', 'e']
const WINDOW_MS = 10_000

function makePipeline() {
  const app = pipeline('sim')
  app
    .stream('events', json<Event>(), { eventTime: (e) => e.atMs, lateness: '1 hour' })
    .groupBy((e) => `group-${e.key}`)
    .window(tumbling(WINDOW_MS))
    .aggregate({ n: count(), ids: sum((e) => e.id) })
    .to('results')
  return app
}

/** One life of the process: everything that a crash ends. */
interface Life {
  readonly cluster: Cluster
  readonly broker: Broker
  readonly runtime: PipelineRuntime
}

async function startLife(platform: Platform, bounded: boolean): Promise<Life> {
  const config = { flush: 'group' } as const
  const broker = await Broker.open({ platform, dataDirectory: '/data', config })
  const cluster = new Cluster({ platform, connect: () => broker.connect() })
  const admin = createAdmin(cluster)
  await admin.createTopics([{ topic: 'events', partitions: PARTITIONS }], { ignoreExisting: true })
  const plan = makePipeline().plan()
  const partitionCounts = await prepareTopics(plan, admin)
  const settings = pipelineSettings({ commitInterval: '50 ms', idle: 100 }, bounded)
  const { clock } = platform
  const runtime = new PipelineRuntime({
    plan,
    clock,
    logger: silentLogger,
    threads: 1,
    partitionCounts,
    startThread: (index) => {
      const thread = new PipelineThread({
        plan,
        settings,
        cluster,
        clock,
        logger: silentLogger,
        index,
        partitionCounts,
      })
      return {
        done: thread.run(),
        stop: () => thread.stop(),
        drainTo: (ends) => thread.drainTo(ends),
        snapshot: () => thread.snapshot(),
      }
    },
  })
  runtime.start()
  return { cluster, broker, runtime }
}

/** Runs one seed. Throws when a promise of the log or of the pipeline is broken. */
export async function runPipelineSimulation(seed: number): Promise<PipelineRun> {
  const simulation = simulatedPlatform({ seed })
  const { chance } = simulation
  const host = simulation.host('server')
  const acknowledged = new Map<number, Event>()
  const sent = new Map<number, Event>()
  let nextId = 1
  let eventMs = 1_000_000
  const crashes = 1 + (chance.uint32() % 4)
  for (let life = 0; life < crashes; life++) {
    const platform = life === 0 ? host.platform : host.start()
    const running = await simulation.runUntil(startLife(platform, false), { what: 'a start' })
    const producer = createProducer(running.cluster)
    const produce = async (): Promise<void> => {
      for (;;) {
        const event = { id: nextId++, key: KEYS[chance.uint32() % KEYS.length] as string, atMs: eventMs }
        eventMs += chance.uint32() % 900
        sent.set(event.id, event)
        const value = JSON.stringify(event)
        await producer.send({ topic: 'events', key: event.key, value, timestampMs: event.atMs })
        acknowledged.set(event.id, event)
      }
    }
    // Ends with the crash; whatever it waits for then never comes.
    produce().catch(() => {})
    await simulation.advance(1 + (chance.uint32() % 700))
    host.crash(chance.uint32() % 2 === 0 ? 'process' : 'power')
  }
  const last = await simulation.runUntil(startLife(host.start(), true), { what: 'the last start' })
  const admin = createAdmin(last.cluster)
  const drain = async (): Promise<void> => {
    const ends = await admin.listOffsets(last.runtime.inputs(), { at: 'latest' })
    await last.runtime.drainTo(new Map([...ends].map(([name, { offset }]) => [name, offset])), 600_000)
  }
  await simulation.runUntil(drain(), { what: 'the end of the pipeline' })
  const stored = await simulation.runUntil(readAll(last.cluster, 'events'), { what: 'reading the events' })
  const results = await simulation.runUntil(readAll(last.cluster, 'results'), { what: 'reading the results' })
  checkLog(stored, acknowledged, sent)
  const windows = checkResults(stored, results)
  await simulation.runUntil(stopLife(last), { what: 'a stop' })
  return { seed, crashes, acknowledged: acknowledged.size, stored: stored.length, windows }
}

async function stopLife({ runtime, cluster, broker }: Life): Promise<void> {
  await runtime.stop()
  await cluster.close()
  await broker.close()
}

interface Read {
  readonly partition: number
  readonly key: string
  readonly value: Event & { readonly n: number; readonly ids: number }
}

async function readAll(cluster: Cluster, topic: string): Promise<Read[]> {
  const admin = createAdmin(cluster)
  const counts = await admin.partitionCounts()
  const places = Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition }))
  const ends = await admin.listOffsets(places, { at: 'latest' })
  const consumer = createConsumer(cluster, { isolation: 'read_committed', offsetReset: 'earliest' })
  consumer.assign(places.map((place) => ({ ...place, offset: 'earliest' as const })))
  const reads: Read[] = []
  const open = new Map(
    [...ends].filter(([, { offset }]) => offset > 0).map(([name, { offset }]) => [name, offset]),
  )
  const { RecordBatchReader } = await import('../../src/protocol/record-batch/record-batch-reader.ts')
  const reader = new RecordBatchReader()
  while (open.size > 0) {
    for (const { partition, bytes, nextOffset } of await consumer.poll({ maxWaitMs: 100 })) {
      for (let at = 0; at < bytes.length; at = reader.batchEnd) {
        reader.reset(bytes, at)
        while (reader.next()) {
          const key = reader.body.utf8Slice(reader.keyStart, reader.keyEnd)
          const value = JSON.parse(reader.body.utf8Slice(reader.valueStart, reader.valueEnd))
          reads.push({ partition, key, value })
        }
      }
      const name = `${topic}/${partition}`
      if (nextOffset >= (open.get(name) ?? 0)) open.delete(name)
    }
  }
  await consumer.close()
  return reads
}

function checkLog(
  stored: readonly Read[],
  acknowledged: ReadonlyMap<number, Event>,
  sent: ReadonlyMap<number, Event>,
): void {
  const ids = stored.map(({ value }) => value.id)
  const seen = new Set(ids)
  assert.equal(seen.size, ids.length, 'no record is stored twice')
  for (const id of acknowledged.keys()) assert.ok(seen.has(id), `record ${id} was acknowledged and is lost`)
  for (const { value } of stored)
    assert.deepEqual(value, sent.get(value.id), 'a record is stored as it was sent')
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const own = stored.filter((read) => read.partition === partition).map(({ value }) => value.id)
    assert.deepEqual(
      own,
      own.toSorted((a, b) => a - b),
      'records of a partition are in the order in which they were sent',
    )
  }
}

function checkResults(stored: readonly Read[], results: readonly Read[]): number {
  const expected = new Map<string, { n: number; ids: number }>()
  for (const { value } of stored) {
    const windowStartMs = Math.floor(value.atMs / WINDOW_MS) * WINDOW_MS
    const windowEndMs = windowStartMs + WINDOW_MS
    const key = JSON.stringify({ key: `group-${value.key}`, windowStartMs, windowEndMs })
    const row = expected.get(key) ?? { n: 0, ids: 0 }
    expected.set(key, { n: row.n + 1, ids: row.ids + value.id })
  }
  const got = new Map<string, unknown>()
  for (const { key, value } of results) {
    assert.equal(got.has(key), false, `window ${key} has one result`)
    got.set(key, value)
  }
  assert.deepEqual(new Map([...got].toSorted()), new Map([...expected].toSorted()))
  return got.size
}
