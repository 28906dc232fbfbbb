/**
 * Parked keys, in tasks over an in-memory log: records that fail until they are mended, decisions, restarts. Compared
 * with a naive model: what a key has given so far is its records in order, less what was put aside, and what still waits
 * is the rest of it.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../../core/serde.ts'
import { pipeline } from '../../dsl/pipeline.ts'
import type { WaitingStore } from '../../state/waiting-store.ts'
import { Outside } from './answers-fixture.ts'
import { generator, MemoryRun } from './memory-run-fixture.ts'
import type { Task } from './task.ts'

const KEYS = ['a', 'b', 'c', 'd'] as const

interface Event {
  readonly key: string
  readonly n: number
  readonly atMs: number
  readonly poison: boolean
}

const events = fc
  .array(
    fc.record({
      key: fc.constantFrom(...KEYS),
      poison: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
    { maxLength: 60 },
  )
  .map((list) => list.map((event, n): Event => ({ ...event, n, atMs: 1_000_000 + n * 10 })))

const how = fc.record({
  partitions: fc.integer({ min: 1, max: 3 }),
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  crashes: fc.integer({ min: 0, max: 5 }),
})

class Model {
  readonly mended = new Set<number>()
  readonly skipped = new Set<number>()
  private readonly chance: () => number
  private readonly outside: Outside

  constructor(chance: () => number) {
    this.chance = chance
    this.outside = new Outside({ chance, openMax: 100, failPercent: 10 })
  }

  plan() {
    const app = pipeline('app')
    app
      .stream('events', json<Event>(), { eventTime: (e) => e.atMs })
      .mapAsync(
        (event, _key, call) =>
          this.outside.ask(call, () => {
            if (event.poison && !this.mended.has(event.n)) throw new Error('poison')
            return event.n
          }),
        {
          name: 'asked',
          order: 'per-key',
          concurrency: 4,
          waitingMax: 8,
          retry: { attempts: 3, backoff: 5 },
          onFailure: 'park',
          park: { retry: 200 },
        },
      )
      .to('out')
    return app.plan()
  }

  /** At each step: answers come, and now and then somebody mends what is outside, or decides. */
  step(task: Task): boolean {
    const moved = this.outside.step()
    if (this.chance() > 0.1) return moved
    for (const { operator, key, place, records } of task.parked(100)) {
      assert.ok(records >= 1 && place !== undefined)
      const n = numbersOf(task, key)[0]!
      const chance = this.chance()
      if (chance < 0.3) this.mended.add(n)
      else if (chance < 0.35) task.decide(operator, key, 'dead-letter')
      else if (chance < 0.4) {
        this.skipped.add(n)
        task.decide(operator, key, 'skip')
      } else if (chance < 0.5) task.decide(operator, key, 'retry')
    }
    return moved
  }
}

/** The numbers of a key's records that wait in a task, in order. */
function numbersOf(task: Task, key: unknown): number[] {
  const store = task.stores.get('asked') as WaitingStore<string, Event>
  return store
    .all()
    .filter((entry) => entry.key === key)
    .map(({ value }) => value.n)
}

describe('parked keys', () => {
  it('lose nothing, give nothing twice, and keep the order of each key, whatever fails and restarts', () => {
    let parkedRuns = 0
    fc.assert(
      fc.property(events, how, (all, { partitions, seed, crashes }) => {
        const chance = generator(seed)
        const model = new Model(chance)
        const memory = new MemoryRun(model.plan(), partitions, {
          batchBytesMax: 700,
          laneBytesMax: 1_000_000,
        })
        memory.source('events', all, 1 + Math.floor(chance() * 5))
        memory.run(chance, crashes, (task) => model.step(task))

        const tasks = [...memory.tasks.values()]
        for (const key of KEYS) {
          const own = all.filter((event) => event.key === key)
          const texts = (topic: string) =>
            memory
              .texts(topic)
              .flat()
              .filter((text) => text.startsWith(key))
          const out = texts('out').map((text) => Number(text.split(' ')[1]))
          const letters = texts('app-dead-letters').map((text) => JSON.parse(text.split(' ')[1]!).n as number)
          const waiting = tasks.flatMap((task) => numbersOf(task, key))
          const gone = own.map(({ n }) => n).filter((n) => ![...out, ...letters, ...waiting].includes(n))

          assert.deepEqual(
            out,
            out.toSorted((a, b) => a - b),
            'the order of the key is kept',
          )
          assert.equal(
            new Set([...out, ...letters, ...waiting]).size + gone.length,
            own.length,
            'nothing twice',
          )
          assert.equal(out.length + letters.length + waiting.length + gone.length, own.length, 'nothing lost')
          for (const n of gone) assert.ok(model.skipped.has(n), `${n} was skipped`)
          if (waiting.length === 0) continue
          parkedRuns++
          // Everything of the key from the failing record on waits, and others have gone on to the end.
          assert.deepEqual(
            waiting,
            own.map(({ n }) => n).filter((n) => n >= waiting[0]!),
          )
        }
      }),
      { numRuns: 100 },
    )
    assert.ok(parkedRuns > 0, 'some keys were parked at the end')
  })
})
