/**
 * A second process of a pipeline, on a machine of its own: it is told where the first is, which goes on undisturbed. When
 * the first is gone, its place is free.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Broker } from '../broker/broker.ts'
import { createAdmin } from '../client/admin/admin.ts'
import { Cluster } from '../client/cluster.ts'
import { readJson } from '../client/consumer/read-topic-fixture.ts'
import { createProducer } from '../client/producer/producer.ts'
import { MillraceError } from '../core/errors.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { until } from '../platform/clock.ts'
import type { Platform } from '../platform/platform.ts'
import { type Simulation, simulatedPlatform } from '../platform/simulated/platform.ts'
import { localThreads } from './local-threads.ts'
import { type Delivery, pipelineSettings } from './pipeline-config.ts'
import { PipelineRuntime } from './pipeline-runtime.ts'
import { prepareTopics } from './pipeline-topics.ts'

const PARTITIONS = 4
const LIMITS = { limitMs: 1_800_000, limitEvents: 5_000_000, what: 'the second process' }
const DEADLINE = { timeoutMs: 600_000, intervalMs: 20 }

function sums() {
  const app = pipeline('sums')
  app
    .stream('in', json<number>())
    .groupByKey()
    .reduce((a, b) => a + b)
    .to('out')
  return app.plan()
}

const connect = (platform: Platform): Cluster =>
  new Cluster({ platform, brokers: ['server:9092'], requestTimeoutMs: 5000, connectTimeoutMs: 1000 })

/** Counts the warnings that a thread starts again. */
class Restarts implements Logger {
  count = 0
  readonly debug = silentLogger.debug
  readonly info = silentLogger.info
  readonly error = silentLogger.error

  warn(_fields: unknown, message: string): void {
    if (message === 'thread restarts') this.count++
  }
}

async function startOn(platform: Platform, threads: number, delivery: Delivery = 'exactly-once') {
  const cluster = connect(platform)
  const { clock } = platform
  const plan = sums()
  const logger = new Restarts()
  const partitionCounts = await prepareTopics(plan, createAdmin(cluster))
  const settings = pipelineSettings({ commitInterval: 50, delivery }, false)
  const startThread = localThreads({ plan, settings, cluster, clock, logger, partitionCounts })
  const runtime = new PipelineRuntime({ plan, clock, logger, threads, partitionCounts, startThread })
  runtime.start()
  return {
    runtime,
    restarts: () => logger.count,
    tasks: () => runtime.snapshots().reduce((sum, { tasks }) => sum + tasks.length, 0),
    async stop() {
      await runtime.stop()
      await cluster.close()
    },
  }
}

/** Runs a scenario with a broker, and something that writes ones and waits until they are summed up. */
function scenario(
  play: (stage: {
    readonly simulation: Simulation
    /** Sends a one per key; resolves when the pipeline has given out so many sums as ones were sent so far. */
    readonly sendAndSee: () => Promise<void>
    readonly sums: () => Promise<readonly (readonly [string, number])[]>
  }) => Promise<void>,
): Promise<void> {
  const simulation = simulatedPlatform({ seed: 5 })
  const goal = (async () => {
    const { platform } = simulation.host('server')
    const broker = await Broker.open({ platform, dataDirectory: '/data', logger: silentLogger })
    const address = { host: '127.0.0.1', port: 9092, advertisedHost: 'server', advertisedPort: 9092 }
    await broker.listen({ ...address, insecure: true })
    const watcher = connect(simulation.host('watcher').platform)
    await createAdmin(watcher).createTopics([{ topic: 'in', partitions: PARTITIONS }])
    const producer = createProducer(watcher)
    const all = () => readJson<number>(watcher, 'out')
    let sent = 0
    await play({
      simulation,
      sums: all,
      async sendAndSee() {
        for (let key = 0; key < 10; key++) await producer.send({ topic: 'in', key: `k${key}`, value: '1' })
        sent += 10
        const seen = async () => (await all()).length >= sent
        await until(simulation.clock, seen, { what: `${sent} sums`, ...DEADLINE })
      },
    })
    // Every one was added once.
    assert.equal(Math.max(...(await all()).map(([, sum]) => sum)), sent / 10)
    assert.equal((await all()).length, sent)
    await producer.close()
    await watcher.close()
    await broker.close()
  })()
  return simulation.runUntil(goal, LIMITS)
}

function runsElsewhere(error: unknown): true {
  assert.ok(error instanceof MillraceError)
  assert.equal(error.code, 'MR_PIPELINE_RUNS_ELSEWHERE')
  assert.match(error.message, /pipeline "sums" runs in another process already.*"sums-[01]"/)
  assert.match(String(error.where), /group sums, member /)
  assert.match(String(error.hint), /millrace groups describe sums/)
  return true
}

describe('a second process of a pipeline', () => {
  it('fails by name at its start, and the first goes on without a restart', () =>
    scenario(async ({ simulation, sendAndSee }) => {
      const first = await startOn(simulation.host('one').platform, 2)
      await sendAndSee()
      const second = await startOn(simulation.host('two').platform, 3)
      await assert.rejects(second.runtime.failed, runsElsewhere)
      assert.equal(second.runtime.state, 'failed')
      await second.stop()
      await sendAndSee()
      await until(simulation.clock, () => first.tasks() === PARTITIONS, { what: 'all tasks', ...DEADLINE })
      assert.deepEqual([first.runtime.state, first.restarts(), second.restarts()], ['running', 0, 0])
      await first.stop()
    }))

  it('that starts at the same time leaves one of the two', () =>
    scenario(async ({ simulation, sendAndSee }) => {
      const both = await Promise.all(['one', 'two'].map((name) => startOn(simulation.host(name).platform, 1)))
      const states = () => both.map(({ runtime }) => runtime.state).toSorted()
      const oneFailed = () => states().includes('failed')
      await until(simulation.clock, oneFailed, { what: 'one that fails', ...DEADLINE })
      await sendAndSee()
      assert.deepEqual(states(), ['failed', 'running'])
      const failed = both.find(({ runtime }) => runtime.state === 'failed')
      await assert.rejects(failed!.runtime.failed, runsElsewhere)
      assert.deepEqual(
        both.map(({ restarts }) => restarts()),
        [0, 0],
      )
      for (const one of both) await one.stop()
    }))

  it('takes the place of one that has crashed, and of one that was stopped', () =>
    scenario(async ({ simulation, sendAndSee }) => {
      await startOn(simulation.host('one').platform, 2)
      await sendAndSee()
      simulation.host('one').crash('process')
      const second = await startOn(simulation.host('two').platform, 2)
      await sendAndSee()
      assert.equal(second.runtime.state, 'running')
      await second.stop()
      const third = await startOn(simulation.host('three').platform, 2)
      await sendAndSee()
      assert.deepEqual([third.runtime.state, third.restarts()], ['running', 0])
      await third.stop()
    }))

  it('shares the work where nobody fences anybody: with at-least-once', () =>
    scenario(async ({ simulation, sendAndSee }) => {
      const first = await startOn(simulation.host('one').platform, 1, 'at-least-once')
      await sendAndSee()
      const second = await startOn(simulation.host('two').platform, 1, 'at-least-once')
      const shared = () => first.tasks() === PARTITIONS / 2 && second.tasks() === PARTITIONS / 2
      await until(simulation.clock, shared, { what: 'half of the tasks each', ...DEADLINE })
      await sendAndSee()
      await first.stop()
      await second.stop()
    }))
})
