/**
 * Runs a pipeline without a log, on virtual time: what goes into a topic comes out of the others at once.
 *
 * Every sub-topology runs as one task, records pass through their serdes as bytes, and internal topics are followed
 * until nothing moves. Like every topic in a driver, an input that is silent does not hold the others up.
 */

import { ByteWriter } from '../core/byte-writer.ts'
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import { type Headers, noHeaders, type StoredRecord } from '../core/record.ts'
import { json, type Serde, stringSerde } from '../core/serde.ts'
import type { ParkedDecision, ParkedKey } from '../operators/operator.ts'
import type { PhysicalPlan } from '../plan/plan.ts'
import type { Clock } from '../platform/clock.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
import { Task } from '../runtime/task/task.ts'
import { DriverClock } from './driver-clock.ts'
import { type DriverStore, driverStore } from './driver-store.ts'
import { inTimeOrder } from './fixture/time-order.ts'
import { countVirtualTime } from './virtual-time.ts'

/** What the driver needs of a pipeline. */
export interface Plannable {
  plan(): PhysicalPlan
}

export interface DriverRecord<V = unknown, K = unknown> {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
  readonly headers: Headers
}

export interface AppendOptions {
  readonly key?: unknown
  /** Default: the driver's time. */
  readonly timestampMs?: number
  readonly headers?: Headers
}

interface Codecs {
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
}

/** One topic of a driver. */
export interface DriverTopic {
  /** Adds a record, encoded as the pipeline reads the topic; null is a tombstone. The pipeline runs at once. */
  append(value: unknown, options?: AppendOptions): void
  /** Adds a record as bytes, legal or not. */
  appendBytes(key: Uint8Array | null, value: Uint8Array | null, options?: AppendOptions): void
  /** The records that came since the last call, oldest first. */
  read<V = unknown, K = unknown>(): readonly DriverRecord<V, K>[]
}

export interface TestDriver {
  topic(name: string): DriverTopic
  /** Lets time pass: wall-clock time, and with it the time of every topic, as if records kept coming. */
  advance(duration: Duration): void
  /**
   * Lets functions that the pipeline asks come to their answers, as far as they need no time for it, and takes them.
   * What a function waits for must be a promise that the test settles, or the driver's own clock: no network.
   */
  settled(): Promise<void>
  /** As `advance`, from one thing that is due to the next: timers of `clock`, time-outs, pauses before retries. */
  elapse(duration: Duration): Promise<void>
  /**
   * Adds recorded records as bytes to the topics that they name, merged by their timestamps, and lets wall-clock time
   * pass between them. A driver that has had no record yet begins at the time of the first.
   * @throws MR_TOPIC_UNKNOWN before anything is added
   */
  replay(records: readonly StoredRecord[]): Promise<void>
  /** The driver's time for functions that the pipeline asks. */
  readonly clock: Clock
  /** Keys whose records wait for one that fails. */
  parked(): readonly ParkedKey[]
  /** Decides about a parked key of an operator. @throws MR_KEY_NOT_PARKED when it is not parked */
  decide(operator: string, key: unknown, decision: ParkedDecision): void
  /** Bounded input: every topic has ended, all windows close. What still waits for an answer comes first. */
  end(): void
  /** A store by the name of its operator, or by the topic of its table. @throws MR_STORE_UNKNOWN */
  store<V = unknown, K = string>(name: string): DriverStore<V, K>
  /** Virtual time, milliseconds since the epoch; it starts at `startMs`. */
  readonly nowMs: number
}

class Driver implements TestDriver {
  nowMs: number
  readonly clock: DriverClock
  private readonly tasks: readonly Task[]
  private readonly codecs = new Map<string, Codecs>()
  private readonly logs = new Map<string, Buffer[]>()
  private readonly offsets = new Map<string, number>()
  private readonly readTo = new Map<string, number>()

  /** Records are laid down for the pipeline to find; it does not run yet. */
  private starting = false

  constructor(plan: PhysicalPlan, startMs: number, before?: (driver: TestDriver) => void) {
    this.nowMs = startMs
    this.clock = new DriverClock(startMs)
    const transport = {
      partitionCount: () => 1,
      send: (topic: string, _partition: number, batch: RecordBatchBuilder) => this.keep(topic, batch),
    }
    this.codecs.set(plan.lateTopic, { keySerde: json(), valueSerde: json() })
    this.codecs.set(plan.deadLetterTopic, {
      keySerde: stringSerde as never,
      valueSerde: stringSerde as never,
    })
    for (const part of plan.subTopologies) {
      for (const { node } of part.sinks) this.codecs.set(node.topic, node)
      for (const { node } of part.sources) this.codecs.set(node.topic, node)
    }
    this.tasks = plan.subTopologies.map(
      (part) => new Task({ plan, part, partition: 0, upstreamTasks: () => 1, reads: () => true, transport }),
    )
    this.starting = true
    before?.(this)
    this.starting = false
    this.settle()
  }

  topic(name: string): DriverTopic {
    const codecs = this.codecs.get(name)
    if (codecs === undefined) {
      throw new MillraceError('MR_TOPIC_UNKNOWN', `the pipeline has no topic "${name}"`, {
        hint: `It has ${[...this.codecs.keys()].join(', ')}.`,
      })
    }
    return {
      append: (value, options = {}) => {
        const encode = (serde: Serde<unknown>, from: unknown): ByteWriter | null => {
          if (from === null || from === undefined) return null
          const writer = new ByteWriter()
          serde.write(from, writer)
          return writer
        }
        this.append(name, encode(codecs.keySerde, options.key), encode(codecs.valueSerde, value), options)
      },
      appendBytes: (key, value, options = {}) => this.append(name, key, value, options),
      read: <V, K>() => this.read(name, codecs) as readonly DriverRecord<V, K>[],
    }
  }

  advance(duration: Duration): void {
    this.moveTo(this.nowMs + durationMs(duration))
  }

  async settled(): Promise<void> {
    do await this.clock.nextTurn()
    while (this.settle() || this.clock.moveTo(this.nowMs))
  }

  async elapse(duration: Duration): Promise<void> {
    const endMs = this.nowMs + durationMs(duration)
    await this.passTo(endMs, (timeMs) => this.moveTo(timeMs))
  }

  async replay(records: readonly StoredRecord[]): Promise<void> {
    for (const topic of new Set(records.map((record) => record.topic))) this.topic(topic)
    const ordered = inTimeOrder(records)
    const [first] = ordered
    if (first === undefined) return
    if (this.logs.size === 0 && first.timestampMs > this.nowMs) this.nowMs = first.timestampMs
    // What the records say of event time counts, not when they were written: only the wall clock moves.
    const move = (timeMs: number): void => this.moveWallTo(timeMs)
    move(this.nowMs)
    for (const { topic, key, value, timestampMs, headers } of ordered) {
      if (timestampMs > this.nowMs) await this.passTo(timestampMs, move)
      this.append(topic, key, value, { timestampMs, headers })
    }
    await this.settled()
  }

  /** Lets wall-clock time pass up to `endMs`, from one thing that is due to the next. */
  private async passTo(endMs: number, move: (timeMs: number) => void): Promise<void> {
    await this.settled()
    for (;;) {
      const due = [this.clock.firstMs, ...this.tasks.map((task) => task.nextTickMs)]
      const nextMs = Math.min(...due.filter((timeMs) => timeMs > this.nowMs))
      if (nextMs > endMs) break
      this.clock.moveTo(nextMs)
      // Answers that come at this time come before time-outs at it.
      await this.clock.nextTurn()
      move(nextMs)
      await this.settled()
    }
    move(endMs)
    await this.settled()
  }

  parked(): readonly ParkedKey[] {
    return this.tasks.flatMap((task) => task.parked(Number.POSITIVE_INFINITY))
  }

  decide(operator: string, key: unknown, decision: ParkedDecision): void {
    const count = this.tasks.reduce((sum, task) => sum + task.decide(operator, key, decision), 0)
    if (count === 0)
      throw new MillraceError('MR_KEY_NOT_PARKED', `no key ${JSON.stringify(key)} of "${operator}" is parked`)
    this.settle()
  }

  end(): void {
    for (const task of this.tasks) {
      for (const input of task.partitions) if (!input.internal) input.lanes[0]!.say('ended')
    }
    this.settle()
  }

  store<V, K>(name: string): DriverStore<V, K> {
    const all = this.tasks.flatMap((task) => task.part.stores.map((planned) => ({ task, planned })))
    const found =
      all.find(({ planned }) => planned.spec.name === name) ??
      all.find(({ planned }) => planned.spec.queried?.alias === name)
    const store = found?.task.stores.get(found.planned.spec.name)
    if (found !== undefined && store !== undefined) return driverStore(found.planned, store)
    const names = all.map(({ planned }) => planned.spec.queried?.alias ?? planned.spec.name)
    throw new MillraceError('MR_STORE_UNKNOWN', `the pipeline has no store "${name}"`, {
      hint: names.length === 0 ? 'It has none.' : `It has ${names.join(', ')}.`,
    })
  }

  private append(
    topic: string,
    key: ByteWriter | Uint8Array | null,
    value: ByteWriter | Uint8Array | null,
    options: AppendOptions,
  ): void {
    const batch = new RecordBatchBuilder({ initialBytes: 256 })
    batch.append(options.timestampMs ?? this.nowMs, key, value, options.headers ?? noHeaders)
    this.keep(topic, batch)
    if (!this.starting) this.settle()
  }

  /** Keeps a batch in its topic and gives it to the tasks that read it. */
  private keep(topic: string, batch: RecordBatchBuilder): void {
    const baseOffset = this.offsets.get(topic) ?? 0
    const bytes = batch.seal({ baseOffset })
    this.offsets.set(topic, baseOffset + batch.recordCount)
    const log = this.logs.get(topic)
    if (log === undefined) this.logs.set(topic, [bytes])
    else log.push(bytes)
    for (const task of this.tasks) {
      for (const input of task.partitions) if (input.topic === topic) input.accept(bytes)
    }
  }

  private moveWallTo(timeMs: number): void {
    countVirtualTime(timeMs - this.nowMs)
    this.nowMs = timeMs
    this.clock.moveTo(timeMs)
    for (const task of this.tasks) task.tick(timeMs)
    this.settle()
  }

  private moveTo(timeMs: number): void {
    countVirtualTime(timeMs - this.nowMs)
    this.nowMs = timeMs
    this.clock.moveTo(timeMs)
    for (const task of this.tasks) {
      task.tick(this.nowMs)
      const lateness = task.part.sources.map(({ node }) =>
        node.kind === 'source' ? node.latenessMs : Number.NaN,
      )
      // A task below an internal topic learns the time from the tasks above it.
      if (lateness.every((ms) => !Number.isNaN(ms))) task.advanceTo(this.nowMs - Math.max(...lateness))
    }
    this.settle()
  }

  /** Runs all tasks until nothing moves; true when anything did. */
  private settle(): boolean {
    let any = false
    for (let moved = true; moved; ) {
      moved = false
      for (const task of this.tasks) {
        // Below an internal topic the tasks above say whether there is more to come.
        for (const { internal, lanes } of task.partitions)
          if (!internal && lanes[0]!.state === 'active') lanes[0]!.say('idle')
        task.tick(this.nowMs)
        while (task.process(1000) > 0) moved = true
        moved ||= task.dirty
        task.flush()
        task.committed()
      }
      any ||= moved
    }
    return any
  }

  private read(topic: string, codecs: Codecs): readonly DriverRecord[] {
    const from = this.readTo.get(topic) ?? 0
    const records: DriverRecord[] = []
    const reader = new RecordBatchReader()
    for (const bytes of this.logs.get(topic) ?? []) {
      reader.reset(bytes, 0)
      while (reader.next()) {
        if (reader.offset < from) continue
        const { body, keyStart, keyEnd, valueStart, valueEnd, timestampMs } = reader
        const key = keyStart < 0 ? null : codecs.keySerde.read(body, keyStart, keyEnd)
        const value = valueStart < 0 ? null : codecs.valueSerde.read(body, valueStart, valueEnd)
        records.push({ key, value, timestampMs, headers: reader.headers() })
      }
    }
    this.readTo.set(topic, this.offsets.get(topic) ?? 0)
    return records
  }
}

export interface DriverOptions {
  /** The driver's first time, milliseconds since the epoch. Default 0. */
  readonly startMs?: number
  /** Lays down records that the pipeline finds in its topics when it starts. */
  readonly before?: (driver: TestDriver) => void
}

/**
 * A driver for a pipeline, or anything else that has a plan. Records come out of `topic(…).read()` in the order in which
 * they were made.
 */
export function testDriver(pipeline: Plannable, options: DriverOptions = {}): TestDriver {
  return new Driver(pipeline.plan(), options.startMs ?? 0, options.before)
}
