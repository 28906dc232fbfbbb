/** What one task does with what it is told of its inputs. How many of them work together: replay.test.ts. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json } from '../../core/serde.ts'
import { pipeline } from '../../dsl/pipeline.ts'
import { tumbling } from '../../dsl/window.ts'
import { sum } from '../../operators/aggregator.ts'
import type { SubTopology } from '../../plan/plan.ts'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import { generator, MemoryRun } from './memory-run-fixture.ts'
import { Task } from './task.ts'

interface Event {
  readonly key: string
  readonly group: string
  readonly atMs: number
}

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
