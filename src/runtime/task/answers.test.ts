/**
 * Records that wait for answers, in tasks over an in-memory log: answers in any order, failures, restarts. What comes
 * out is compared with the same pipeline whose function answers at once.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../../core/serde.ts'
import { type Pipeline, pipeline } from '../../dsl/pipeline.ts'
import type { Stream } from '../../dsl/stream.ts'
import { tumbling } from '../../dsl/window.ts'
import { collect, count } from '../../operators/aggregator.ts'
import { Outside } from './answers-fixture.ts'
import { generator, MemoryRun } from './memory-run-fixture.ts'

interface Event {
  readonly key: string
  readonly n: number
  readonly atMs: number
  /** No attempt succeeds. */
  readonly poison: boolean
}

/** `disorderMs`: how far the time of a record may lie behind that of one before it. */
const eventsOf = (disorderMs: number): fc.Arbitrary<Event[]> =>
  fc
    .array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        stepMs: fc.nat(3000),
        behindMs: fc.nat(disorderMs),
        poison: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      }),
      { maxLength: 60 },
    )
    .map((steps) => {
      let atMs = 1_000_000
      return steps.map(({ key, stepMs, behindMs, poison }, n): Event => {
        atMs += stepMs
        return { key, n, atMs: atMs - behindMs, poison }
      })
    })

type Answered = Event & { readonly answer: number }

function answerOf(event: Event): Answered {
  if (event.poison) throw new Error('poison')
  return { ...event, answer: event.n * 2 }
}

/** The same behind each way of answering: in the same task, through an internal topic, and in windows of both. */
function pipelineWith(
  answer: (stream: Stream<string, Event>) => Stream<string, Answered>,
  grouped = true,
): Pipeline {
  const app = pipeline('app')
  const answered = answer(app.stream('events', json<Event>(), { eventTime: (e) => e.atMs }))
  answered.to('answered')
  answered
    .merge(answered.delay('7 seconds', { name: 'delayed-more' }))
    .merge(answered.delay('3 seconds', { name: 'delayed' }))
    .to('mixed')
  answered
    .groupByKey()
    .window(tumbling('10 seconds'))
    .aggregate({ n: count(), numbers: collect((e) => e.n) }, { name: 'by-key' })
    .to('per-key')
  // Through an internal topic it hangs on where batches begin what of disordered records is late.
  if (grouped)
    answered
      .groupBy((e) => `g${e.n % 3}`)
      .window(tumbling('5 seconds'))
      .aggregate({ n: count(), numbers: collect((e) => e.n) }, { name: 'by-group' })
      .to('per-group')
  return app
}

const results = ['answered', 'mixed', 'per-key', 'per-group', 'app-dead-letters', 'app-late'] as const
const atOnce = (grouped = true) => pipelineWith((stream) => stream.mapValues(answerOf), grouped)

interface How {
  readonly partitions: number
  readonly seed: number
  readonly crashes: number
}

const how = fc.record({
  partitions: fc.integer({ min: 1, max: 3 }),
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  crashes: fc.integer({ min: 0, max: 4 }),
})

function run(
  app: Pipeline,
  all: readonly Event[],
  { partitions, crashes }: How,
  outside: Outside,
  chance: () => number,
) {
  const memory = new MemoryRun(app.plan(), partitions, { batchBytesMax: 700, laneBytesMax: 1_000_000 })
  memory.source('events', all, 1 + Math.floor(chance() * 5))
  memory.run(chance, crashes, () => outside.step())
  for (const task of memory.tasks.values())
    for (const [name, store] of task.stores) if (name === 'asked') assert.equal(store.entryCount, 0)
  return Object.fromEntries(results.map((topic) => [topic, memory.texts(topic)]))
}

const retry = {
  attempts: 4,
  backoff: '10 ms',
  backoffMax: '50 ms',
  when: (e: unknown) => String(e).includes('chance'),
} as const

/** Attempts that fail by chance must not all fail: then the outcome would hang on the run. */
function mostly(outside: Outside) {
  return (event: Event, _key: string, call: Parameters<Outside['ask']>[0]) =>
    call.attempt >= 4 ? answerOf(event) : outside.ask(call, () => answerOf(event))
}

type Results = Record<string, string[][]>

function sorted(texts: string[][]): string[] {
  return texts.flat().toSorted()
}

function sameOrderPerKey(got: Results, expected: Results): void {
  const ofKey = (texts: string[][], key: string): string[] =>
    texts.flat().filter((text) => text.startsWith(key) || text.startsWith(`{"key":"${key}"`))
  for (const key of ['a', 'b', 'c', 'd', 'e'])
    for (const topic of ['answered', 'per-key', 'app-dead-letters'])
      assert.deepEqual(ofKey(got[topic]!, key), ofKey(expected[topic]!, key), `${topic} of ${key}`)
}

describe('records that wait for answers', () => {
  it('give the same results in the same order as answers at once, whatever fails and restarts', () => {
    fc.assert(
      fc.property(eventsOf(0), how, (all, how) => {
        const chance = generator(how.seed)
        const outside = new Outside({ chance, openMax: 3 * how.partitions, failPercent: 20 })
        const asked = pipelineWith((stream) =>
          stream.mapAsync(mostly(outside), { name: 'asked', concurrency: 3, waitingMax: 6, retry }),
        )
        const expected = run(atOnce(), all, { ...how, crashes: 0 }, outside, generator(1))
        const got = run(asked, all, how, outside, chance)
        // Two tasks that write to one partition have no order between them.
        if (how.partitions === 1) assert.deepEqual(got, expected)
        for (const topic of results) assert.deepEqual(sorted(got[topic]!), sorted(expected[topic]!), topic)
        sameOrderPerKey(got, expected)
      }),
      { numRuns: 60 },
    )
  })

  it('are late below only when they would be if they were answered at once', () => {
    fc.assert(
      fc.property(eventsOf(8000), how, (all, how) => {
        const chance = generator(how.seed)
        const outside = new Outside({ chance, openMax: 3, failPercent: 20 })
        const settings = { name: 'asked', concurrency: 3, waitingMax: 6, retry }
        const asked = pipelineWith((stream) => stream.mapAsync(mostly(outside), settings), false)
        const one = { ...how, partitions: 1 }
        const expected = run(atOnce(false), all, { ...one, crashes: 0 }, outside, generator(1))
        assert.deepEqual(run(asked, all, one, outside, chance), expected)
      }),
      { numRuns: 60 },
    )
  })

  for (const order of ['per-key', 'none'] as const) {
    it(`give each result once, ${order === 'per-key' ? 'in the order of their keys' : 'in any order'}, and none is late`, () => {
      fc.assert(
        fc.property(eventsOf(0), how, (all, how) => {
          const chance = generator(how.seed)
          const outside = new Outside({ chance, openMax: 3 * how.partitions, failPercent: 20 })
          const asked = pipelineWith((stream) =>
            stream.mapAsync(mostly(outside), { name: 'asked', concurrency: 3, waitingMax: 6, retry, order }),
          )
          const expected = run(atOnce(), all, { ...how, crashes: 0 }, outside, generator(1))
          const got = run(asked, all, how, outside, chance)
          for (const topic of ['answered', 'app-dead-letters', 'app-late'])
            assert.deepEqual(sorted(got[topic]!), sorted(expected[topic]!), topic)
          // The panes of a window hold the same, in the order in which the answers came.
          const inOrder = (text: string) =>
            text.replace(/\[[\d,]*\]/, (list) => JSON.stringify(JSON.parse(list).sort()))
          for (const topic of ['per-key', 'per-group'])
            assert.deepEqual(sorted(got[topic]!).map(inOrder), sorted(expected[topic]!).map(inOrder), topic)
          if (order === 'per-key') sameOrderPerKey(got, expected)
        }),
        { numRuns: 60 },
      )
    })
  }
})
