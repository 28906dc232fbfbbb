/**
 * Tasks over an in-memory log: several partitions, fed at seeded uneven speed, restarted at seeded moments.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../../core/serde.ts'
import { type Pipeline, pipeline } from '../../dsl/pipeline.ts'
import { session, tumbling } from '../../dsl/window.ts'
import { collect, count, sum } from '../../operators/aggregator.ts'
import type { SubTopology } from '../../plan/plan.ts'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import { generator, MemoryRun } from './memory-run-fixture.ts'
import { Task } from './task.ts'

interface Event {
  readonly key: string
  readonly group: string
  readonly atMs: number
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
