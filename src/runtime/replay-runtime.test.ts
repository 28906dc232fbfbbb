/**
 * A replay by a running pipeline: the broker of this process, three threads, 1, 2 and 8 partitions that are read evenly or
 * at wildly uneven speed, from the oldest record. Compared with a naive model.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Broker } from '../broker/broker.ts'
import { createAdmin } from '../client/admin/admin.ts'
import { Cluster } from '../client/cluster.ts'
import { createProducer } from '../client/producer/producer.ts'
import { silentLogger } from '../core/logger.ts'
import { sleep } from '../platform/clock.ts'
import { type Simulation, simulatedPlatform } from '../platform/simulated/platform.ts'
import { fetch } from '../protocol/apis/fetch.ts'
import type { Connection } from '../protocol/connection.ts'
import { batchSizeBytes } from '../protocol/record-batch/layout.ts'
import type { ResponseOf } from '../protocol/schema/message.ts'
import { recordFixture } from '../testing/fixture/record-fixture.ts'
import { localThreads } from './local-threads.ts'
import { pipelineSettings } from './pipeline-config.ts'
import { PipelineRuntime } from './pipeline-runtime.ts'
import { prepareTopics } from './pipeline-topics.ts'
import {
  comparable,
  expectedResults,
  lateTopic,
  type ReplayEvents,
  replayEvents,
  replayPipeline,
  resultTopics,
} from './replay-fixture.ts'

const LIMITS = { limitMs: 3_600_000, limitEvents: 10_000_000 }
const DRAIN_MS = 1_800_000
const THREADS = 3
const logger = silentLogger

/** How many fetches of a partition find nothing, for one that finds a batch. */
const WAITS = [0, 0, 2, 8, 30]
/** A wait between two batches is many times what counts as silence. */
const FETCH_MS = 20

type FetchAnswer = ResponseOf<typeof fetch>

/**
 * A connection over which some partitions come at once, as much as there is, and others a batch at a time with long
 * waits between: for a partition of a user's topic and for one that the pipeline made for itself.
 */
class UnevenConnection implements Connection {
  private readonly inner: Connection
  private readonly simulation: Simulation
  private readonly waits: Map<string, { readonly between: number; left: number }>
  /** Whose turn of `WAITS` the first partition gets. */
  private readonly first: number

  constructor(
    inner: Connection,
    simulation: Simulation,
    waits: Map<string, { readonly between: number; left: number }>,
    first: number,
  ) {
    this.inner = inner
    this.simulation = simulation
    this.waits = waits
    this.first = first
  }

  get closed(): boolean {
    return this.inner.closed
  }

  close(): Promise<void> {
    return this.inner.close()
  }

  send: Connection['send'] = async (api, request, options) => {
    const answer = await this.inner.send(api, request, options)
    if (api.key !== fetch.key) return answer
    await sleep(this.simulation.clock, FETCH_MS)
    return this.slowed(answer as unknown as FetchAnswer) as unknown as typeof answer
  }

  private slowed(answer: FetchAnswer): FetchAnswer {
    const responses = answer.responses.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((one) => {
        const place = `${topic.topic} ${topic.topicId.toString('hex')} ${one.partitionIndex}`
        return { ...one, records: this.some(place, one.records) }
      }),
    }))
    return { ...answer, responses }
  }

  private some(place: string, records: Buffer | null): Buffer | null {
    if (records === null || records.length === 0) return records
    let wait = this.waits.get(place)
    if (wait === undefined) {
      const between = WAITS[(this.first + 3 * this.waits.size) % WAITS.length]!
      wait = { between, left: between }
      this.waits.set(place, wait)
    }
    if (wait.between === 0) return records
    if (wait.left-- > 0) return records.subarray(0, 0)
    wait.left = wait.between
    return records.subarray(0, batchSizeBytes(records, 0))
  }
}

async function fill(cluster: Cluster, partitions: number, all: ReplayEvents): Promise<void> {
  const topics = (['events', 'others'] as const).map((topic) => ({ topic, partitions }))
  await createAdmin(cluster).createTopics(topics)
  const producer = createProducer(cluster)
  for (const { topic } of topics) {
    for (const event of all[topic]) {
      const { key, atMs } = event
      await producer.send({ topic, key, value: JSON.stringify(event), timestampMs: atMs })
    }
  }
  await producer.close()
}

interface How {
  readonly partitions: number
  readonly uneven: boolean
  /** What has been silent for a while is not waited for. */
  readonly live: boolean
  readonly seed: number
}

/** What the result topics and that of late records hold in the end, as `key value @time`. */
async function replay(all: ReplayEvents, { partitions, uneven, live, seed }: How) {
  const simulation = simulatedPlatform({ seed })
  const { clock } = simulation
  const goal = (async () => {
    const broker = await Broker.open({ platform: simulation, dataDirectory: '/data', logger })
    const plainly = new Cluster({ platform: simulation, logger, connect: () => broker.connect() })
    await fill(plainly, partitions, all)
    const waits = new Map<string, { readonly between: number; left: number }>()
    const connect = () =>
      uneven ? new UnevenConnection(broker.connect(), simulation, waits, seed) : broker.connect()
    const cluster = new Cluster({ platform: simulation, logger, connect })
    const plan = replayPipeline().plan()
    const partitionCounts = await prepareTopics(plan, createAdmin(plainly))
    const settings = pipelineSettings({ commitInterval: 50, idle: 100, delivery: 'exactly-once' }, !live)
    const startThread = localThreads({ plan, settings, cluster, clock, logger, partitionCounts })
    const runtime = new PipelineRuntime({
      plan,
      clock,
      logger,
      threads: THREADS,
      partitionCounts,
      startThread,
    })
    runtime.start()
    const ends = await createAdmin(plainly).listOffsets(runtime.inputs(), { at: 'latest' })
    await runtime.drainTo(new Map([...ends].map(([name, { offset }]) => [name, offset])), DRAIN_MS)
    await runtime.stop()
    const texts: Record<string, string[]> = {}
    for (const topic of [...resultTopics, lateTopic]) {
      const slice = { topic, recordsMax: Number.MAX_SAFE_INTEGER }
      const records = await recordFixture({ cluster: plainly }, slice)
      texts[topic] = records.map(({ key, value, timestampMs }) => `${key} ${value} @${timestampMs}`)
    }
    await cluster.close()
    await plainly.close()
    await broker.close()
    return { texts, slowest: Math.max(0, ...[...waits.values()].map(({ between }) => between)) }
  })()
  return simulation.runUntil(goal, { ...LIMITS, what: 'the end of the replay' })
}

describe('a replay by a running pipeline', () => {
  const arbitrary = fc.record({ events: replayEvents(120, 120), others: replayEvents(60, 60) })
  const all: ReplayEvents = fc.sample(arbitrary, { seed: 4, numRuns: 1 })[0]!
  const expected = expectedResults(all)

  for (const partitions of [1, 2, 8]) {
    for (const uneven of [false, true]) {
      for (const live of [false, true]) {
        const how = `${partitions} partitions, ${uneven ? 'wildly uneven' : 'even'}, ${live ? 'live' : 'bounded'}`
        it(`gives the windows of a naive model and no late record: ${how}`, async () => {
          const { texts, slowest } = await replay(all, { partitions, uneven, live, seed: live ? 2 : 1 })
          for (const topic of resultTopics) {
            assert.ok(expected[topic].length > 10, 'there is something to compare')
            assert.deepEqual(comparable(texts[topic]!), comparable(expected[topic]), topic)
          }
          assert.deepEqual(texts[lateTopic], [])
          if (uneven) assert.equal(slowest, WAITS.at(-1), 'some partition is read far behind the others')
        })
      }
    }
  }
})
