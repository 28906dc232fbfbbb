/**
 * Tasks over an in-memory log: several partitions, fed at seeded uneven speed, restarted at seeded moments.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ByteWriter } from '../../core/byte-writer.ts'
import { partitionOf } from '../../core/murmur2.ts'
import { json } from '../../core/serde.ts'
import { type Pipeline, pipeline } from '../../dsl/pipeline.ts'
import { session, tumbling } from '../../dsl/window.ts'
import { collect, count, sum } from '../../operators/aggregator.ts'
import type { PhysicalPlan, SubTopology } from '../../plan/plan.ts'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { ChangelogWriter } from '../../state/store.ts'
import type { CommitPosition } from './input-partition.ts'
import { Task } from './task.ts'

interface Event {
  readonly key: string
  readonly group: string
  readonly atMs: number
}

/** Topics as lists of batches, and the tasks of a plan over them. */
class MemoryRun {
  readonly logs = new Map<string, Buffer[][]>()
  readonly tasks = new Map<string, Task>()
  /** How many batches of each partition a task has been fed: `task topic` → count. */
  private readonly fed = new Map<string, number>()
  private readonly plan: PhysicalPlan
  private readonly partitions: number
  private readonly batchBytesMax: number
  private readonly laneBytesMax: number
  private committed = new Map<string, Map<string, CommitPosition>>()
  private ends = new Map<Buffer[], number>()
  /** Batches that a task made since its last commit: they count only once it commits. */
  private pending = new Map<string, { topic: string; partition: number; batch: RecordBatchBuilder }[]>()

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

  source(topic: string, events: readonly Event[], batchRecords: number): void {
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
          json().write(event, value)
          batch.append(event.atMs, key, value)
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

  /** What a transaction does: outputs, changelogs and positions become visible together. */
  commit(name: string): void {
    const task = this.tasks.get(name)!
    task.flush()
    task.dirty = false
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
    this.tasks.delete(name)
    this.start()
  }

  /** Runs everything to the end; `chance` decides who is fed, processes, commits or crashes next. */
  run(chance: () => number, crashes: number): void {
    this.start()
    const names = [...this.tasks.keys()]
    let crashesLeft = crashes
    for (let still = 0; still < 2000; ) {
      const name = names[Math.floor(chance() * names.length)]!
      let moved = false
      const feeds = Math.floor(chance() * 4)
      for (let n = 0; n < feeds; n++) moved = this.feed(name, Math.floor(chance() * 8)) || moved
      const task = this.tasks.get(name)!
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
          texts.push(
            `${key} ${reader.body.utf8Slice(reader.valueStart, reader.valueEnd)} @${reader.timestampMs}`,
          )
        }
        return texts
      }),
    )
  }
}

function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const groupCounts = (): Pipeline => {
  const app = pipeline('counts')
  const events = app.stream('events', json<Event>(), { eventTime: (e) => e.atMs })
  events
    .groupBy((e) => e.group)
    .window(tumbling('10 seconds'))
    .aggregate({ n: count(), keys: collect((e) => e.key) }, { name: 'by-group' })
    .to('per-group')
  events
    .groupByKey()
    .window(session('5 seconds'))
    .aggregate({ n: count() }, { name: 'sessions' })
    .to('sessions')
  const other = app.stream('others', json<Event>(), { eventTime: (e) => e.atMs })
  events
    .selectKey((e) => e.group)
    .join(
      other.selectKey((o) => o.group),
      (e, o) => `${e.key}+${o.key}`,
      { within: '2 seconds' },
    )
    .to('pairs')
  return app
}

const eventsOf = (count_: number): fc.Arbitrary<Event[]> =>
  fc
    .array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
        group: fc.constantFrom('x', 'y', 'z'),
        stepMs: fc.nat(3000),
      }),
      { maxLength: count_ },
    )
    .map((steps) => {
      let atMs = 1_000_000
      return steps.map(({ key, group, stepMs }) => {
        atMs += stepMs
        return { key, group, atMs }
      })
    })

const topics = ['per-group', 'sessions', 'pairs'] as const

/** Runs the pipeline over the events; gives each result topic's records by partition. */
function results(
  events: { events: readonly Event[]; others: readonly Event[] },
  how: { partitions: number; seed: number; crashes: number; laneBytesMax?: number },
): { byPartition: string[][][]; late: string[][] } {
  const chance = generator(how.seed)
  const run = new MemoryRun(groupCounts().plan(), how.partitions, {
    batchBytesMax: 200 + Math.floor(chance() * 2000),
    laneBytesMax: how.laneBytesMax ?? 1_000_000,
  })
  run.source('events', events.events, 1 + Math.floor(chance() * 5))
  run.source('others', events.others, 1 + Math.floor(chance() * 5))
  run.run(chance, how.crashes)
  return { byPartition: topics.map((topic) => run.texts(topic)), late: run.texts('counts-late') }
}

/** The sequence of records of each key: what one partition's order promises. */
function byKey(byPartition: string[][][]): Record<string, string[]>[] {
  return byPartition.map((partitions) => {
    const sequences: Record<string, string[]> = {}
    for (const text of partitions.flat()) {
      const key = /"key":"(.*?)"|^(\S+)/.exec(text)?.slice(1).join('') ?? ''
      sequences[key] ??= []
      sequences[key].push(text)
    }
    return sequences
  })
}

const inputs = fc.record({ events: eventsOf(80), others: eventsOf(40) })

describe('a replay', () => {
  it('gives the same records in the same order per key however fast each partition is read', () => {
    fc.assert(
      fc.property(
        inputs,
        fc.constantFrom(1, 2, 4),
        fc.nat(),
        fc.nat(),
        (events, partitions, seedA, seedB) => {
          const a = results(events, { partitions, seed: seedA, crashes: 0 })
          const b = results(events, { partitions, seed: seedB, crashes: 0 })
          assert.deepEqual(byKey(a.byPartition), byKey(b.byPartition))
          assert.deepEqual(a.late.flat(), [], 'nothing is late when each partition is in order')
        },
      ),
      { numRuns: 60 },
    )
  })

  it('gives the same after crashes, each task going on from its commit', () => {
    fc.assert(
      fc.property(
        inputs,
        fc.constantFrom(1, 2, 4),
        fc.nat(),
        fc.nat(),
        (events, partitions, seedA, seedB) => {
          const clean = results(events, { partitions, seed: seedA, crashes: 0 })
          const crashed = results(events, { partitions, seed: seedB, crashes: 12 })
          for (let at = 0; at < topics.length; at++) {
            for (let p = 0; p < partitions; p++) {
              assert.deepEqual(
                crashed.byPartition[at]![p]!.toSorted(),
                clean.byPartition[at]![p]!.toSorted(),
                topics[at],
              )
            }
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('gives the same windows on any number of partitions', () => {
    const timeOrder = (texts: string[][]): string[] =>
      texts
        .flat()
        .map((text) => text.replace(/"keys":\[.*?\]/, (keys) => [...keys].toSorted().join('')))
        .toSorted()
    fc.assert(
      fc.property(inputs, fc.nat(), (events, seed) => {
        const [one, two, eight] = [1, 2, 8].map((partitions) =>
          results(events, { partitions, seed, crashes: 0 }),
        )
        for (let at = 0; at < topics.length; at++) {
          assert.deepEqual(timeOrder(two!.byPartition[at]!), timeOrder(one!.byPartition[at]!), topics[at])
          assert.deepEqual(timeOrder(eight!.byPartition[at]!), timeOrder(one!.byPartition[at]!), topics[at])
        }
      }),
      { numRuns: 25 },
    )
  })

  it('gives the same when lanes have hardly any room and are read again', () => {
    fc.assert(
      fc.property(inputs, fc.constantFrom(2, 4), fc.nat(), (events, partitions, seed) => {
        const roomy = results(events, { partitions, seed, crashes: 0 })
        const tight = results(events, { partitions, seed: seed + 1, crashes: 3, laneBytesMax: 300 })
        for (let at = 0; at < topics.length; at++) {
          assert.deepEqual(tight.byPartition[at]!.flat().toSorted(), roomy.byPartition[at]!.flat().toSorted())
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('a task', () => {
  it('waits for a silent input, unless it is idle', () => {
    const app = pipeline('wait')
    const left = app.stream('left', json<number>())
    left.merge(app.stream('right', json<number>())).to('out')
    const plan = app.plan()
    const sent: RecordBatchBuilder[] = []
    const task = new Task({
      plan,
      part: plan.subTopologies[0]!,
      partition: 0,
      upstreamTasks: () => 1,
      reads: () => true,
      transport: { partitionCount: () => 1, send: (_t, _p, batch) => void sent.push(batch) },
    })
    const batch = new RecordBatchBuilder()
    batch.append(5, null, Buffer.from('1'))
    task.partitions[0]!.accept(batch.seal())
    assert.equal(task.process(10), 0)
    task.partitions[1]!.lanes[0]!.say('idle')
    assert.equal(task.process(10), 1)
    task.flush()
    assert.equal(sent.length, 1)
    assert.equal(task.streamTimeMs, 5)
  })

  it('does not take an old word for idle after a restart, until the task above has spoken again', () => {
    const app = pipeline('again')
    const clicks = app.stream('clicks', json<{ page: string }>()).selectKey((click) => click.page)
    clicks.join(app.table('views', json<{ page: string }>()), (click) => click).to('out')
    const plan = app.plan()
    const above = plan.subTopologies.find((part) => part.sinks.some((sink) => sink.internal))!
    const below = plan.subTopologies.find((part) => part !== above)!
    const sent: { topic: string; bytes: Buffer }[] = []
    const make = (part: SubTopology): Task =>
      new Task({
        plan,
        part,
        partition: 0,
        upstreamTasks: () => 1,
        reads: () => true,
        transport: {
          partitionCount: () => 1,
          send: (topic, _p, batch) =>
            void sent.push({ topic, bytes: batch.seal({ baseOffset: sent.length }) }),
        },
      })
    const internalOf = (task: Task) => task.partitions.find((input) => input.internal)!
    const externalOf = (task: Task) => task.partitions.find((input) => !input.internal)!
    const view = new RecordBatchBuilder()
    view.append(5, Buffer.from('/'), Buffer.from('{"page":"/"}'))

    const upper = make(above)
    const lower = make(below)
    for (const task of [upper, lower]) task.enter(1)
    externalOf(upper).lanes[0]!.say('idle')
    upper.flush()
    internalOf(lower).accept(sent.shift()!.bytes)
    externalOf(lower).accept(view.seal())
    assert.equal(lower.process(10), 1, 'the lane from above is idle')

    const restarted = make(below)
    restarted.enter(2)
    internalOf(restarted).startAt(internalOf(lower).position())
    externalOf(restarted).accept(view.seal())
    assert.equal(restarted.process(10), 0, 'what was said in epoch 1 does not count in 2')
    sent.length = 0
    sent.push({ topic: '', bytes: view.seal() })
    upper.enter(2)
    upper.flush()
    internalOf(restarted).accept(sent[1]!.bytes)
    assert.equal(restarted.process(10), 1)
  })

  it('sums exactly what went in, so the harness itself is not blind', () => {
    const app = pipeline('sums')
    app
      .stream('events', json<Event>())
      .groupBy((e) => e.group)
      .window(tumbling('1 day'))
      .aggregate({ total: sum((e) => e.atMs) })
      .to('totals')
    const run = new MemoryRun(app.plan(), 2, { batchBytesMax: 500, laneBytesMax: 10_000 })
    const events = [1, 2, 3, 4].map((n) => ({ key: `k${n}`, group: 'g', atMs: n }))
    run.source('events', events, 1)
    run.run(generator(7), 2)
    assert.match(run.texts('totals').flat().join('\n'), /"total":10/)
  })
})
