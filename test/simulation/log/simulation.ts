/**
 * A data directory with two partitions through several lives, all from one seed:
 *
 * 1. Open it on what the last crash left, and hold everything that it shows against the model.
 * 2. Work on it (partition-run.ts), clean it, write checkpoints; the disk fails, the wall clock jumps.
 * 3. End the life: close it, or crash the process or the machine, between two steps or at any operation of the disk,
 *    recovery and shutdown included.
 *
 * In the end the disk is in order, all readers read to the end, and every record is accounted for.
 */
import { messageOf } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { LogDirectory } from '../../../src/log/log-directory.ts'
import type { PartitionLog } from '../../../src/log/partition-log.ts'
import { joinPath } from '../../../src/platform/disk.ts'
import type { SimulatedHost } from '../../../src/platform/simulated/host.ts'
import {
  type Simulation as SimulatedMachines,
  simulatedPlatform,
} from '../../../src/platform/simulated/platform.ts'
import type { SimulatedRandom } from '../../../src/platform/simulated/random.ts'
import type { SeedOptions, Simulation } from '../seeds/simulation.ts'
import { Anomaly, expect } from './anomaly.ts'
import { checkContents, goOn, recovered } from './contents-check.ts'
import { type CrashedTail, checkIndexes, checkTail, crashedTail } from './disk-check.ts'
import { type CrashKind, PartitionModel } from './partition-model.ts'
import { PartitionRun, type ProducerSide, tolerateDiskError, type Work } from './partition-run.ts'
import type { Plant } from './plants.ts'
import { Reader } from './reader.ts'
import { configOf, drawFault, drawTopic, HOUR_MS, pick, type TopicSettings } from './settings.ts'

const DATA = '/data'
const PARTITIONS = 2

interface Partition {
  readonly settings: TopicSettings
  readonly model: PartitionModel
  readonly producers: readonly ProducerSide[]
  readonly readers: readonly Reader[]
  /** The worst that happened since its log was last seen. */
  crash: CrashKind | 'none'
  /** Where its records ended at the least, at any crash since then. */
  foundEnd: number
}

interface LogRun {
  readonly lives: number
  readonly crashes: number
  readonly faults: number
  readonly records: number
  readonly reads: number
}

export const logSimulation: Simulation<LogRun, Plant> = {
  name: 'log',
  nothing: { lives: 0, crashes: 0, faults: 0, records: 0, reads: 0 },
  run: (options) => new LogLives(options).run(),
  summary: ({ lives, crashes, faults, records, reads }) =>
    `${lives} lives, ${crashes} crashes, ${faults} faults of the disk, ${records} records, ${reads} reads`,
}

class LogLives {
  private readonly options: SeedOptions<Plant>
  private readonly simulation: SimulatedMachines
  private readonly host: SimulatedHost
  private readonly random: SimulatedRandom
  private readonly partitions: readonly Partition[]
  private readonly trace: (line: string) => void
  private value = 0
  private crashes = 0
  private faults = 0
  private over = false
  private endLife: () => void = () => {}
  private failing = false

  constructor(options: SeedOptions<Plant>) {
    this.options = options
    this.trace = options.tell ?? (() => {})
    this.simulation = simulatedPlatform({ seed: options.seed, syncMs: [0.1, 3], turnMs: 0.2 })
    this.random = this.simulation.chance
    this.host = this.simulation.host('broker')
    this.partitions = Array.from({ length: PARTITIONS }, (_, number) => this.makePartition(number))
  }

  private makePartition(number: number): Partition {
    const settings = drawTopic(this.random.fork(`topic ${number}`), `topic${number}`)
    const model = new PartitionModel(settings.name)
    const producers = Array.from({ length: 4 }, (_, index) => ({
      producerId: number * 100 + index,
      transactional: index >= 2,
      epoch: 0,
      nextSequence: 0,
      sends: [],
      unresolved: undefined,
      decision: undefined,
    }))
    const readers = [new Reader(model, 'read_uncommitted'), new Reader(model, 'read_committed')]
    return { settings, model, producers, readers, crash: 'none', foundEnd: Number.POSITIVE_INFINITY }
  }

  async run(): Promise<LogRun> {
    const lives = this.random.within([3, 6])
    for (const { settings } of this.partitions)
      this.trace(`${settings.name}: ${JSON.stringify(settings.texts)}`)
    for (let life = 0; life < lives; life++) await this.live(`life ${life}`, false)
    await this.live('the last life', true)
    const sum = (of: (partition: Partition) => number): number =>
      this.partitions.reduce((n, p) => n + of(p), 0)
    return {
      lives: lives + 1,
      crashes: this.crashes,
      faults: this.faults,
      records: sum(({ model }) => model.end),
      reads: sum(({ readers }) => readers.reduce((n, { seen }) => n + seen.size, 0)),
    }
  }

  private async live(name: string, last: boolean): Promise<void> {
    this.trace(`— ${name}`)
    this.over = false
    this.failing = false
    const ended = new Promise<void>((resolve) => {
      this.endLife = resolve
    })
    const tails = this.partitions.map((partition) => this.look(partition))
    if (!last) this.planEnd()
    const living = this.liveOn(tails, last).catch((error: unknown) => {
      if (error instanceof Anomaly || !this.over) throw error
    })
    await this.simulation.runUntil(Promise.race([living, ended.then(() => undefined)]), {
      what: 'the end of a life',
    })
    this.host.disk.cancelCrash()
    this.host.disk.clearFaults()
    if (!this.over) this.crash('process', false)
    this.host.start()
  }

  /** What the crash left, before recovery changes it. */
  private look(partition: Partition): CrashedTail | undefined {
    const tail = crashedTail(this.host.disk, joinPath(DATA, `${partition.settings.name}-0`))
    if (tail !== undefined) partition.foundEnd = Math.min(partition.foundEnd, tail.endOffset)
    return tail
  }

  /** A crash at an operation of the disk, often; and faults before that, sometimes. */
  private planEnd(): void {
    const { random } = this
    if (random.chance(0.75)) {
      const kind = pick(random, ['process', 'power'] as const)
      const nth = random.chance(0.25) ? random.within([1, 25]) : random.within([1, 700])
      this.host.disk.crashAt(nth, () => this.crash(kind, true))
    }
    if (random.chance(0.15)) this.planFault()
  }

  private planFault(): void {
    const fault = drawFault(this.random)
    this.trace(`fault: ${fault.code} at ${fault.operation} ${fault.nth}`)
    this.faults++
    this.failing = true
    this.host.disk.fail(fault)
  }

  private crash(kind: CrashKind, counts: boolean): void {
    if (counts) this.crashes++
    this.trace(`crash: ${kind}`)
    this.over = true
    for (const partition of this.partitions) if (partition.crash !== 'power') partition.crash = kind
    this.host.crash(kind)
    this.endLife()
  }

  private async liveOn(tails: readonly (CrashedTail | undefined)[], last: boolean): Promise<void> {
    const directory = await this.open()
    if (directory === undefined) return
    const runs = this.partitions.map((partition, number) => this.enter(directory, partition, tails[number]))
    if (runs.some((run) => run === undefined)) return
    const whole = runs as PartitionRun[]
    if (last) this.finish(whole)
    else await this.work(directory, whole)
    await this.end(directory, last)
  }

  private async open(): Promise<LogDirectory | undefined> {
    const { platform } = this.host
    // The folder above is there, as far as a power cut goes.
    platform.disk.makeDirectory('/')
    this.options.plant?.beforeOpen?.(this.host.disk)
    try {
      return await LogDirectory.open({
        platform,
        directory: DATA,
        logger: this.options.tell === undefined ? silentLogger : this.logger(),
        nodeId: 1,
        configOf: (topic) =>
          configOf(this.partitions.find(({ settings }) => settings.name === topic)!.settings),
      })
    } catch (error) {
      if (this.over) return undefined
      tolerateDiskError(error, { what: 'opening the directory', mayFail: this.failing })
      return undefined
    }
  }

  private logger() {
    const log = (level: string) => (fields: object, message: string) => {
      if (level !== 'debug') this.trace(`${level}: ${message} ${JSON.stringify(fields)}`)
    }
    return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  }

  /** Holds a log that was opened against the model; undefined when the disk failed meanwhile. */
  private enter(
    directory: LogDirectory,
    partition: Partition,
    tail: CrashedTail | undefined,
  ): PartitionRun | undefined {
    const { settings, model } = partition
    const opened = directory.get(settings.name, 0) ?? this.create(directory, partition)
    if (opened === undefined) return undefined
    const log = this.options.plant?.wrap?.(opened) ?? opened
    if (log.fault !== undefined) {
      if (!this.failing) throw new Anomaly('false-alarm', `${settings.name}: ${log.fault.message}`, log.fault)
      return undefined
    }
    const work = this.workOf()
    const run = new PartitionRun(log, model, partition, work)
    recovered(log, model, partition)
    this.options.plant?.afterOpen?.(this.host.disk)
    try {
      checkTail(tail, Math.max(log.endOffset, log.logStartOffset), settings.name)
      run.checkStart({ crashed: true })
      model.pendingStart = 0
      checkContents(log, model, this.random)
      // An index that could not be written is right in memory and behind on the disk.
      if (!this.failing) checkIndexes(this.host.disk, joinPath(DATA, `${settings.name}-0`), model, log)
    } catch (error) {
      if (error instanceof Anomaly) throw error
      if (this.over) return undefined
      tolerateDiskError(error, { what: `${settings.name}: reading it all`, mayFail: this.failing })
      return undefined
    }
    for (const side of partition.producers) goOn(side, model)
    for (const reader of partition.readers) reader.position = Math.min(reader.position, log.endOffset)
    this.trace(`${settings.name}: ${log.logStartOffset} to ${log.endOffset}, promised ${model.promisedEnd}`)
    partition.crash = 'none'
    partition.foundEnd = Number.POSITIVE_INFINITY
    run.observe()
    return run
  }

  private create(directory: LogDirectory, { settings, model }: Partition): PartitionLog | undefined {
    const failed = directory.failures.find(({ topic }) => topic === settings.name)
    if (failed !== undefined) {
      if (this.failing) return undefined
      throw new Anomaly('false-alarm', `${settings.name}: ${messageOf(failed.error)}`, failed.error)
    }
    expect(
      model.promisedEnd === 0 && model.start === 0,
      'lost-write',
      () => `${settings.name}: its folder is gone`,
    )
    const topicId = Buffer.alloc(16, settings.name.length)
    try {
      return directory.create({ topic: settings.name, partition: 0, topicId, config: configOf(settings) })
    } catch (error) {
      if (!this.over) tolerateDiskError(error, { what: 'making a partition', mayFail: this.failing })
      return undefined
    }
  }

  private workOf(): Work {
    return {
      random: this.random,
      nowMs: () => this.simulation.clock.nowMs(),
      isOver: () => this.over,
      mayFail: () => this.failing,
      trace: (line) => this.trace(line),
      nextValue: () => `v${this.value++}`,
    }
  }

  private async work(directory: LogDirectory, runs: readonly PartitionRun[]): Promise<void> {
    const { random, simulation } = this
    const { clock } = this.host.platform
    const steps = random.within([20, 140])
    for (let step = 0; step < steps && !this.over; step++) {
      pick(random, runs).step()
      if (this.over) return
      if (random.chance(0.5)) await clock.nextTurn()
      const draw = random.within([0, 999])
      if (draw < 25) await this.clean(directory, runs)
      else if (draw < 35) void this.clean(directory, runs).catch((error: unknown) => this.report(error))
      else if (draw < 60) this.attempt('a checkpoint', () => directory.checkpoint())
      else if (draw < 80) directory.flushDue(clock.nowMs())
      else if (draw < 90) simulation.clock.jumpWallClock(random.within([-HOUR_MS, HOUR_MS]))
      else if (draw < 94) this.planFault()
      else if (draw < 100) this.changeConfig(pick(random, runs))
      else if (draw < 110)
        await pick(random, runs)
          .log.flush()
          .catch(() => {})
      this.throwReported()
    }
  }

  private changeConfig(run: PartitionRun): void {
    const partition = this.partitions.find(({ model }) => model === run.model)!
    const texts = { ...partition.settings.texts, flush: pick(this.random, ['os', 'group', 'batch']) }
    Object.assign(partition.settings, { texts })
    this.trace(`${run.model.name}: flush=${texts.flush}`)
    run.log.updateConfig(configOf(partition.settings))
  }

  private async clean(directory: LogDirectory, runs: readonly PartitionRun[]): Promise<void> {
    const nowMs = this.simulation.clock.nowMs()
    for (const { model, log } of runs) {
      model.compacted ||= log.config['cleanup.policy'].includes('compact')
      model.cleanedMs = {
        min: Math.min(model.cleanedMs.min, nowMs),
        max: Math.max(model.cleanedMs.max, nowMs),
      }
    }
    this.trace('clean')
    try {
      await (this.options.plant?.clean?.(directory, nowMs) ?? directory.clean(nowMs))
    } catch (error) {
      if (!this.over) tolerateDiskError(error, { what: 'cleaning', mayFail: this.failing })
    }
    if (!this.over) for (const run of runs) run.observe()
  }

  private reported: unknown

  private report(error: unknown): void {
    if (!this.over) this.reported ??= error
  }

  private throwReported(): void {
    if (this.reported !== undefined) throw this.reported
  }

  private attempt(what: string, run: () => void): void {
    try {
      run()
    } catch (error) {
      if (error instanceof Anomaly) throw error
      if (!this.over) tolerateDiskError(error, { what, mayFail: this.failing })
    }
  }

  private async end(directory: LogDirectory, last: boolean): Promise<void> {
    if (this.over) return
    const { random } = this
    if (!last && random.chance(0.4)) {
      this.crash(pick(random, ['process', 'power'] as const), true)
      return
    }
    this.trace('close')
    try {
      await directory.close()
      if (this.over) return
      // A log that is closed whole has everything on the disk.
      if (!this.failing) for (const { model } of this.partitions) model.promise(model.end)
      if (random.chance(0.3)) this.crash('power', false)
    } catch (error) {
      if (!this.over) tolerateDiskError(error, { what: 'closing', mayFail: this.failing })
    }
  }

  /** All readers read to the end; every record that is not deleted was seen by one that may see it. */
  private finish(runs: readonly PartitionRun[]): void {
    this.host.disk.clearFaults()
    runs.forEach((run, number) => {
      const { model, readers, producers } = this.partitions[number]!
      const { log } = run
      for (const reader of readers) {
        const from = reader.position
        run.drain(reader)
        const deleteRetentionMs = log.config['delete.retention.ms']
        const limit = reader === readers[1] ? log.lastStableOffset : log.highWatermark
        for (let offset = Math.max(from, log.logStartOffset); offset < limit; offset++) {
          const entry = model.entries[offset]!
          const hidden =
            entry.marker !== undefined || (reader === readers[1] && entry.transaction?.state === 'aborted')
          const fine = hidden || reader.seen.has(offset) || model.mayBeCompacted(entry, deleteRetentionMs)
          expect(fine, 'unseen', () => `${model.name}@${offset}: ${entry.key}=${entry.value}`)
        }
      }
      // It goes on: each producer gets its next batch in, and what was sent before is known again.
      for (let step = 0; step < producers.length * 3; step++) run.step()
      expect(log.fault === undefined, 'wedged', () => `${model.name}: ${log.fault?.message}`)
    })
  }
}
