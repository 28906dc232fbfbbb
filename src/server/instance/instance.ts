/**
 * One running Millrace: broker, page, topics, pipelines, deliveries and agents of a configuration, in one process.
 *
 * Start, in this order, so that nothing is written before its reader is there:
 *   broker → page → topics → pipelines → deliveries → results → agents
 * Stop, the other way round: agents commit what they read, pipelines commit what they processed, deliveries what they
 * delivered; then the broker writes everything out. A part that cannot be stopped is logged and the rest goes on.
 *
 * A bounded run ends by itself: agents come to their end, each pipeline is told where its topics end and drains, then
 * deliveries and result tables are read up to there.
 */
import { expose } from '../../broker/metrics/exposition.ts'
import { type Admin, createAdmin } from '../../client/admin/admin.ts'
import { Cluster } from '../../client/cluster.ts'
import { AgentRunner } from '../../collect/agent-runner.ts'
import { clusterTransport } from '../../collect/cluster-transport.ts'
import { SinkRunner } from '../../collect/sink-runner.ts'
import { isMillraceError, MillraceError, messageOf } from '../../core/errors.ts'
import type { TopicPartition } from '../../core/record.ts'
import { until, within } from '../../platform/clock.ts'
import { directoryOf, joinPath } from '../../platform/disk.ts'
import { ParkedDirectory, type PipelineParkedKey } from '../../runtime/parked/parked-directory.ts'
import { PARKED_MAX, type ParkedKeys } from '../../runtime/parked/pipeline-parked.ts'
import type { PipelineRuntime } from '../../runtime/pipeline-runtime.ts'
import { StoreDirectory } from '../../runtime/queries/store-directory.ts'
import type { FlowPart, FlowSnapshot, FlowState, ResultTable } from '../flow.ts'
import { type HttpServer, startHttpServer } from '../http-server.ts'
import { checkTopicsRead } from './check-topics.ts'
import { FlowPicture } from './flow-picture.ts'
import { sketchFlow } from './flow-sketch.ts'
import type { InstanceOptions } from './instance-options.ts'
import { type EmbeddedBroker, openBroker } from './open-broker.ts'
import { orderPipelines } from './order-pipelines.ts'
import { ResultReader } from './result-reader.ts'
import { startPipeline } from './running-pipeline.ts'
import type { ClusterReach } from './worker-messages.ts'

/** A bounded run that makes no progress at its end for so long has failed. */
const DRAIN_TIMEOUT_MS = 600_000
/** A part that takes longer to stop is left behind. */
const STOP_TIMEOUT_MS = 10_000

export class Instance {
  /** Resolves when a bounded run has come to its end; rejects when a part fails. */
  readonly finished: Promise<void>
  private readonly options: InstanceOptions
  private readonly startedMs: number
  private readonly parts: FlowPart[] = []
  private readonly agents: AgentRunner[] = []
  private readonly pipelines: { readonly name: string; readonly runtime: PipelineRuntime }[] = []
  private readonly deliveries: SinkRunner[] = []
  /** The stores of the pipelines, for queries. */
  readonly stores = new StoreDirectory(() => this.pipelines)
  /** Their parked keys. */
  readonly parked = new ParkedDirectory(() => this.pipelines)
  private leftParked: ParkedKeys<PipelineParkedKey> = { total: 0, keys: [] }
  private readonly picture: FlowPicture
  private state: FlowState = 'starting'
  private message: string | undefined
  private embedded: EmbeddedBroker | undefined
  private cluster: Cluster | undefined
  private http: HttpServer | undefined
  private results: ResultReader | undefined
  private settle: { resolve(): void; reject(error: unknown): void }
  private stopping: Promise<void> | undefined

  /** Starts everything. What had come up is stopped again when a part fails. */
  static async start(options: InstanceOptions): Promise<Instance> {
    const instance = new Instance(options)
    try {
      await instance.open()
      return instance
    } catch (error) {
      await instance.stop()
      throw error
    }
  }

  private constructor(options: InstanceOptions) {
    this.options = options
    const { platform, config, title, version } = options
    this.startedMs = platform.clock.monotonicMs()
    this.picture = new FlowPicture({ sketch: sketchFlow(config), title, version, clock: platform.clock })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.finished = promise
    this.settle = { resolve, reject }
    promise.catch(() => {})
  }

  get url(): string | undefined {
    return this.http?.url
  }

  /** Where Kafka clients reach the cluster, `host:port`. */
  get brokers(): readonly string[] {
    const { embedded } = this
    return (
      this.options.config.brokers ?? (embedded === undefined ? [] : [`${embedded.host}:${embedded.port}`])
    )
  }

  snapshot(): FlowSnapshot {
    const { clock } = this.options.platform
    return this.picture.draw({
      state: this.state,
      ...(this.message === undefined ? {} : { message: this.message }),
      uptimeMs: clock.monotonicMs() - this.startedMs,
      agents: this.agents.map((agent) => agent.snapshot()),
      pipelines: this.pipelines.map(({ name, runtime }) => ({ name, threads: runtime.snapshots() })),
      deliveries: this.deliveries.map((delivery) => delivery.snapshot()),
      results: this.tables(),
      parts: this.parts,
    })
  }

  /** What a bounded run that has come to its end leaves parked in the stores of its pipelines. */
  get parkedAtEnd(): ParkedKeys<PipelineParkedKey> {
    return this.leftParked
  }

  tables(): readonly ResultTable[] {
    return this.results?.tables() ?? []
  }

  stop(): Promise<void> {
    this.stopping ??= this.close()
    return this.stopping
  }

  private async open(): Promise<void> {
    const { config } = this.options
    await this.part(config.brokers === undefined ? 'broker' : 'cluster', () => this.openCluster())
    await this.part('page', () => this.openPage())
    const cluster = this.cluster as Cluster
    const admin = createAdmin(cluster)
    await this.part('topics', () => this.makeTopics(admin))
    for (const planned of orderPipelines(config.pipelines ?? [])) {
      await this.part('pipeline', async () => {
        const { options } = this
        const runtime = await startPipeline(planned, {
          options,
          cluster,
          admin,
          reach: () => this.reach(),
          logger: options.logger,
        })
        this.pipelines.push({ name: planned.pipeline.name, runtime })
        runtime.failed.catch((error: unknown) => this.fail(error))
        const stores = planned.plan.subTopologies.reduce((total, part) => total + part.stores.length, 0)
        return `${planned.pipeline.name}   ${planned.plan.subTopologies.length} sub-topologies, ${stores} stores`
      })
    }
    for (const delivery of config.deliveries ?? [])
      await this.part('delivery', () => this.openDelivery(delivery))
    await this.openResults(admin)
    for (const agent of config.agents ?? []) await this.part('agent', () => this.openAgent(agent))
    this.state = 'running'
    if (this.options.once) {
      this.runToEnd(admin).then(
        () => this.finish(),
        (error: unknown) => this.fail(error),
      )
    }
  }

  /** Runs one step of the start and tells of it. */
  private async part(name: string, open: () => Promise<string>): Promise<void> {
    const { clock } = this.options.platform
    const startMs = clock.monotonicMs()
    const detail = await open()
    const part = { name, detail, readyMs: clock.monotonicMs() - startMs }
    this.parts.push(part)
    this.options.onPart?.(part)
  }

  private async openCluster(): Promise<string> {
    const { platform, config, logger, dataDirectory, brokerPort: port, strictPort, security } = this.options
    if (config.brokers !== undefined) {
      const { brokers } = config
      this.cluster = new Cluster({ platform, logger, brokers, clientId: 'millrace', ...security })
      return config.brokers.join(',')
    }
    const embedded = await openBroker({
      platform,
      logger,
      port,
      strictPort,
      dataDirectory: joinPath(dataDirectory, 'log'),
      section: config.broker,
      directory: directoryOf(this.options.configFile),
    })
    this.embedded = embedded
    this.cluster = new Cluster({
      platform,
      logger,
      connect: () => embedded.broker.connect({ clientId: 'millrace' }),
    })
    const taken = embedded.portTaken === undefined ? '' : `, ${embedded.portTaken} is taken`
    return `${embedded.host}:${embedded.port}   Kafka protocol${taken}`
  }

  /** The way to the cluster for other threads: to a broker of this process that is told something, by a login of its own. */
  private async reach(): Promise<ClusterReach> {
    const { config, security } = this.options
    if (config.brokers !== undefined) return { brokers: config.brokers, ...security }
    const embedded = this.embedded as EmbeddedBroker
    if (config.broker === undefined) return { brokers: [`${embedded.host}:${embedded.port}`] }
    const { host, port, login } = await embedded.broker.listenInside()
    return { brokers: [`${host}:${port}`], sasl: login }
  }

  private async openPage(): Promise<string> {
    const { platform, logger, consoleDirectory, consolePort: port, strictPort } = this.options
    const { embedded } = this
    this.http = await startHttpServer({
      platform,
      observer: this,
      stores: this.stores,
      parked: this.parked,
      ...(embedded === undefined ? {} : { metrics: () => expose(embedded.broker.metrics()) }),
      logger,
      consoleDirectory,
      port,
      strictPort,
    })
    const { url, portTaken } = this.http
    return portTaken === undefined ? url : `${url}   ${portTaken} is taken`
  }

  private async makeTopics(admin: Admin): Promise<string> {
    const { config } = this.options
    const partitions = this.options.partitions ?? config.run?.partitions ?? 1
    const topics = new Map<string, { partitions: number; configs: Readonly<Record<string, string>> }>()
    for (const { channels, deadLetters } of config.agents ?? []) {
      for (const channel of channels) {
        topics.set(channel.topic, {
          partitions: channel.partitions ?? partitions,
          configs: channel.config ?? {},
        })
      }
      topics.set(deadLetters, { partitions: 1, configs: {} })
    }
    for (const [topic, own] of Object.entries(config.topics ?? {})) {
      const before = topics.get(topic)
      const count = own.partitions ?? before?.partitions ?? partitions
      topics.set(topic, { partitions: count, configs: { ...before?.configs, ...own.settings } })
    }
    const wanted = [...topics].map(([topic, rest]) => ({ topic, ...rest }))
    if (wanted.length > 0) await admin.createTopics(wanted, { ignoreExisting: true })
    checkTopicsRead(config, (await admin.partitionCounts()).keys(), this.options.configFile)
    return `${wanted.length} of the configuration`
  }

  private async openDelivery(
    delivery: NonNullable<InstanceOptions['config']['deliveries']>[number],
  ): Promise<string> {
    const { platform, logger, dataDirectory } = this.options
    const runner = new SinkRunner({
      delivery,
      platform,
      logger,
      transport: clusterTransport(this.cluster as Cluster),
      // What a sink keeps belongs to the log that it was read from.
      baseDirectory: dataDirectory,
    })
    this.deliveries.push(runner)
    await runner.start()
    runner.untilEnded().catch((error: unknown) => this.fail(error))
    return `${delivery.name}   ${delivery.sink.connector}, ${delivery.sink.delivery}`
  }

  private async openResults(admin: Admin): Promise<void> {
    const { config, platform, logger } = this.options
    const results = config.results ?? []
    if (results.length === 0) return
    const counts = await admin.partitionCounts()
    this.results = new ResultReader(results, this.cluster as Cluster, platform.clock, logger)
    this.results.start(counts)
  }

  private async openAgent(agent: NonNullable<InstanceOptions['config']['agents']>[number]): Promise<string> {
    const { platform, logger, configFile, once, speed } = this.options
    const replaySpeed = once ? 0 : speed
    const runner = new AgentRunner({
      agent,
      platform,
      logger,
      transport: clusterTransport(this.cluster as Cluster),
      baseDirectory: directoryOf(configFile),
      once,
      ...(replaySpeed === undefined ? {} : { replaySpeed }),
    })
    this.agents.push(runner)
    await runner.start()
    runner.untilEnded().catch((error: unknown) => this.fail(error))
    return `${agent.name}   ${agent.source.connector} → ${agent.channels.map(({ topic }) => topic).join(', ')}`
  }

  private async runToEnd(admin: Admin): Promise<void> {
    const { clock } = this.options.platform
    await Promise.all(this.agents.map((agent) => agent.untilEnded()))
    for (const { runtime } of this.pipelines) {
      await runtime.drainTo(await endsOf(admin, runtime.inputs()), DRAIN_TIMEOUT_MS)
    }
    await this.lookForParked()
    const counts = await admin.partitionCounts()
    const partitionsOf = (topics: readonly string[]): TopicPartition[] =>
      topics.flatMap((topic) =>
        Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
      )
    for (const delivery of this.deliveries) {
      await delivery.drainTo(await endsOf(admin, partitionsOf(delivery.delivery.topics)))
    }
    const { results } = this
    if (results === undefined) return
    const ends = await endsOf(
      admin,
      partitionsOf((this.options.config.results ?? []).map(({ topic }) => topic)),
    )
    const what = 'the end of the result topics'
    await until(clock, () => results.reached(ends), { what, timeoutMs: DRAIN_TIMEOUT_MS })
  }

  /** Tasks may still move from one thread to another at the end. */
  private async lookForParked(): Promise<void> {
    const look = async (): Promise<boolean> => {
      try {
        this.leftParked = await this.parked.list({ limit: PARKED_MAX })
        return true
      } catch (error) {
        if (isMillraceError(error) && error.retriable) return false
        throw error
      }
    }
    const what = 'the parked keys at the end'
    await until(this.options.platform.clock, look, { what, timeoutMs: DRAIN_TIMEOUT_MS })
  }

  private finish(): void {
    if (this.state !== 'running') return
    this.state = 'finished'
    this.settle.resolve()
  }

  private fail(cause: unknown): void {
    if (this.state === 'failed' || this.state === 'stopping') return
    this.state = 'failed'
    this.message = messageOf(cause)
    const error = isMillraceError(cause)
      ? cause
      : new MillraceError('MR_TASK_FAILED', `a part failed: ${messageOf(cause)}`, { cause })
    this.settle.reject(error)
  }

  private async close(): Promise<void> {
    if (this.state !== 'failed' && this.state !== 'finished') this.state = 'stopping'
    const steps: (() => Promise<unknown>)[] = [
      () => Promise.all(this.agents.map((agent) => agent.stop())),
      () => Promise.all(this.pipelines.map(({ runtime }) => runtime.stop())),
      () => Promise.all(this.deliveries.map((delivery) => delivery.stop())),
      async () => this.results?.stop(),
      async () => this.http?.close(),
      async () => this.cluster?.close(),
      async () => this.embedded?.broker.close(),
    ]
    const { logger, platform } = this.options
    for (const step of steps) {
      // A part may wait for an answer that never comes, of a log that takes no records; the next start goes on
      // from what it committed last.
      await within(platform.clock, STOP_TIMEOUT_MS, 'the stop of a part', step()).catch((error: unknown) =>
        logger.error({ error: messageOf(error) }, 'a part did not stop'),
      )
    }
    this.settle.resolve()
  }
}

async function endsOf(
  admin: Admin,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, number>> {
  if (partitions.length === 0) return new Map()
  const ends = await admin.listOffsets(partitions, { at: 'latest' })
  return new Map([...ends].map(([name, { offset }]) => [name, offset]))
}
