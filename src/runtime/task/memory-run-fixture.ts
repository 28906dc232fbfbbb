/**
 * A plan's tasks over an in-memory log: several partitions, fed at seeded uneven speed, restarted at seeded moments.
 *
 * How fast each partition is read is a `Pace`: `even` gives every input a batch in turn, `by-chance` whoever the dice
 * say, and with `wild` some inputs get eight batches at a time and others one in a hundred turns, or none before
 * everything else has come to a halt.
 */
import assert from 'node:assert/strict'
import { ByteWriter } from '../../core/byte-writer.ts'
import { partitionOf } from '../../core/murmur2.ts'
import { json } from '../../core/serde.ts'
import type { PhysicalPlan } from '../../plan/plan.ts'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { ChangelogWriter } from '../../state/store.ts'
import type { CommitPosition } from './input-partition.ts'
import { Task } from './task.ts'

/** What a source is filled with: the whole object is the value; a deletion has none. */
export interface TimedEvent {
  readonly key: string
  readonly atMs: number
  readonly deleted?: boolean
}

export type Pace = 'even' | 'by-chance' | 'wild'

/** With `wild`: batches in one turn, below 1 the chance of one. */
const WILD_SPEEDS = [0, 0.01, 0.1, 1, 8]
/** So many turns without a move are a halt: then slow ones have their turn, too. */
const HALT_TURNS = 100

/** Topics as lists of batches, and the tasks of a plan over them. */
export class MemoryRun {
  readonly logs = new Map<string, Buffer[][]>()
  readonly tasks = new Map<string, Task>()
  /** How many batches of each partition a task has been fed: `task topic` → count. */
  private readonly fed = new Map<string, number>()
  /** What the tasks are told at each step; it goes on by chance. */
  private wallClockMs = 1_000_000
  private readonly plan: PhysicalPlan
  private readonly partitions: number
  private readonly batchBytesMax: number
  private readonly laneBytesMax: number
  private committed = new Map<string, Map<string, CommitPosition>>()
  private ends = new Map<Buffer[], number>()
  /** Batches that a task made since its last commit: they count only once it commits. */
  private pending = new Map<string, { topic: string; partition: number; batch: RecordBatchBuilder }[]>()
  /** With `wild`, of each task's input, by `task topic`. */
  private readonly speeds = new Map<string, number>()

  constructor(
    plan: PhysicalPlan,
    partitions: number,
    sizes: { batchBytesMax: number; laneBytesMax: number },
  ) {
    this.plan = plan
    this.partitions = partitions
    this.batchBytesMax = sizes.batchBytesMax
    this.laneBytesMax = sizes.laneBytesMax
  }

  log(topic: string, partition: number): Buffer[] {
    let logs = this.logs.get(topic)
    if (logs === undefined) {
      logs = Array.from({ length: this.partitions }, () => [])
      this.logs.set(topic, logs)
    }
    return logs[partition]!
  }

  append(topic: string, partition: number, batch: RecordBatchBuilder): void {
    const log = this.log(topic, partition)
    const baseOffset = this.ends.get(log) ?? 0
    log.push(batch.seal({ baseOffset }))
    this.ends.set(log, baseOffset + batch.recordCount)
  }

  source(topic: string, events: readonly TimedEvent[], batchRecords: number): void {
    const key = new ByteWriter()
    const value = new ByteWriter()
    for (let partition = 0; partition < this.partitions; partition++) {
      const own = events.filter((event) => partitionOf(Buffer.from(event.key), this.partitions) === partition)
      for (let at = 0; at < own.length; at += batchRecords) {
        const batch = new RecordBatchBuilder({ initialBytes: 256 })
        for (const event of own.slice(at, at + batchRecords)) {
          key.clear()
          key.utf8(event.key)
          value.clear()
          if (!event.deleted) json().write(event, value)
          batch.append(event.atMs, key, event.deleted ? null : value)
        }
        this.append(topic, partition, batch)
      }
      this.log(topic, partition)
    }
  }

  /** Starts every task that is not running, from its committed position and changelogs. */
  start(): void {
    for (const part of this.plan.subTopologies) {
      for (let partition = 0; partition < this.partitions; partition++) {
        const name = `${part.index}_${partition}`
        if (this.tasks.has(name)) continue
        const task = new Task({
          plan: this.plan,
          part,
          partition,
          upstreamTasks: () => this.partitions,
          reads: () => true,
          batchBytesMax: this.batchBytesMax,
          laneBytesMax: this.laneBytesMax,
          transport: {
            partitionCount: () => this.partitions,
            send: (topic, to, batch) => this.pending.get(name)!.push({ topic, partition: to, batch }),
          },
        })
        this.pending.set(name, [])
        for (const input of task.partitions) {
          const position = this.committed.get(name)?.get(input.topic)
          if (position !== undefined) input.startAt(position)
          this.fed.set(`${name} ${input.topic}`, 0)
        }
        for (const store of part.stores) {
          const reader = new RecordBatchReader()
          for (const bytes of this.log(store.changelogTopic, partition)) {
            reader.reset(bytes, 0)
            while (reader.next()) task.stores.get(store.spec.name)!.restore(reader)
          }
        }
        this.tasks.set(name, task)
      }
    }
  }

  /** Feeds the next batch of one input, if there is one; at the end of a source topic its lane ends. */
  feed(name: string, inputAt: number): boolean {
    const task = this.tasks.get(name)!
    const input = task.partitions[inputAt % task.partitions.length]!
    const log = this.log(input.topic, input.partition)
    const rewind = input.takeRewind()
    const key = `${name} ${input.topic}`
    if (rewind !== undefined) this.fed.set(key, 0)
    const at = this.fed.get(key)!
    if (at >= log.length) {
      if (!input.internal && input.lanes[0]!.state !== 'ended') {
        input.lanes[0]!.say('ended')
        return true
      }
      return rewind !== undefined
    }
    input.accept(log[at]!)
    this.fed.set(key, at + 1)
    return true
  }

  /** Feeds a task what its turn gives it; true when there was anything. */
  private feedAt(pace: Pace, name: string, chance: () => number): boolean {
    const inputs = this.tasks.get(name)!.partitions
    let moved = false
    if (pace === 'by-chance') {
      const feeds = Math.floor(chance() * 4)
      for (let n = 0; n < feeds; n++) moved = this.feed(name, Math.floor(chance() * 8)) || moved
      return moved
    }
    for (const [at, { topic }] of inputs.entries()) {
      const batches = pace === 'even' ? 1 : this.speedOf(`${name} ${topic}`, chance)
      for (let n = 0; n < batches; n++) {
        if (batches >= 1 || chance() < batches) moved = this.feed(name, at) || moved
      }
    }
    return moved
  }

  private speedOf(input: string, chance: () => number): number {
    const speed = this.speeds.get(input) ?? WILD_SPEEDS[Math.floor(chance() * WILD_SPEEDS.length)]!
    this.speeds.set(input, speed)
    return speed
  }

  /** What a transaction does: outputs, changelogs and positions become visible together. */
  commit(name: string): void {
    const task = this.tasks.get(name)!
    task.flush()
    task.committed()
    for (const store of task.part.stores) {
      const batch = new RecordBatchBuilder({ initialBytes: 256 })
      const writer: ChangelogWriter = {
        write: (key, value, timestampMs) => batch.append(timestampMs, key, value),
      }
      task.stores.get(store.spec.name)!.flush(writer)
      if (!batch.isEmpty) this.append(store.changelogTopic, task.id.partition, batch)
    }
    for (const { topic, partition, batch } of this.pending.get(name)!) this.append(topic, partition, batch)
    this.pending.set(name, [])
    this.committed.set(name, new Map(task.partitions.map((input) => [input.topic, input.position()])))
  }

  crash(name: string): void {
    this.tasks.get(name)!.close()
    this.tasks.delete(name)
    this.start()
  }

  /**
   * Runs everything to the end; `chance` decides who is fed, processes, commits or crashes next. `outside` is called at
   * each step with the task whose turn it is, and tells whether anything happened.
   */
  run(
    chance: () => number,
    crashes: number,
    outside: (task: Task) => boolean = () => false,
    pace: Pace = 'by-chance',
  ): void {
    this.start()
    const names = [...this.tasks.keys()]
    let crashesLeft = crashes
    for (let turn = 0, still = 0; still < 2000; turn++) {
      const name = names[pace === 'even' ? turn % names.length : Math.floor(chance() * names.length)]!
      let moved = this.feedAt(pace === 'wild' && still > HALT_TURNS ? 'by-chance' : pace, name, chance)
      const task = this.tasks.get(name)!
      this.wallClockMs += Math.floor(chance() * 50)
      moved = outside(task) || moved
      task.tick(this.wallClockMs)
      moved = task.process(1 + Math.floor(chance() * 20)) > 0 || moved
      if (chance() < 0.3 || task.ended) {
        moved ||= task.dirty
        this.commit(name)
      }
      if (crashesLeft > 0 && chance() < 0.02) {
        crashesLeft--
        this.crash(name)
        moved = true
      }
      still = moved ? 0 : still + 1
    }
    assert.ok(
      [...this.tasks.values()].every((t) => t.ended),
      'every task came to the end of its input',
    )
  }

  /** All records of a topic as texts, by partition. */
  texts(topic: string): string[][] {
    const reader = new RecordBatchReader()
    return Array.from({ length: this.partitions }, (_, partition) =>
      this.log(topic, partition).flatMap((bytes) => {
        reader.reset(bytes, 0)
        const texts: string[] = []
        while (reader.next()) {
          const key = reader.body.utf8Slice(reader.keyStart, reader.keyEnd)
          const { body, valueStart, valueEnd, timestampMs } = reader
          const value = valueStart < 0 ? '' : body.utf8Slice(valueStart, valueEnd)
          texts.push(`${key} ${value} @${timestampMs}`)
        }
        return texts
      }),
    )
  }
}

/** Numbers from 0 to below 1, the same for the same seed. */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
