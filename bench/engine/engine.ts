/**
 * The engine from log to log: a broker in a directory of its own, the shared event file loaded into a topic, and a
 * pipeline over it, exactly once, to the end.
 *
 *   q0     bids passed through, parsed and written again
 *   count  bids of at least 10,000 by auction, tumbling 10 s of event time: how many, and their sum
 *
 * Options: --events FILE (JSON lines of the shared generator), --passes K (3), --threads N,… (1,2: one run after the
 * other), --partitions N (as many as threads), --delivery exactly-once|at-least-once. Loading is not timed. The first pass is cold, the others run in the same process again from the first record.
 */
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { Broker } from '../../src/broker/broker.ts'
import { type Admin, createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { createProducer } from '../../src/client/producer/producer.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { nodeThreads } from '../../src/platform/node/threads.ts'
import { RecordBatchBuilder } from '../../src/protocol/record-batch/record-batch-builder.ts'
import { localThreads } from '../../src/runtime/local-threads.ts'
import { type Delivery, pipelineSettings } from '../../src/runtime/pipeline-config.ts'
import { PipelineRuntime } from '../../src/runtime/pipeline-runtime.ts'
import { prepareTopics } from '../../src/runtime/pipeline-topics.ts'
import { startWorkerThread } from '../../src/server/instance/worker-thread.ts'
import { measurePass, type PassResult, printSummary } from '../measuring/pass.ts'
import { enginePipeline } from './pipelines.ts'

const BATCH_BYTES = 64 * 1024

export type EngineJob = 'q0' | 'count'

interface Options {
  readonly job: EngineJob
  readonly file: string
  readonly passes: number
  readonly threads: number
  readonly partitions: number
  readonly delivery: Delivery
}

function readOptions(job: EngineJob): readonly Options[] {
  const { values } = parseArgs({
    options: {
      events: { type: 'string' },
      passes: { type: 'string', default: '3' },
      threads: { type: 'string', default: '1,2' },
      partitions: { type: 'string' },
      delivery: { type: 'string', default: 'exactly-once' },
    },
  })
  if (values.events === undefined || !existsSync(values.events))
    throw new Error('--events names the file of events')
  const { events: file, passes } = values
  const delivery = values.delivery === 'at-least-once' ? 'at-least-once' : 'exactly-once'
  return values.threads.split(',').map((text) => {
    const threads = Number(text)
    const partitions = Number(values.partitions ?? threads)
    return { job, file, passes: Number(passes), threads, partitions, delivery }
  })
}

/** Writes every line of the file to the topic, round robin over its partitions; gives their number. */
async function load(cluster: Cluster, options: Options): Promise<number> {
  const producer = createProducer(cluster)
  const batches = Array.from({ length: options.partitions }, () => new RecordBatchBuilder())
  let count = 0
  for await (const line of createInterface({ input: createReadStream(options.file) })) {
    const partition = count % options.partitions
    const batch = batches[partition] as RecordBatchBuilder
    batch.append(Number(/"dateTime":(\d+)/.exec(line)?.[1]), null, Buffer.from(line, 'latin1'))
    if (batch.sizeBytes >= BATCH_BYTES) {
      void producer.sendBatch('events', partition, batch)
      batches[partition] = new RecordBatchBuilder()
      await producer.room()
    }
    count++
  }
  batches.forEach((batch, partition) => {
    if (!batch.isEmpty) void producer.sendBatch('events', partition, batch)
  })
  await producer.flush()
  await producer.close()
  return count
}

interface Run {
  readonly options: Options
  readonly cluster: Cluster
  readonly admin: Admin
  readonly port: number
}

/** One pass: the pipeline under a name of its own, from the first record to the end; gives the result rows. */
async function runOnce({ options, cluster, admin, port }: Run, pass: number): Promise<number> {
  const name = `${options.job}-${pass}`
  const plan = enginePipeline(name).plan()
  const { clock } = cluster.platform
  const partitionCounts = await prepareTopics(plan, admin)
  const settings = pipelineSettings({ delivery: options.delivery }, true)
  const logger = silentLogger
  const data = { pipeline: name, reach: { brokers: [`127.0.0.1:${port}`] }, settings, partitionCounts }
  const configFile = new URL('pipelines.ts', import.meta.url).pathname
  const runtime = new PipelineRuntime({
    plan,
    clock,
    logger,
    threads: options.threads,
    partitionCounts,
    startThread:
      options.threads === 1
        ? localThreads({ plan, settings, cluster, clock, logger, partitionCounts })
        : (index) => startWorkerThread(nodeThreads, { ...data, configFile, index }, logger),
  })
  runtime.start()
  const ends = await admin.listOffsets(runtime.inputs(), { at: 'latest' })
  await runtime.drainTo(new Map([...ends].map(([place, { offset }]) => [place, offset])), 600_000)
  const out = runtime
    .snapshots()
    .flatMap((snapshot) => snapshot.tasks)
    .reduce((total, task) => total + (task.nodeRecords['results'] ?? 0), 0)
  await runtime.stop()
  return out
}

/** Runs a job as its command line says, and prints a RESULT line per pass. */
export async function benchEngine(job: EngineJob): Promise<void> {
  for (const options of readOptions(job)) await benchOne(options)
}

async function benchOne(options: Options): Promise<void> {
  const { job, threads } = options
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const platform = nodePlatform()
  const broker = await Broker.open({ platform, dataDirectory: directory })
  const { port } = await broker.listen({ host: '127.0.0.1', port: 0 })
  const cluster = new Cluster({ platform, connect: () => broker.connect() })
  try {
    const admin = createAdmin(cluster)
    await admin.createTopics([{ topic: 'events', partitions: options.partitions }])
    const records = await load(cluster, options)
    const results: PassResult[] = []
    for (let pass = 1; pass <= options.passes; pass++) {
      const run = async (): Promise<{ records: number; rows: number }> => {
        return { records, rows: await runOnce({ options, cluster, admin, port }, pass) }
      }
      results.push(await measurePass({ name: job, threads, pass }, run))
    }
    printSummary(`${job}, ${threads} thread(s), ${options.delivery}`, results)
  } finally {
    await cluster.close()
    await broker.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
