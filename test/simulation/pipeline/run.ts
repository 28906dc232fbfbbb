/**
 * A whole Millrace in one thread on simulated time: a broker on a disk that can lose what was not synced, a producer,
 * and a pipeline with a windowed count, in one process or on two machines, with one or two members. They crash at
 * seeded moments, also while they start, and are started again.
 *
 * Checked at the end:
 * - every acknowledged record is in its topic, once and in order; records whose acknowledgement never came may be
 *   there or not, but not twice;
 * - the pipeline's results, as a `read_committed` consumer sees them, are exactly what a plain loop over the topic
 *   computes, which is what a run without crashes gives: nothing lost, nothing counted twice;
 * - everything comes to its end in bounded time: no start, no transaction and no reader is stuck.
 */
import type { Broker } from '../../../src/broker/broker.ts'
import { createAdmin } from '../../../src/client/admin/admin.ts'
import type { Cluster } from '../../../src/client/cluster.ts'
import { createProducer } from '../../../src/client/producer/producer.ts'
import { type Logger, silentLogger } from '../../../src/core/logger.ts'
import { sleep } from '../../../src/platform/clock.ts'
import type { Platform } from '../../../src/platform/platform.ts'
import type { CrashKind } from '../../../src/platform/simulated/disk.ts'
import {
  type Simulation as SimulatedMachines,
  simulatedPlatform,
} from '../../../src/platform/simulated/platform.ts'
import type { Delivery } from '../../../src/runtime/pipeline-config.ts'
import type { SeedOptions, Simulation } from '../seeds/simulation.ts'
import { checkEvents, checkResults, readAll } from './checks.ts'
import { type Event, startBroker, startWorker, type Worker } from './parts.ts'
import { type Crash, describeScenario, drawScenario, type Place, type Scenario } from './scenario.ts'

interface PipelineRun {
  readonly crashes: number
  readonly acknowledged: number
  readonly stored: number
  readonly windows: number
  readonly virtualMs: number
}

/** By which the checks themselves are tested. */
export interface Plant {
  readonly disguise?: (platform: Platform) => Platform
  readonly delivery?: Delivery
}

const KEYS = ['a', 'b', 'c', 'd', 'e']
/** Far more than any step takes: what runs on longer goes round in circles. */
const LIMITS = { limitMs: 900_000, limitEvents: 400_000 }
const DRAIN_MS = 600_000

export const pipelineSimulation: Simulation<PipelineRun, Plant> = {
  name: 'pipeline',
  nothing: { crashes: 0, acknowledged: 0, stored: 0, windows: 0, virtualMs: 0 },
  run: simulatePipeline,
  summary: ({ crashes, acknowledged, stored, windows, virtualMs }) =>
    `${crashes} crashes, ${acknowledged} of ${stored} records acknowledged, ${windows} results, ` +
    `${(virtualMs / 1000).toFixed(0)} s of simulated time`,
}

async function simulatePipeline(options: SeedOptions<Plant>): Promise<PipelineRun> {
  const world = new World(options)
  try {
    return await world.run()
  } finally {
    // Whatever still runs after a failure must not run on beside the next seed.
    world.endAll()
  }
}

class World {
  private readonly options: SeedOptions<Plant>
  private readonly simulation: SimulatedMachines
  private readonly scenario: Scenario
  private readonly acknowledged = new Set<number>()
  private readonly sent = new Map<number, Event>()
  private readonly up = new Map<Place, Platform>()
  private readonly crashed = new Set<Place>()
  private broker: Broker | undefined
  private worker: Worker | undefined
  private nextId = 1
  private eventMs = 1_000_000
  private crashes = 0

  constructor(options: SeedOptions<Plant>) {
    this.options = options
    this.simulation = simulatedPlatform({ seed: options.seed })
    this.scenario = drawScenario(this.simulation)
    this.tell(describeScenario(this.scenario))
  }

  async run(): Promise<PipelineRun> {
    const { simulation, scenario } = this
    await this.start(false)
    for (const crash of scenario.crashes) {
      await simulation.clock.advance(crash.afterMs, LIMITS)
      await this.suffer(crash)
    }
    if (scenario.apart) this.crash('worker', 'process')
    else if (this.worker !== undefined) this.crash('server', 'process')
    await this.start(true)
    const last = this.worker!
    await this.until(this.drain(last), 'the end of the pipeline')
    const stored = await this.until(readAll(last.cluster, 'events'), 'reading the events')
    const results = await this.until(readAll(last.cluster, 'results'), 'reading the results')
    checkEvents(stored, this.acknowledged, this.sent)
    const windows = checkResults(stored, results)
    await this.until(this.stop(last), 'a stop')
    return {
      crashes: this.crashes,
      acknowledged: this.acknowledged.size,
      stored: stored.length,
      windows,
      virtualMs: simulation.clock.monotonicMs(),
    }
  }

  endAll(): void {
    for (const place of [...this.up.keys()]) this.crash(place, 'process')
  }

  private async suffer({ kind, places, failedStarts }: Crash): Promise<void> {
    for (const place of places) this.crash(place, kind)
    for (const failed of failedStarts) {
      this.startAll(false).catch(() => {})
      await this.simulation.clock.advance(failed.afterMs, LIMITS)
      for (const place of places) this.crash(place, failed.kind)
    }
    await this.start(false)
  }

  /** Starts what is not up; resolves when it is. */
  private async start(bounded: boolean): Promise<void> {
    await this.until(this.startAll(bounded), 'a start')
  }

  private async startAll(bounded: boolean): Promise<void> {
    const { apart, partitions, threads } = this.scenario
    const server = this.platform('server')
    this.broker ??= await startBroker(server, this.logger('broker'))
    if (this.worker !== undefined) return
    const platform = apart ? this.platform('worker') : server
    const broker = apart ? undefined : this.broker
    const logger = this.logger('worker')
    const { delivery = 'exactly-once' } = this.options.plant ?? {}
    this.worker = await startWorker({ platform, broker, logger, partitions, threads, bounded, delivery })
    // Ends with a crash; whatever it waits for then never comes.
    if (!bounded) this.produce(this.worker.cluster, platform).catch(() => {})
  }

  private platform(place: Place): Platform {
    let platform = this.up.get(place)
    if (platform === undefined) {
      const host = this.simulation.host(place)
      const disguise = this.options.plant?.disguise
      platform = this.crashed.delete(place) ? host.start() : host.platform
      if (disguise !== undefined) platform = disguise(platform)
      this.up.set(place, platform)
    }
    return platform
  }

  private crash(place: Place, kind: CrashKind): void {
    if (!this.up.delete(place)) return
    this.crashes++
    this.tell(`${kind} crash of the ${place}`)
    this.simulation.host(place).crash(kind)
    this.crashed.add(place)
    if (place === 'server') this.broker = undefined
    if (place === 'worker' || !this.scenario.apart) this.worker = undefined
  }

  private async produce(cluster: Cluster, { clock }: Platform): Promise<void> {
    const { chance } = this.simulation
    const producer = createProducer(cluster)
    for (;;) {
      const event = { id: this.nextId++, key: KEYS[chance.uint32() % KEYS.length]!, atMs: this.eventMs }
      this.eventMs += chance.uint32() % 900
      this.sent.set(event.id, event)
      const value = JSON.stringify(event)
      try {
        await producer.send({ topic: 'events', key: event.key, value, timestampMs: event.atMs })
        this.acknowledged.add(event.id)
      } catch (error) {
        this.tell(`record ${event.id} failed: ${String(error)}`)
        await sleep(clock, 100)
      }
    }
  }

  private async drain({ cluster, runtime }: Worker): Promise<void> {
    const ends = await createAdmin(cluster).listOffsets(runtime.inputs(), { at: 'latest' })
    await runtime.drainTo(new Map([...ends].map(([name, { offset }]) => [name, offset])), DRAIN_MS)
  }

  private async stop({ runtime, cluster }: Worker): Promise<void> {
    await runtime.stop()
    await cluster.close()
    await this.broker!.close()
  }

  private until<T>(goal: Promise<T>, what: string): Promise<T> {
    return this.simulation.runUntil(goal, { ...LIMITS, what })
  }

  private tell(line: string): void {
    this.options.tell?.(`${this.simulation.clock.monotonicMs().toFixed(3).padStart(12)} ${line}`)
  }

  private logger(name: string): Logger {
    if (this.options.tell === undefined) return silentLogger
    const log =
      (level: string): Logger['info'] =>
      (fields, message) =>
        this.tell(`${name} ${level}: ${message} ${JSON.stringify(fields)}`)
    return { debug: () => {}, info: log('info'), warn: log('warn'), error: log('error') }
  }
}
