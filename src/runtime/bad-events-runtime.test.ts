/**
 * Bad events of a running pipeline at every stage, by every rule: a broker that refuses what its topics do not take, in one
 * simulated process.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Broker } from '../broker/broker.ts'
import { createAdmin } from '../client/admin/admin.ts'
import { Cluster } from '../client/cluster.ts'
import { readTopic } from '../client/consumer/read-topic-fixture.ts'
import { createProducer } from '../client/producer/producer.ts'
import { isMillraceError } from '../core/errors.ts'
import { silentLogger } from '../core/logger.ts'
import type { StoredRecord } from '../core/record.ts'
import { json } from '../core/serde.ts'
import { type Pipeline, pipeline } from '../dsl/pipeline.ts'
import { collect } from '../operators/aggregator.ts'
import type { InvalidPolicy } from '../plan/graph.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { localThreads } from './local-threads.ts'
import { pipelineSettings } from './pipeline-config.ts'
import { PipelineRuntime } from './pipeline-runtime.ts'
import { prepareTopics } from './pipeline-topics.ts'

const logger = silentLogger
const LIMITS = { limitMs: 600_000, limitEvents: 2_000_000, what: 'the end of the input' }
const SMALL_BYTES = 2000
const HOUR_MS = 3_600_000

interface Event {
  readonly id: number
  readonly does?: string
  readonly atMs?: number
}

interface Sent {
  readonly key?: string | null
  readonly value: string | Buffer
  readonly timestampMs?: number
}

interface Run {
  readonly error: unknown
  readonly topics: Readonly<Record<string, readonly StoredRecord[]>>
}

/** Runs a pipeline to the end of what was sent to `in`; `error` is what it stopped with. */
async function runOn(
  app: Pipeline,
  sent: readonly Sent[],
  { topics, read }: { topics: Readonly<Record<string, Record<string, string>>>; read: readonly string[] },
): Promise<Run> {
  const simulation = simulatedPlatform({ seed: 5 })
  const { clock } = simulation
  const goal = (async (): Promise<Run> => {
    const broker = await Broker.open({ platform: simulation, dataDirectory: '/data', logger })
    const cluster = new Cluster({ platform: simulation, logger, connect: () => broker.connect() })
    const admin = createAdmin(cluster)
    await admin.createTopics(
      Object.entries(topics).map(([topic, configs]) => ({ topic, partitions: 1, configs })),
    )
    const producer = createProducer(cluster)
    const headers = [{ key: 'own', value: Buffer.from([0, 255]) }]
    for (const { key = 'k', ...record } of sent) await producer.send({ topic: 'in', key, headers, ...record })
    const plan = app.plan()
    const partitionCounts = await prepareTopics(plan, admin)
    const settings = pipelineSettings({ commitInterval: '50 ms' }, true)
    const startThread = localThreads({ plan, settings, cluster, clock, logger, partitionCounts })
    const runtime = new PipelineRuntime({ plan, clock, logger, threads: 1, partitionCounts, startThread })
    runtime.start()
    const error = await runtime.drainTo(new Map([['in/0', sent.length]]), 300_000).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    await runtime.stop()
    const lists = await Promise.all(
      read.map(async (topic) => [topic, await readTopic(cluster, topic)] as const),
    )
    await producer.close()
    await cluster.close()
    await broker.close()
    return { error, topics: Object.fromEntries(lists) }
  })()
  return simulation.runUntil(goal, LIMITS)
}

const nowMs = simulatedPlatform({ seed: 5 }).clock.nowMs()

/** One bad event of each kind, what stops a pipeline that is told to fail, and the stage. */
const bad: readonly (readonly [kind: string, sent: Sent, stage: string, exception: string, code: string])[] =
  [
    [
      'bytes that are no event',
      { value: Buffer.from([1, 255]) },
      'deserialise',
      'MR_RECORD_INVALID',
      'MR_RECORD_INVALID',
    ],
    ['a function that throws', event({ does: 'throw' }), 'process', 'RangeError', 'MR_FUNCTION_FAILED'],
    ['a result without bytes', event({ does: 'no-json' }), 'produce', 'TypeError', 'MR_RECORD_INVALID'],
    [
      'a result that is too large',
      event({ does: 'grow' }),
      'produce',
      'MR_RECORD_TOO_LARGE',
      'MR_RECORD_TOO_LARGE',
    ],
    [
      'a time that is far ahead',
      event({ atMs: nowMs + 9 * HOUR_MS }),
      'produce',
      'MR_RECORD_INVALID',
      'MR_RECORD_INVALID',
    ],
    ['a time before 1970', event({ atMs: -5 }), 'deserialise', 'MR_RECORD_INVALID', 'MR_RECORD_INVALID'],
    ['a time that is far behind', event({ atMs: 1 }), 'produce', 'MR_RECORD_INVALID', 'MR_RECORD_INVALID'],
    [
      'a compacted topic and no key',
      { ...event({}), key: null },
      'produce',
      'MR_RECORD_INVALID',
      'MR_RECORD_INVALID',
    ],
  ]

function event(fields: Omit<Event, 'id'>): Sent {
  return { value: JSON.stringify({ id: 1, ...fields }) }
}

function app(onInvalid: InvalidPolicy): Pipeline {
  const shop = pipeline('shop')
  const values = shop
    .stream('in', json<Event>(), { onInvalid, eventTime: ({ atMs = nowMs }) => atMs })
    .mapValues(({ id, does }): unknown => {
      if (does === 'throw') throw new RangeError('no')
      return { id, more: does === 'grow' ? 'x'.repeat(SMALL_BYTES) : does === 'no-json' ? 5n : '' }
    })
  values.to('latest')
  return shop
}

const topics = {
  in: { 'message.timestamp.after.max.ms': String(99 * HOUR_MS) },
  latest: {
    'cleanup.policy': 'compact',
    'message.timestamp.before.max.ms': String(HOUR_MS),
    'max.message.bytes': String(SMALL_BYTES),
  },
}
const read = ['latest', 'shop-dead-letters']
const last: Sent = { value: '{"id":2}' }
const textOf = (record: StoredRecord, name: string): string | undefined =>
  record.headers.find(({ key }) => key === name)?.value?.toString()

for (const [kind, sent, stage, exception, code] of bad) {
  describe(`${kind}, which is found out when it is to ${stage}`, () => {
    it('goes to the dead letters as it was, and the others go on', async () => {
      const run = await runOn(app('dead-letter'), [sent, last], { topics, read })
      assert.equal(run.error, undefined)
      assert.deepEqual(
        run.topics['latest']!.map(({ value }) => JSON.parse(String(value)).id),
        [2],
      )
      const [letter, ...more] = run.topics['shop-dead-letters']!
      assert.equal(more.length, 0)
      assert.deepEqual(letter?.value, Buffer.from(sent.value))
      assert.deepEqual(letter?.key, sent.key === null ? null : Buffer.from('k'))
      assert.deepEqual(letter?.headers[0], { key: 'own', value: Buffer.from([0, 255]) })
      assert.deepEqual(
        ['mr-stage', '__streams.errors.exception', '__streams.errors.topic', '__streams.errors.offset'].map(
          (name) => textOf(letter!, name),
        ),
        [stage, exception, 'in', '0'],
      )
    })

    it('is passed over', async () => {
      const run = await runOn(app('skip'), [sent, last], { topics, read })
      assert.equal(run.error, undefined)
      assert.deepEqual([run.topics['latest']!.length, run.topics['shop-dead-letters']!.length], [1, 0])
    })

    it('stops the pipeline, which says where', async () => {
      const run = await runOn(app('fail'), [sent, last], { topics, read })
      assert.ok(isMillraceError(run.error), String(run.error))
      assert.deepEqual([run.error.code, run.error.where], [code, 'in/0@0'])
      assert.deepEqual([run.topics['latest']!.length, run.topics['shop-dead-letters']!.length], [0, 0])
    })
  })
}

describe('what topics take', () => {
  it('is kept to with many small records, and with one that is just as large as a batch may be', async () => {
    const shop = pipeline('shop')
    shop.stream('in', json<string>()).to('small')
    const sent = Array.from({ length: 50 }, (_, n) => ({
      value: JSON.stringify(`${n} ${'x'.repeat(n * 40)}`),
    }))
    const run = await runOn(shop, sent, {
      topics: { in: {}, small: { 'max.message.bytes': String(SMALL_BYTES) } },
      read: ['small', 'shop-dead-letters'],
    })
    assert.equal(run.error, undefined)
    const out = run.topics['small']!.map(({ value }) => value!.length)
    const letters = run.topics['shop-dead-letters']!.map(({ value }) => value!.length)
    assert.equal(out.length + letters.length, sent.length)
    // 61 bytes of the batch, some of the record, 8 of its header.
    assert.ok(Math.max(...out) < Math.min(...letters))
    assert.ok(Math.min(...letters) > SMALL_BYTES - 100, String(letters))
  })

  it('is more in topics of the pipeline itself than in those that it reads', async () => {
    const shop = pipeline('shop')
    const all = shop.stream('in', json<{ text: string; shop: string }>(), {
      eventTime: () => nowMs + 9 * HOUR_MS,
    })
    all
      .groupBy(({ shop }) => shop)
      .aggregate({ texts: collect(({ text }) => text) }, { name: 'texts' })
      .mapValues(({ texts }) => texts.length)
      .to('lengths')
    const text = 'x'.repeat(1_048_588 - 200)
    const run = await runOn(
      shop,
      [1, 2, 3].map(() => ({ value: JSON.stringify({ text, shop: 's' }) })),
      {
        topics: { in: {} },
        read: ['shop-texts-changelog', 'shop-dead-letters'],
      },
    )
    assert.equal(run.error, undefined)
    assert.ok(run.topics['shop-texts-changelog']!.some(({ value }) => (value?.length ?? 0) > 3_000_000))
    // The result topic is the user's, and takes no time so far ahead.
    assert.deepEqual(
      run.topics['shop-dead-letters']!.map((letter) => textOf(letter, 'mr-stage')),
      ['produce', 'produce', 'produce'],
    )
  })

  it('of a dead letter is a record with its headers more', async () => {
    const shop = pipeline('shop')
    shop
      .stream('in', json<string>())
      .mapValues((text) => {
        throw new RangeError(`${text.length} letters`)
      })
      .to('out')
    const value = JSON.stringify('x'.repeat(1_048_588 - 100))
    const run = await runOn(shop, [{ value }], { topics: { in: {} }, read: ['shop-dead-letters'] })
    assert.equal(run.error, undefined)
    assert.equal(String(run.topics['shop-dead-letters']![0]?.value), value)
  })
})
