/**
 * Queries of a running pipeline: a broker and two threads in one simulated process, four partitions, exactly once.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Broker } from '../../broker/broker.ts'
import { createAdmin } from '../../client/admin/admin.ts'
import { Cluster } from '../../client/cluster.ts'
import { createProducer } from '../../client/producer/producer.ts'
import { MillraceError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import { json } from '../../core/serde.ts'
import { pipeline } from '../../dsl/pipeline.ts'
import { keyValueState, output } from '../../dsl/processor.ts'
import { session, tumbling } from '../../dsl/window.ts'
import { count, sum } from '../../operators/aggregator.ts'
import { until } from '../../platform/clock.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { localThreads } from '../local-threads.ts'
import { pipelineSettings } from '../pipeline-config.ts'
import { PipelineRuntime } from '../pipeline-runtime.ts'
import { prepareTopics } from '../pipeline-topics.ts'

const PARTITIONS = 4
const KEYS = 50
const LIMITS = { limitMs: 600_000, limitEvents: 2_000_000 }
const topics = ['bids', 'people', 'prices', 'rates'] as const

function auction() {
  const app = pipeline('auction')
  const bids = app.stream('bids', json<number>())
  bids
    .groupByKey()
    .aggregate({ bids: count(), total: sum((bid) => bid) }, { name: 'per-key' })
    .to('per-key-out')
  bids
    .groupByKey()
    .window(tumbling('10 seconds', { emit: 'update', grace: '1 minute' }))
    .aggregate({ bids: count() }, { name: 'windows' })
    .to('windows-out')
  bids
    .groupByKey()
    .window(session('5 seconds', { emit: 'update', grace: '1 minute' }))
    .aggregate({ bids: count() }, { name: 'sessions' })
    .to('sessions-out')
  app.table('people', json<string>())
  app.table('prices', json<number>(), { history: '1 hour' })
  app.globalTable('rates', json<number>())
  bids.process({
    stores: { seen: keyValueState<number>() },
    outputs: { out: output<number>() },
    create: (context) => ({
      process(record) {
        context.stores.seen.put(`of-${record.key}`, record.value)
      },
    }),
  })
  return app
}

async function fill(cluster: Cluster): Promise<void> {
  const producer = createProducer(cluster)
  const send = (topic: string, key: string, value: unknown, timestampMs: number) =>
    producer.send({ topic, key, value: JSON.stringify(value), timestampMs })
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < KEYS; at++) await send('bids', `k${at}`, at, 1_000_000 + round * 8000)
  }
  for (let at = 0; at < KEYS; at++) await send('people', `p${at}`, `name-${at}`, 1_000_000 + at)
  for (const [price, atMs] of [
    [5, 1_000_000],
    [7, 1_005_000],
  ] as const)
    await send('prices', 'oil', price, atMs)
  await send('rates', 'EUR', 2, 1_000_000)
  await producer.close()
}

const failsWith = (code: string, hint?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MillraceError)
  assert.equal(error.code, code)
  if (hint !== undefined) assert.match(error.hint ?? '', hint)
  return true
}

interface Held {
  readonly runtime: PipelineRuntime
  readonly cluster: Cluster
  readonly clock: ReturnType<typeof simulatedPlatform>['clock']
}

/** Runs the pipeline, and lets a test look at it before it is stopped. */
async function held(look: (at: Held) => Promise<void>): Promise<void> {
  const simulation = simulatedPlatform({ seed: 11 })
  const logger = silentLogger
  const { clock } = simulation
  const goal = (async () => {
    const broker = await Broker.open({ platform: simulation, dataDirectory: '/data', logger })
    const cluster = new Cluster({ platform: simulation, logger, connect: () => broker.connect() })
    const admin = createAdmin(cluster)
    await admin.createTopics(topics.map((topic) => ({ topic, partitions: PARTITIONS })))
    await fill(cluster)
    const plan = auction().plan()
    const partitionCounts = await prepareTopics(plan, admin)
    const settings = pipelineSettings({ commitInterval: '50 ms', idle: 100, delivery: 'exactly-once' }, false)
    const startThread = localThreads({ plan, settings, cluster, clock, logger, partitionCounts })
    const runtime = new PipelineRuntime({ plan, clock, logger, threads: 2, partitionCounts, startThread })
    await assert.rejects(runtime.store('people').get('p1'), failsWith('MR_STORE_MOVING'))
    runtime.start()
    await look({ runtime, cluster, clock })
    await runtime.stop()
    await assert.rejects(runtime.store('people').get('p1'), failsWith('MR_STORE_MOVING'))
    await cluster.close()
    await broker.close()
  })()
  await simulation.runUntil(goal, { ...LIMITS, what: 'the queries' })
}

/** Until all that was written is in the state and committed. */
async function caughtUp({ runtime, clock }: Held, store: string, records: number): Promise<void> {
  const there = async (): Promise<boolean> => {
    try {
      const { position, committed } = await runtime.store(store).all()
      const topic = position[0]?.topic
      const total = position.reduce((sum, at) => sum + (at.topic === topic ? at.offset : 0), 0)
      return committed && total >= records
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'MR_STORE_MOVING') return false
      throw error
    }
  }
  await until(clock, there, { what: `state of ${store}`, timeoutMs: 120_000, intervalMs: 20 })
}

describe('queries of a running pipeline', () => {
  it('find keys, ranges, prefixes, windows, sessions and versions in the tasks of two threads', async () => {
    await held(async (at) => {
      const { runtime } = at
      await caughtUp(at, 'per-key', 3 * KEYS)
      await caughtUp(at, 'people', KEYS)
      await caughtUp(at, 'prices', 2)
      const perKey = runtime.store<string, { bids: number; total: number }>('per-key')
      const found = await perKey.get('k7')
      assert.deepEqual(found.value, { bids: 3, total: 21 })
      assert.equal(found.timestampMs, 1_016_000)
      // Only the task of the key's partition was asked.
      assert.equal(new Set(found.position.map(({ partition }) => partition)).size, 1)
      assert.equal((await perKey.get('nobody')).value, undefined)

      const people = runtime.store<string, string>('people')
      const ranged = await people.range('p10', 'p12')
      assert.deepEqual(
        ranged.rows.map(({ key, value }) => [key, value]),
        [
          ['p10', 'name-10'],
          ['p11', 'name-11'],
          ['p12', 'name-12'],
        ],
      )
      assert.equal(ranged.position.length, PARTITIONS)
      const prefixed = await people.prefix('p4')
      assert.deepEqual(prefixed.rows.map(({ key }) => key).length, 11)
      assert.equal(prefixed.cursor, undefined)

      const windows = runtime.store<string, { bids: number }>('windows')
      assert.deepEqual((await windows.window('k3', 1_000_000, 1_010_000)).rows, [
        { key: 'k3', value: { bids: 2 }, windowStartMs: 1_000_000, windowEndMs: 1_010_000 },
        { key: 'k3', value: { bids: 1 }, windowStartMs: 1_010_000, windowEndMs: 1_020_000 },
      ])
      assert.equal((await windows.window('k3', 1_000_001, 1_009_999)).rows.length, 0)

      const sessions = runtime.store<string, { bids: number }>('sessions')
      const all = (await sessions.session('k3')).rows
      assert.deepEqual(
        all.map(({ windowStartMs, windowEndMs }) => [windowStartMs, windowEndMs]),
        [1_000_000, 1_008_000, 1_016_000].map((atMs) => [atMs, atMs]),
      )
      assert.deepEqual((await sessions.session('k3', 1_001_000, 1_008_000)).rows, [all[1]])

      const prices = runtime.store<string, number>('prices')
      assert.equal((await prices.asOf('oil', 1_004_999)).value, 5)
      assert.equal((await prices.asOf('oil', 1_005_000)).value, 7)
      assert.equal((await prices.asOf('oil', 999_999)).value, undefined)
      assert.equal((await prices.get('oil')).timestampMs, 1_005_000)

      // A global table goes by no time; and where every task has all of it, it comes once.
      const there = async (): Promise<boolean> => (await runtime.store('rates').get('EUR')).value === 2
      await until(at.clock, there, { what: 'the rates', timeoutMs: 120_000, intervalMs: 20 })
      const rates = await runtime.store('rates').all()
      assert.deepEqual(rates.rows, [{ key: 'EUR', value: 2, timestampMs: 0 }])
      // A processor's keys are its own, in the tasks of the records' keys.
      assert.equal((await runtime.store('bids-process-seen').get('of-k9')).value, 9)
    })
  })

  it('come page by page, each row once', async () => {
    await held(async (at) => {
      await caughtUp(at, 'per-key', 3 * KEYS)
      const perKey = at.runtime.store<string, { bids: number }>('per-key')
      const keys: string[] = []
      let cursor: string | undefined
      let pages = 0
      do {
        const page = await perKey.all({ limit: 7, cursor })
        assert.ok(page.rows.length <= 7)
        keys.push(...page.rows.map(({ key }) => key))
        cursor = page.cursor
        pages++
      } while (cursor !== undefined)
      assert.equal(pages, 8)
      assert.deepEqual(keys, Array.from({ length: KEYS }, (_, n) => `k${n}`).sort())
      const row = (await perKey.range('k1', 'k1')).rows[0]
      assert.ok(row !== undefined)
      // What is given out is a copy.
      ;(row.value as { bids: number }).bids = 99
      assert.equal((await perKey.get('k1')).value?.bids, 3)
    })
  })

  it('say what is wrong with them', async () => {
    await held(async (at) => {
      await caughtUp(at, 'people', KEYS)
      const { runtime } = at
      assert.throws(() => runtime.store('peple'), failsWith('MR_STORE_UNKNOWN', /"people"/))
      const people = runtime.store<unknown>('people')
      const windowed = async (): Promise<unknown> => people.window('p1', 0, 1)
      await assert.rejects(windowed, failsWith('MR_STORE_KIND', /get\(key\)/))
      const keyed = async (): Promise<unknown> => runtime.store('windows').get('k1')
      await assert.rejects(keyed, failsWith('MR_STORE_KIND', /window\(key/))
      const timed = async (): Promise<unknown> => people.asOf('p1', 5)
      await assert.rejects(timed, failsWith('MR_STORE_KIND'))
      await assert.rejects(people.get(undefined), failsWith('MR_QUERY_INVALID'))
      await assert.rejects(people.all({ limit: 0 }), failsWith('MR_QUERY_INVALID', /10000/))
      await assert.rejects(people.all({ cursor: 'nonsense' }), failsWith('MR_QUERY_INVALID', /as it is/))
      assert.deepEqual(
        runtime.stores.list().find(({ table }) => table === 'people'),
        {
          name: 'people-table',
          pipeline: 'auction',
          kind: 'key-value',
          key: 'string',
          tasks: PARTITIONS,
          table: 'people',
        },
      )
    })
  })
})
