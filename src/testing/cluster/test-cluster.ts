/**
 * A pipeline on machines of its own, a broker and a program that sends records, in one thread on simulated time, disks
 * and network, with faults. A run depends on its options and its seed alone.
 *
 * 1. The broker starts, then the instances; the records are sent one after the other.
 * 2. Faults come at their times, counted from the first record, and end. What had crashed is started again.
 * 3. A second after all are over and everything was sent, all instances end at once. The pipeline is started once more
 *    and reads everything to its end; its windows close.
 * 4. Topics are read, committed records only.
 */
import { Broker } from '../../broker/broker.ts'
import { createAdmin } from '../../client/admin/admin.ts'
import { Cluster } from '../../client/cluster.ts'
import { createProducer, type Producer, type RecordToSend } from '../../client/producer/producer.ts'
import { silentLogger } from '../../core/logger.ts'
import { sleep } from '../../platform/clock.ts'
import type { Platform } from '../../platform/platform.ts'
import { type Simulation, simulatedPlatform } from '../../platform/simulated/platform.ts'
import { localThreads } from '../../runtime/local-threads.ts'
import { type Delivery, pipelineSettings } from '../../runtime/pipeline-config.ts'
import { PipelineRuntime } from '../../runtime/pipeline-runtime.ts'
import { prepareTopics } from '../../runtime/pipeline-topics.ts'
import type { Fixture } from '../fixture/fixture.ts'
import { recordFixture } from '../fixture/record-fixture.ts'
import type { Plannable } from '../test-driver.ts'
import { delaysUnder, type Fault, type Machine } from './fault.ts'
import { Sender } from './sender.ts'

export interface ClusterTestOptions {
  readonly seed: number
  /** Makes the pipeline; called for each start. */
  readonly pipeline: () => Plannable
  /** The topics that the pipeline reads, with their partitions. */
  readonly topics: Readonly<Record<string, number>>
  /** Sent in this order, each after the one before was acknowledged or given up, unless a fault says otherwise. */
  readonly records: readonly RecordToSend[]
  /** Pause between two records, in milliseconds; default 5. */
  readonly everyMs?: number
  /** Machines that run the pipeline; default 1. */
  readonly instances?: number
  readonly faults?: readonly Fault[]
  readonly delivery?: Delivery
  /** The topics to be read in the end. */
  readonly read: readonly string[]
}

export interface ClusterTestRun {
  /** Indexes of records that were acknowledged, in the order in which they were. */
  readonly acknowledged: readonly number[]
  /** Indexes of records that a `duplicate` had sent twice: they are in their topic once or twice. */
  readonly duplicated: readonly number[]
  /** Indexes of records whose sending failed: they may be in their topic or not. */
  readonly uncertain: readonly number[]
  /** The committed records of the topics that were to be read; those of a partition in their order. */
  readonly topics: Readonly<Record<string, Fixture>>
  /** Virtual time. */
  readonly elapsedMs: number
}

const PORT = 9092
const DELAY_MS = [0.1, 1] as const
const RESTART_MS = 100
/** What was read is committed by then: the end is no fault of its own. */
const QUIET_MS = 1000
/** Far more than any step takes: what runs on longer goes round in circles. */
const LIMITS = { limitMs: 900_000, limitEvents: 2_000_000 }
const DRAIN_MS = 600_000

/**
 * Runs a pipeline through faults to the end of its input.
 *
 * @throws MR_TIMEOUT when a step does not come to its end, and whatever the pipeline itself throws
 */
export async function runTestCluster(options: ClusterTestOptions): Promise<ClusterTestRun> {
  const run = new ClusterTest(options)
  try {
    return await run.run()
  } finally {
    run.endAll()
  }
}

interface Instance {
  readonly cluster: Cluster
  readonly runtime: PipelineRuntime
}

class ClusterTest {
  private readonly options: ClusterTestOptions
  private readonly simulation: Simulation
  private readonly up = new Set<Machine>()
  private readonly started = new Set<Machine>()
  /** The faults that are in force, in the order in which they came. */
  private readonly suffered = new Set<Fault>()
  private broker: Broker | undefined

  constructor(options: ClusterTestOptions) {
    this.options = options
    this.simulation = simulatedPlatform({ seed: options.seed, delayMs: DELAY_MS })
  }

  async run(): Promise<ClusterTestRun> {
    const { simulation, options } = this
    await this.until(this.startBroker(), 'the start of the broker')
    const cluster = this.clusterOn(this.start('producer'))
    await this.until(this.createTopics(cluster), 'making the topics')
    for (const machine of this.instances()) void this.keepInstance(machine)
    const producer = createProducer(cluster)
    const sender = this.senderOf(producer)
    // First, so that a fault at 0 counts for the first record.
    const suffered = this.suffer()
    const sent = sender.send(options.records).then(() => producer.close())
    await suffered
    await this.until(sent, 'sending the records')
    await simulation.clock.advance(QUIET_MS, LIMITS)
    for (const machine of this.instances()) this.crash(machine, 'process')
    const last = await this.until(this.startPipeline('instance-0', true), 'the last start')
    await this.until(this.drain(last), 'the end of the pipeline')
    const topics: Record<string, Fixture> = {}
    for (const topic of options.read) {
      const slice = { topic, recordsMax: Number.MAX_SAFE_INTEGER, timeoutMs: DRAIN_MS }
      topics[topic] = await this.until(recordFixture({ cluster }, slice), `reading "${topic}"`)
    }
    await this.until(this.stop(last, cluster), 'the stop')
    const { acknowledged, uncertain, duplicated } = sender
    return { acknowledged, uncertain, duplicated, topics, elapsedMs: simulation.clock.monotonicMs() }
  }

  endAll(): void {
    for (const machine of [...this.up]) this.crash(machine, 'process')
  }

  private instances(): readonly `instance-${number}`[] {
    return Array.from({ length: this.options.instances ?? 1 }, (_, index) => `instance-${index}` as const)
  }

  /** Lets the faults happen, and end. */
  private async suffer(): Promise<void> {
    const { clock } = this.simulation
    const events = (this.options.faults ?? []).flatMap((fault) => [
      { atMs: fault.atMs, happen: () => this.begin(fault) },
      ...(fault.kind === 'clock-jump'
        ? []
        : [{ atMs: fault.atMs + fault.forMs, happen: () => this.end(fault) }]),
    ])
    const startMs = clock.monotonicMs()
    for (const { atMs, happen } of events.toSorted((a, b) => a.atMs - b.atMs)) {
      const waitMs = startMs + atMs - clock.monotonicMs()
      if (waitMs > 0) await clock.advance(waitMs, LIMITS)
      await happen()
    }
  }

  private begin(fault: Fault): void {
    const { network, clock } = this.simulation
    if (fault.kind !== 'clock-jump') this.suffered.add(fault)
    switch (fault.kind) {
      case 'crash':
        this.crash(fault.machine, fault.how)
        return
      case 'partition':
        network.links.partition(...fault.between)
        return
      case 'delay':
      case 'reorder':
        this.setDelays()
        return
      case 'duplicate':
        return
      case 'clock-jump':
        clock.jumpWallClock(fault.byMs)
        return
    }
  }

  private async end(fault: Exclude<Fault, { readonly kind: 'clock-jump' }>): Promise<void> {
    this.suffered.delete(fault)
    switch (fault.kind) {
      case 'partition':
        this.heal(fault.between)
        return
      case 'delay':
      case 'reorder':
        this.setDelays()
        return
      case 'duplicate':
        return
      case 'crash':
        if (this.up.has(fault.machine)) return
        if (fault.machine === 'broker') await this.until(this.startBroker(), 'the start of the broker')
        else void this.keepInstance(fault.machine)
    }
  }

  /** Unless another fault still parts the two. */
  private heal([a, b]: readonly [Machine, Machine]): void {
    for (const fault of this.suffered)
      if (fault.kind === 'partition' && fault.between.includes(a) && fault.between.includes(b)) return
    this.simulation.network.links.heal(a, b)
  }

  private setDelays(): void {
    const { links } = this.simulation.network
    const { allMs, instancesMs } = delaysUnder(this.suffered)
    links.setDelay(allMs ?? DELAY_MS)
    if (instancesMs === undefined) return
    for (const machine of this.instances()) links.setDelay(instancesMs, ['broker', machine])
  }

  private crash(machine: Machine, how: 'process' | 'power'): void {
    if (!this.up.delete(machine)) return
    this.simulation.host(machine).crash(how)
    if (machine === 'broker') this.broker = undefined
  }

  private start(machine: Machine): Platform {
    const host = this.simulation.host(machine)
    this.up.add(machine)
    if (this.started.has(machine)) return host.start()
    this.started.add(machine)
    return host.platform
  }

  private async startBroker(): Promise<void> {
    const platform = this.start('broker')
    const broker = await Broker.open({ platform, dataDirectory: '/data', config: { flush: 'group' } })
    await broker.listen({
      host: '127.0.0.1',
      port: PORT,
      advertisedHost: 'broker',
      advertisedPort: PORT,
      insecure: true,
    })
    this.broker = broker
  }

  private clusterOn(platform: Platform): Cluster {
    const brokers = [`broker:${PORT}`]
    return new Cluster({ platform, brokers, requestTimeoutMs: 5000, connectTimeoutMs: 1000 })
  }

  private async createTopics(cluster: Cluster): Promise<void> {
    const topics = Object.entries(this.options.topics).map(([topic, partitions]) => ({ topic, partitions }))
    await createAdmin(cluster).createTopics(topics)
  }

  /** Starts an instance, again and again while the broker is not to be reached. Never ends once it has crashed. */
  private async keepInstance(machine: `instance-${number}`): Promise<void> {
    for (;;) {
      try {
        await this.startPipeline(machine, false)
        return
      } catch {
        await sleep(this.simulation.clock, RESTART_MS)
        if (!this.up.has(machine)) return
        this.crash(machine, 'process')
      }
    }
  }

  /** As one instance of several, or in the end as all of them. */
  private async startPipeline(machine: `instance-${number}`, last: boolean): Promise<Instance> {
    const { options } = this
    const platform = this.start(machine)
    const cluster = this.clusterOn(platform)
    const plan = options.pipeline().plan()
    const partitionCounts = await prepareTopics(plan, createAdmin(cluster))
    const { delivery = 'exactly-once' } = options
    const settings = pipelineSettings({ commitInterval: 50, idle: 100, delivery }, last)
    const { clock } = platform
    const logger = silentLogger
    const own = Number(machine.split('-')[1])
    const start = localThreads({ plan, settings, cluster, clock, logger, partitionCounts })
    const startThread = (thread: number) => start(last ? thread : own)
    const threads = last ? (options.instances ?? 1) : 1
    const runtime = new PipelineRuntime({ plan, clock, logger, threads, partitionCounts, startThread })
    runtime.start()
    return { cluster, runtime }
  }

  private senderOf(producer: Producer): Sender {
    const { simulation, options, suffered } = this
    return new Sender({
      producer,
      clock: simulation.host('producer').platform.clock,
      chance: simulation.chance.fork('sender'),
      everyMs: options.everyMs ?? 5,
      faults: () => suffered,
    })
  }

  private async drain({ cluster, runtime }: Instance): Promise<void> {
    const ends = await createAdmin(cluster).listOffsets(runtime.inputs(), { at: 'latest' })
    await runtime.drainTo(new Map([...ends].map(([name, { offset }]) => [name, offset])), DRAIN_MS)
  }

  private async stop(last: Instance, cluster: Cluster): Promise<void> {
    await last.runtime.stop()
    await last.cluster.close()
    await cluster.close()
    await this.broker?.close()
  }

  private until<T>(goal: Promise<T>, what: string): Promise<T> {
    return this.simulation.runUntil(goal, { ...LIMITS, what })
  }
}
