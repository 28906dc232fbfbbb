/** The programs of the simulation: a broker, and a pipeline with a windowed count. */
import { Broker } from '../../../src/broker/broker.ts'
import { createAdmin } from '../../../src/client/admin/admin.ts'
import { Cluster } from '../../../src/client/cluster.ts'
import type { Logger } from '../../../src/core/logger.ts'
import { json } from '../../../src/core/serde.ts'
import { pipeline } from '../../../src/dsl/pipeline.ts'
import { tumbling } from '../../../src/dsl/window.ts'
import { count, sum } from '../../../src/operators/aggregator.ts'
import type { Platform } from '../../../src/platform/platform.ts'
import { localThreads } from '../../../src/runtime/local-threads.ts'
import { type Delivery, pipelineSettings } from '../../../src/runtime/pipeline-config.ts'
import { PipelineRuntime } from '../../../src/runtime/pipeline-runtime.ts'
import { prepareTopics } from '../../../src/runtime/pipeline-topics.ts'

export interface Event {
  readonly id: number
  readonly key: string
  readonly atMs: number
}

export const WINDOW_MS = 10_000
const PORT = 9092

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

export async function startBroker(platform: Platform, logger: Logger): Promise<Broker> {
  const broker = await Broker.open({ platform, dataDirectory: '/data', config: { flush: 'group' }, logger })
  await broker.listen({
    host: '127.0.0.1',
    port: PORT,
    advertisedHost: 'server',
    advertisedPort: PORT,
    insecure: true,
  })
  return broker
}

/** What runs beside the broker or on its own machine. */
export interface Worker {
  readonly cluster: Cluster
  readonly runtime: PipelineRuntime
}

export interface WorkerOptions {
  readonly platform: Platform
  /** The broker of the same process; over the network if not given. */
  readonly broker: Broker | undefined
  readonly logger: Logger
  readonly partitions: number
  readonly threads: number
  /** Ends when everything that is there has been read. */
  readonly bounded: boolean
  readonly delivery: Delivery
}

export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { platform, broker, logger, threads, delivery } = options
  const { clock } = platform
  const cluster = new Cluster({
    platform,
    logger,
    requestTimeoutMs: 5000,
    connectTimeoutMs: 1000,
    ...(broker === undefined ? { brokers: [`server:${PORT}`] } : { connect: () => broker.connect() }),
  })
  const admin = createAdmin(cluster)
  await admin.createTopics([{ topic: 'events', partitions: options.partitions }], { ignoreExisting: true })
  const plan = makePipeline().plan()
  const partitionCounts = await prepareTopics(plan, admin)
  const settings = pipelineSettings({ commitInterval: '50 ms', idle: 100, delivery }, options.bounded)
  const startThread = localThreads({ plan, settings, cluster, clock, logger, partitionCounts })
  const runtime = new PipelineRuntime({ plan, clock, logger, threads, partitionCounts, startThread })
  runtime.start()
  return { cluster, runtime }
}
