/**
 * A running pipeline that asks something outside: a broker on one simulated machine, two threads on another that crashes
 * again and again while calls are under way, four partitions, exactly once. Two keys are parked, one until what is outside
 * is mended, one until somebody decides.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Broker } from '../broker/broker.ts'
import { createAdmin } from '../client/admin/admin.ts'
import { Cluster } from '../client/cluster.ts'
import { readJson } from '../client/consumer/read-topic-fixture.ts'
import { createProducer } from '../client/producer/producer.ts'
import type { MillraceError } from '../core/errors.ts'
import { silentLogger } from '../core/logger.ts'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { tumbling } from '../dsl/window.ts'
import { count } from '../operators/aggregator.ts'
import type { ParkedKey } from '../operators/operator.ts'
import { type Clock, sleep, until } from '../platform/clock.ts'
import type { Platform } from '../platform/platform.ts'
import { randomInt } from '../platform/random.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { localThreads } from './local-threads.ts'
import { pipelineSettings } from './pipeline-config.ts'
import { PipelineRuntime } from './pipeline-runtime.ts'
import { prepareTopics } from './pipeline-topics.ts'

const PARTITIONS = 4
const RECORDS = 400
const KEYS = 20
const CRASHES = 4
const PORT = 9092
const LIMITS = { limitMs: 1_800_000, limitEvents: 5_000_000, what: 'the answers' }
const logger = silentLogger

/** What the pipeline asks: slow, unreliable, and unable to answer for some records of two keys. */
class Outside {
  calls = 0
  mended = false
  private readonly chance: () => number

  /** `chance` gives whole numbers from 0 to 99. */
  constructor(chance: () => number) {
    this.chance = chance
  }

  async ask(clock: Clock, n: number, signal: AbortSignal): Promise<number> {
    this.calls++
    await sleep(clock, 1 + this.chance(), signal)
    if (n === 103 && !this.mended) throw new Error('not yet')
    if (n === 105) throw new Error('never')
    if (this.chance() < 3) throw new Error('by chance')
    return n
  }
}

function asking(outside: Outside, clock: Clock) {
  const app = pipeline('app')
  const answered = app
    .stream('in', json<number>())
    .mapAsync((n, _key, { signal }) => outside.ask(clock, n, signal), {
      name: 'asked',
      order: 'per-key',
      concurrency: 5,
      timeout: '10 seconds',
      retry: { attempts: 6, backoff: '20 ms' },
      onFailure: 'park',
      park: { retry: '1 second' },
    })
  answered.to('out')
  answered
    .groupByKey()
    .window(tumbling('1 second', { grace: '1 day' }))
    .aggregate({ n: count() }, { name: 'counted' })
    .to('counts')
  return app
}

function connect(platform: Platform): Cluster {
  return new Cluster({
    platform,
    logger,
    brokers: [`server:${PORT}`],
    requestTimeoutMs: 5000,
    connectTimeoutMs: 1000,
  })
}

async function start(platform: Platform, outside: Outside) {
  const cluster = connect(platform)
  const { clock } = platform
  const plan = asking(outside, clock).plan()
  const partitionCounts = await prepareTopics(plan, createAdmin(cluster))
  const settings = pipelineSettings({ commitInterval: '50 ms', delivery: 'exactly-once' }, true)
  const startThread = localThreads({ plan, settings, cluster, clock, logger, partitionCounts })
  const runtime = new PipelineRuntime({ plan, clock, logger, threads: 2, partitionCounts, startThread })
  runtime.start()
  return { cluster, runtime }
}

/** Keys whose records wait, as soon as all tasks can be asked and they are as they should be. */
async function parkedWhen(
  runtime: PipelineRuntime,
  clock: Clock,
  what: string,
  holds: (keys: readonly ParkedKey[]) => boolean,
): Promise<readonly ParkedKey[]> {
  for (const endMs = clock.monotonicMs() + 600_000; clock.monotonicMs() < endMs; await sleep(clock, 50)) {
    const listed = await runtime.parked.list().catch((error: MillraceError) => {
      if (error.code !== 'MR_STORE_MOVING') throw error
    })
    if (listed && holds(listed.keys)) return listed.keys
  }
  return assert.fail(what)
}

async function fill(cluster: Cluster): Promise<void> {
  await createAdmin(cluster).createTopics([{ topic: 'in', partitions: PARTITIONS }])
  const producer = createProducer(cluster)
  for (let n = 0; n < RECORDS; n++)
    await producer.send({ topic: 'in', key: `k${n % KEYS}`, value: `${n}`, timestampMs: 1_000_000 + n * 10 })
  await producer.close()
}

/** Every record once and in the order of its key; the one that nobody can answer is a dead letter. */
async function check(cluster: Cluster): Promise<void> {
  const out = await readJson<number>(cluster, 'out')
  for (let k = 0; k < KEYS; k++) {
    const own = out.filter(([key]) => key === `k${k}`).map(([, n]) => n)
    const expected = Array.from({ length: RECORDS / KEYS }, (_, at) => at * KEYS + k)
    assert.deepEqual(
      own,
      expected.filter((n) => n !== 105),
      `k${k}`,
    )
  }
  const letters = await readJson<number>(cluster, 'app-dead-letters')
  assert.deepEqual(letters, [['k5', 105]])
  const counts = await readJson<{ n: number }>(cluster, 'counts')
  const sum = counts.reduce((total, [, { n }]) => total + n, 0)
  assert.equal(sum, RECORDS - 1, 'every answer was counted once')
}

describe('a running pipeline that asks something outside', () => {
  it('counts each answer once and keeps the order per key through crashes, also of parked keys', async () => {
    const simulation = simulatedPlatform({ seed: 11 })
    const worker = simulation.host('worker')
    const outside = new Outside(() => randomInt(simulation.chance, 100))
    const goal = (async () => {
      const broker = await Broker.open({
        platform: simulation.host('server').platform,
        dataDirectory: '/data',
        logger,
      })
      const host = { host: '127.0.0.1', advertisedHost: 'server' }
      await broker.listen({ ...host, port: PORT, advertisedPort: PORT, insecure: true })
      const watcher = connect(simulation.host('watcher').platform)
      await fill(watcher)
      for (let crash = 0; crash < CRASHES; crash++) {
        const { runtime } = await start(worker.platform, outside)
        const calls = outside.calls
        const asked = () => outside.calls >= calls + 30
        await until(simulation.clock, asked, { what: `calls before crash ${crash}`, timeoutMs: 300_000 })
        assert.equal(runtime.state, 'running')
        worker.crash('process')
        worker.start()
      }
      const { cluster, runtime } = await start(worker.platform, outside)
      const both = (keys: readonly ParkedKey[]) =>
        ['k3', 'k5'].every((wanted) => keys.some(({ key }) => key === wanted))
      const k5 = (await parkedWhen(runtime, simulation.clock, 'two parked keys', both)).find(
        ({ key }) => key === 'k5',
      )
      assert.equal(k5?.error.message, 'never')
      outside.mended = true
      const decided = await runtime.parked.decide({ operator: 'asked', key: 'k5', decision: 'dead-letter' })
      assert.equal(decided, 1)
      await parkedWhen(runtime, simulation.clock, 'the end of parking', (keys) => keys.length === 0)
      const ends = await createAdmin(cluster).listOffsets(runtime.inputs(), { at: 'latest' })
      await runtime.drainTo(new Map([...ends].map(([name, { offset }]) => [name, offset])), 600_000)
      await check(watcher)
      await runtime.stop()
      await cluster.close()
      await watcher.close()
      await broker.close()
    })()
    await simulation.runUntil(goal, LIMITS)
  })
})
