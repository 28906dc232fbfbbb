/**
 * One life of a data directory on a disk that records every operation, together with what the outside knew at each
 * moment: replaying both up to any operation gives a crash image and what must be found on it.
 */
import { silentLogger } from '../../src/core/logger.ts'
import { resolveLogConfig } from '../../src/log/log-config.ts'
import { LogDirectory } from '../../src/log/log-directory.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import type { Clock } from '../../src/platform/clock.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { type Simulation, simulatedPlatform } from '../../src/platform/simulated/platform.ts'
import type { SimulatedRandom } from '../../src/platform/simulated/random.ts'
import { type Entry, PartitionModel } from '../simulation/log/partition-model.ts'
import { PartitionRun, type ProducerSide, type Work } from '../simulation/log/partition-run.ts'
import { Reader } from '../simulation/log/reader.ts'
import { pick, type TopicSettings } from '../simulation/log/settings.ts'

export const DATA = '/data'

const flushed = {
  flush: 'group',
  'index.interval.bytes': '300',
  'message.timestamp.after.max.ms': '9223372036854775807',
}

/** Topics that roll, compact, delete and end transactions all the time, all with `flush: group`. */
export const topics: readonly TopicSettings[] = [
  { name: 'kept', texts: { ...flushed, 'cleanup.policy': '', 'internal.segment.bytes': '4000' } },
  {
    name: 'compacted',
    texts: {
      ...flushed,
      'cleanup.policy': 'compact',
      'internal.segment.bytes': '2500',
      'min.cleanable.dirty.ratio': '0',
      'file.delete.delay.ms': '20',
    },
  },
  {
    name: 'deleted',
    texts: {
      ...flushed,
      'cleanup.policy': 'delete',
      'internal.segment.bytes': '2000',
      'retention.bytes': '9000',
      'file.delete.delay.ms': '0',
    },
  },
]

/** A change of what was known, and after how many operations of the disk it came. */
interface Step {
  readonly at: number
  readonly apply: (model: PartitionModel) => void
}

/** What was known of one partition, moment by moment. */
export class KnowledgeRecord {
  readonly topic: string
  private readonly steps: Step[] = []
  private readonly operationCount: () => number

  constructor(topic: string, operationCount: () => number) {
    this.topic = topic
    this.operationCount = operationCount
  }

  /** A model whose every change is recorded. */
  record(model: PartitionModel): PartitionModel {
    const note = (apply: Step['apply']): void => void this.steps.push({ at: this.operationCount(), apply })
    return new Proxy(model, {
      set: (target, name, value) => {
        const copy = name === 'pending' ? copiesOf(value as readonly Entry[]) : value
        note((other) => Reflect.set(other, name, copy))
        return Reflect.set(target, name, value)
      },
      get: (target, name) => {
        const own = Reflect.get(target, name) as unknown
        if (name === 'append') {
          return (entries: readonly Entry[]) => {
            const copies = copiesOf(entries)
            note((other) => other.append(copiesOf(copies)))
            target.append(entries)
          }
        }
        if (name === 'promise') {
          return (offset: number) => {
            if (offset > target.promisedEnd) note((other) => other.promise(offset))
            target.promise(offset)
          }
        }
        return typeof own === 'function' ? own.bind(target) : own
      },
    })
  }

  /** What was known when so many operations had happened. */
  at(operations: number): PartitionModel {
    const model = new PartitionModel(this.topic)
    for (const { at, apply } of this.steps) {
      if (at > operations) break
      apply(model)
    }
    return model
  }
}

/** Entries without what a model notes on them. */
function copiesOf(entries: readonly Entry[]): Entry[] {
  return entries.map(({ transaction, ...entry }) => entry)
}

export interface RecordedLife {
  readonly simulation: Simulation
  readonly disk: SimulatedDisk
  /** From here on all partitions are there. */
  readonly firstOperation: number
  readonly knowledge: readonly KnowledgeRecord[]
  /** Acknowledged records. */
  readonly records: number
}

export interface LifeOptions {
  readonly seed: string
  readonly steps: number
  /** Close the directory in the end. */
  readonly close?: boolean
}

export async function recordLife(options: LifeOptions): Promise<RecordedLife> {
  const simulation = simulatedPlatform({ seed: options.seed, syncMs: [0.1, 3], turnMs: 0.2, record: true })
  const { disk } = simulation.host('broker')
  const knowledge = topics.map(({ name }) => new KnowledgeRecord(name, () => disk.operations.length))
  const life = new Life(simulation, knowledge)
  await simulation.runUntil(life.run(options))
  const records = life.models.reduce((sum, { promisedEnd }) => sum + promisedEnd, 0)
  return { simulation, disk, firstOperation: life.firstOperation, knowledge, records }
}

class Life {
  readonly models: readonly PartitionModel[]
  firstOperation = 0
  private readonly simulation: Simulation
  private readonly random: SimulatedRandom
  private readonly clock: Clock
  private value = 0

  constructor(simulation: Simulation, knowledge: readonly KnowledgeRecord[]) {
    this.simulation = simulation
    this.random = simulation.chance
    this.clock = simulation.host('broker').platform.clock
    this.models = knowledge.map((record) => record.record(new PartitionModel(record.topic)))
  }

  async run({ steps, close = false }: LifeOptions): Promise<void> {
    const { disk, platform } = this.simulation.host('broker')
    const directory = await openDirectory(platform)
    const logs = topics.map(({ name, texts }, number) => {
      const topicId = Buffer.alloc(16, number + 1)
      return directory.create({ topic: name, partition: 0, topicId, config: resolveLogConfig(texts) })
    })
    this.firstOperation = disk.operations.length
    const runs = logs.map((log, number) => this.runOf(log, number))
    for (let step = 0; step < steps; step++) {
      pick(this.random, runs).step()
      if (this.random.chance(0.6)) await this.clock.nextTurn()
      const draw = this.random.within([0, 99])
      if (draw < 3) await this.clean(directory, runs)
      else if (draw < 5) directory.checkpoint()
    }
    if (close) await directory.close()
    if (close) for (const model of this.models) model.promise(model.end)
  }

  private runOf(log: PartitionLog, number: number): PartitionRun {
    const model = this.models[number]!
    const producers = Array.from(
      { length: 4 },
      (_, index): ProducerSide => ({
        producerId: number * 100 + index,
        transactional: index >= 2,
        epoch: 0,
        nextSequence: 0,
        sends: [],
        unresolved: undefined,
        decision: undefined,
      }),
    )
    const readers = [new Reader(model, 'read_uncommitted'), new Reader(model, 'read_committed')]
    const work: Work = {
      random: this.random,
      nowMs: () => this.clock.nowMs(),
      isOver: () => false,
      mayFail: () => false,
      trace: () => {},
      nextValue: () => `v${this.value++}`,
    }
    return new PartitionRun(log, model, { producers, readers }, work)
  }

  private async clean(directory: LogDirectory, runs: readonly PartitionRun[]): Promise<void> {
    const nowMs = this.clock.nowMs()
    for (const { log, model } of runs) {
      if (log.config['cleanup.policy'].includes('compact')) model.compacted = true
      const { min, max } = model.cleanedMs
      model.cleanedMs = { min: Math.min(min, nowMs), max: Math.max(max, nowMs) }
      // Retention may move the start to anywhere.
      if (log.config['cleanup.policy'].includes('delete'))
        model.pendingStart = Math.max(model.pendingStart, model.start)
    }
    await directory.clean(nowMs)
    for (const run of runs) run.observe()
  }
}

export function openDirectory(
  platform: Parameters<typeof LogDirectory.open>[0]['platform'],
  logger = silentLogger,
): Promise<LogDirectory> {
  return LogDirectory.open({
    platform,
    directory: DATA,
    logger,
    nodeId: 1,
    configOf: (topic) => resolveLogConfig(topics.find(({ name }) => name === topic)?.texts ?? {}),
  })
}
