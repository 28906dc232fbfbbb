/**
 * In which order records of several inputs come to what processes them, with priorities and inputs that bootstrap:
 * compared with a naive model that chooses each record anew among all that lie there.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../../core/serde.ts'
import { type Pipeline, pipeline } from '../../dsl/pipeline.ts'
import { tumbling } from '../../dsl/window.ts'
import { count } from '../../operators/aggregator.ts'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import type { InputPartition } from './input-partition.ts'
import { generator, MemoryRun, type Pace } from './memory-run-fixture.ts'
import { Task } from './task.ts'

const WINDOW_MS = 10

interface Event {
  readonly key: string
  readonly atMs: number
  /** Its own: the input and the place in it. */
  readonly id: string
}

interface Input {
  readonly priority: number
  readonly bootstrap: boolean
  readonly events: readonly Event[]
}

/** Two to four inputs; `sorted`: the records of each are in the order of their times. */
const inputsOf = (sorted: boolean): fc.Arbitrary<Input[]> =>
  fc
    .array(
      fc.record({
        priority: fc.integer({ min: -1, max: 2 }),
        bootstrap: fc.boolean(),
        times: fc.array(fc.nat(60), { maxLength: 15 }),
      }),
      { minLength: 2, maxLength: 4 },
    )
    .map((inputs) =>
      inputs.map(({ priority, bootstrap, times }, at) => {
        const ordered = sorted ? times.toSorted((a, b) => a - b) : times
        const events = ordered.map((atMs, n): Event => ({ key: 'k', atMs, id: `${at}/${n}` }))
        return { priority, bootstrap, events }
      }),
    )

/** All inputs in one stream that is counted in windows; `seen` is told of each record as it is processed. */
function merged(inputs: readonly Input[], seen: (id: string) => void): Pipeline {
  const app = pipeline('app')
  const streams = inputs.map(({ priority, bootstrap }, at) =>
    app.stream(`in-${at}`, json<Event>(), { priority, bootstrap, eventTime: (event) => event.atMs }),
  )
  streams
    .reduce((all, one) => all.merge(one))
    .peek((event) => seen(event.id))
    .groupByKey()
    .window(tumbling(WINDOW_MS))
    .aggregate({ n: count() }, { name: 'counted' })
    .to('counts')
  return app
}

/** An input as the model sees it. */
interface Line {
  readonly priority: number
  bootstrapping: boolean
  /** More may come, and it has to be waited for. */
  open: boolean
  readonly waiting: Event[]
}

/** The record that must be next, taken out of its line; undefined when nothing may be processed yet. */
function takeNext(lines: readonly Line[]): Event | undefined {
  for (const line of lines) if (!line.open && line.waiting.length === 0) line.bootstrapping = false
  const first = lines.some((line) => line.bootstrapping)
  const among = first ? lines.filter((line) => line.bootstrapping) : lines
  const waitedFor = among.filter((line) => line.open || line.waiting.length > 0)
  const highest = first
    ? waitedFor
    : waitedFor.filter((line) => waitedFor.every((other) => other.priority <= line.priority))
  if (highest.some((line) => line.waiting.length === 0)) return undefined
  let chosen: Line | undefined
  for (const line of highest)
    if (chosen === undefined || line.waiting[0]!.atMs < chosen.waiting[0]!.atMs) chosen = line
  return chosen?.waiting.shift()
}

/** The whole order of inputs that lie there from the start. */
function wholeOrder(inputs: readonly Input[]): string[] {
  const lines = inputs.map(({ priority, bootstrap, events }): Line => {
    return { priority, bootstrapping: bootstrap, open: false, waiting: [...events] }
  })
  const ids: string[] = []
  for (let next = takeNext(lines); next !== undefined; next = takeNext(lines)) ids.push(next.id)
  return ids
}

function runWhole(inputs: readonly Input[], seed: number, pace: Pace): { seen: string[]; run: MemoryRun } {
  const seen: string[] = []
  const chance = generator(seed)
  const plan = merged(inputs, (id) => seen.push(id)).plan()
  const run = new MemoryRun(plan, 1, { batchBytesMax: 1000, laneBytesMax: 1_000_000 })
  for (const [at, { events }] of inputs.entries())
    run.source(`in-${at}`, events, 1 + Math.floor(chance() * 5))
  run.run(chance, 0, undefined, pace)
  return { seen, run }
}

const paces = ['even', 'by-chance', 'wild'] as const

describe('the order of inputs', () => {
  it('is that of the model, however fast each is read', () => {
    fc.assert(
      fc.property(inputsOf(false), fc.nat(), fc.constantFrom(...paces), (inputs, seed, pace) => {
        assert.deepEqual(runWhole(inputs, seed, pace).seen, wholeOrder(inputs))
      }),
      { numRuns: 150 },
    )
  })

  it('makes nothing late when each input is in order, and changes no window', () => {
    fc.assert(
      fc.property(inputsOf(true), fc.nat(), fc.constantFrom(...paces), (inputs, seed, pace) => {
        const { run } = runWhole(inputs, seed, pace)
        const counts = new Map<number, number>()
        for (const { atMs } of inputs.flatMap(({ events }) => events)) {
          const startMs = atMs - (atMs % WINDOW_MS)
          counts.set(startMs, (counts.get(startMs) ?? 0) + 1)
        }
        const expected = [...counts].map(([startMs, n]) => {
          const window = { key: 'k', windowStartMs: startMs, windowEndMs: startMs + WINDOW_MS }
          return `${JSON.stringify(window)} {"n":${n}} @${startMs + WINDOW_MS - 1}`
        })
        assert.deepEqual(run.texts('counts').flat().toSorted(), expected.toSorted())
        assert.deepEqual(run.texts('app-late').flat(), [])
      }),
      { numRuns: 100 },
    )
  })

  it('is that of the model at each step, while inputs grow, fall silent, come back and end', () => {
    let waits = 0
    let turns = 0
    fc.assert(
      fc.property(inputsOf(false), fc.nat(), (inputs, seed) => {
        const chance = generator(seed)
        const seen: string[] = []
        const { task, lines, feed, silence } = stepwise(inputs, (id) => seen.push(id))
        const expected: string[] = []
        for (let step = 0; step < 150; step++) {
          const at = Math.floor(chance() * inputs.length)
          const what = chance()
          if (what < 0.3) feed(at, 1 + Math.floor(chance() * 3))
          else if (what < 0.4) silence(at, chance() < 0.7 ? 'idle' : 'ended')
          else {
            const next = takeNext(lines)
            if (next !== undefined) expected.push(next.id)
            else if (lines.some((line) => line.waiting.length > 0)) waits++
            assert.equal(task.process(1), next === undefined ? 0 : 1)
            assert.deepEqual(seen, expected)
            turns++
          }
        }
      }),
      { numRuns: 150 },
    )
    assert.ok(waits > turns / 100, 'now and then records lie there that have to wait for others')
  })
})

/** A task and the model of its inputs, which are told the same. */
function stepwise(inputs: readonly Input[], seen: (id: string) => void) {
  const plan = merged(inputs, seen).plan()
  const [part] = plan.subTopologies
  const task = new Task({
    plan,
    part: part!,
    partition: 0,
    upstreamTasks: () => 1,
    reads: () => true,
    transport: { partitionCount: () => 1, send: () => {} },
  })
  task.tick(0)
  const left = inputs.map(({ events }) => [...events])
  const lines = inputs.map(({ priority, bootstrap }): Line => {
    return { priority, bootstrapping: bootstrap, open: true, waiting: [] }
  })
  const offsets = inputs.map(() => 0)
  const inputOf = (at: number): InputPartition => task.partitions.find(({ topic }) => topic === `in-${at}`)!
  return {
    task,
    lines,
    feed(at: number, most: number): void {
      const events = left[at]!.splice(0, most)
      if (events.length === 0) return
      const batch = new RecordBatchBuilder({ initialBytes: 256 })
      for (const event of events)
        batch.append(event.atMs, Buffer.from('k'), Buffer.from(JSON.stringify(event)))
      inputOf(at).accept(batch.seal({ baseOffset: offsets[at]! }))
      offsets[at]! += events.length
      lines[at]!.waiting.push(...events)
      lines[at]!.open = true
    },
    /** Silent until something comes, or for good. */
    silence(at: number, how: 'idle' | 'ended'): void {
      if (how === 'ended') left[at]!.length = 0
      inputOf(at).lanes[0]!.say(inputOf(at).lanes[0]!.state === 'ended' ? 'ended' : how)
      lines[at]!.open = false
    },
  }
}
