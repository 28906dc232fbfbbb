/**
 * Joins, assemblies and patterns over several partitions: the same answer however fast each is read, after crashes,
 * and on any number of partitions; nothing is late while each partition is in order.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../../core/serde.ts'
import { assemble } from '../../dsl/assemble.ts'
import { pattern } from '../../dsl/pattern.ts'
import { type Pipeline, pipeline } from '../../dsl/pipeline.ts'
import { generator, MemoryRun, type TimedEvent } from './memory-run-fixture.ts'

interface Event extends TimedEvent {
  readonly topic: 'lefts' | 'rights' | 'items' | 'rows' | 'rates'
  readonly group: string
}

const inputs = ['lefts', 'rights', 'items', 'rows', 'rates'] as const
const results = [
  ...['outer', 'enriched', 'foreign', 'foreign-left', 'both-tables', 'global', 'assembled', 'patterns'],
] as const

function joins(): Pipeline {
  const app = pipeline('joins')
  const eventTime = (event: Event): number => event.atMs
  const lefts = app.stream('lefts', json<Event>(), { eventTime }).selectKey((e) => e.group, { name: 'l' })
  const rights = app.stream('rights', json<Event>(), { eventTime }).selectKey((e) => e.group, { name: 'r' })
  const items = app.table('items', json<Event>())
  const rows = app.table('rows', json<Event>())
  const rates = app.globalTable('rates', json<Event>(), { eventTime })
  const times = (one: Event | null, other: Event | null): string => `${one?.atMs}+${other?.atMs}`
  lefts.outerJoin(rights, times, { name: 'outer', within: '2 seconds' }).to('outer')
  lefts.leftJoin(rows, times, { name: 'enriched' }).to('enriched')
  items.joinOn(rows, (item) => item.group, times, { name: 'foreign' }).to('foreign')
  items.leftJoinOn(rows, (item) => item.group, times, { name: 'foreign-left' }).to('foreign-left')
  items.outerJoin(rows, times, { name: 'both' }).to('both-tables')
  lefts.leftJoin(rates, times, { name: 'global', on: (event) => event.group }).to('global')
  const assembled = assemble({ lefts, rights }, { name: 'assembled', timeout: '3 seconds' })
  assembled.mapValues((a) => [a.events.lefts.length, a.events.rights.length, a.startMs]).to('assembled')
  pattern('first', lefts)
    .followedBy('second', rights, { within: '3 seconds' })
    .notFollowedBy('third', lefts, { within: '1 second' })
    .toStream({ name: 'patterns' })
    .mapValues(({ first, second }) => times(first, second))
    .to('patterns')
  return app
}

/** Events of all topics at different times, each topic in order. Items name groups; so do the keys of rows. */
const events = fc
  .array(
    fc.record({
      topic: fc.constantFrom(...inputs),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      group: fc.constantFrom('x', 'y', 'z'),
      stepMs: fc.integer({ min: 1, max: 1500 }),
      deleted: fc.boolean(),
    }),
    { maxLength: 80 },
  )
  .map((steps) => {
    let atMs = 1_000_000
    return steps.map(({ topic, key, group, stepMs, deleted }): Event => {
      atMs += stepMs
      const byGroup = topic === 'rows' || topic === 'rates'
      const deletes = deleted && (topic === 'items' || topic === 'rows')
      return { topic, key: byGroup ? group : key, group, atMs, deleted: deletes }
    })
  })

interface How {
  readonly partitions: number
  readonly seed: number
  readonly crashes: number
  readonly laneBytesMax?: number
}

/** Per result topic, the records of each partition as texts. */
function run(all: readonly Event[], how: How): Record<string, string[][]> {
  const chance = generator(how.seed)
  const memory = new MemoryRun(joins().plan(), how.partitions, {
    batchBytesMax: 200 + Math.floor(chance() * 2000),
    laneBytesMax: how.laneBytesMax ?? 1_000_000,
  })
  for (const topic of inputs) {
    const own = all.filter((event) => event.topic === topic)
    memory.source(topic, own, 1 + Math.floor(chance() * 5))
  }
  memory.run(chance, how.crashes)
  assert.deepEqual(memory.texts('joins-late').flat(), [], 'nothing is late when each partition is in order')
  assert.deepEqual(memory.texts('joins-dead-letters').flat(), [])
  return Object.fromEntries(results.map((topic) => [topic, memory.texts(topic)]))
}

/** The sequence of records of each key: what one partition's order promises. */
function byKey(result: Record<string, string[][]>, topic: string): Partial<Record<string, string[]>> {
  const records = result[topic]!.flat()
  // A global table is joined where each record is: records of a new key come from several tasks.
  if (topic === 'global') records.sort()
  return Object.groupBy(records, (text) => text.split(' ')[0]!)
}

describe('joins over several partitions give the same', () => {
  it('in the same order per key, however fast each partition is read', () => {
    fc.assert(
      fc.property(events, fc.constantFrom(1, 2, 8), fc.nat(), fc.nat(), (all, partitions, seedA, seedB) => {
        const a = run(all, { partitions, seed: seedA, crashes: 0 })
        const b = run(all, { partitions, seed: seedB, crashes: 0 })
        for (const topic of results) assert.deepEqual(byKey(a, topic), byKey(b, topic), topic)
      }),
      { numRuns: 25 },
    )
  })

  it('on any number of partitions', () => {
    fc.assert(
      fc.property(events, fc.nat(), (all, seed) => {
        const [one, two, eight] = [1, 2, 8].map((partitions) => run(all, { partitions, seed, crashes: 0 }))
        for (const topic of results) {
          assert.deepEqual(byKey(two!, topic), byKey(one!, topic), topic)
          assert.deepEqual(byKey(eight!, topic), byKey(one!, topic), topic)
        }
      }),
      { numRuns: 15 },
    )
  })

  it('wherever batches end: what is given out alone comes before what is later', () => {
    const event = (topic: Event['topic'], group: string, atMs: number): Event => {
      return { topic, key: topic === 'rows' ? group : 'a', group, atMs }
    }
    const all = [
      event('lefts', 'z', 1_000_001),
      event('rows', 'x', 1_000_162),
      event('lefts', 'x', 1_001_183),
      event('rights', 'z', 1_002_002),
      event('lefts', 'z', 1_002_003),
    ]
    for (let seed = 0; seed < 300; seed++) {
      assert.deepEqual(byKey(run(all, { partitions: 1, seed, crashes: 0 }), 'outer')['z'], [
        'z "1000001+undefined" @1000001',
        'z "1002003+1002002" @1002003',
      ])
    }
  })

  it('after crashes, and where lanes have hardly any room', () => {
    fc.assert(
      fc.property(events, fc.constantFrom(1, 2, 4), fc.nat(), fc.nat(), (all, partitions, seedA, seedB) => {
        const clean = run(all, { partitions, seed: seedA, crashes: 0 })
        const crashed = run(all, { partitions, seed: seedB, crashes: 10, laneBytesMax: 300 })
        for (const topic of results) assert.deepEqual(byKey(crashed, topic), byKey(clean, topic), topic)
      }),
      { numRuns: 25 },
    )
  })

  it('which is what the last value of each key says it must be', () => {
    fc.assert(
      fc.property(events, fc.constantFrom(1, 4), fc.nat(), (all, partitions, seed) => {
        const last = (topic: Event['topic']): Map<string, Event> => {
          const table = new Map<string, Event>()
          for (const event of all) {
            if (event.topic !== topic) continue
            if (event.deleted) table.delete(event.key)
            else table.set(event.key, event)
          }
          return table
        }
        const rows = last('rows')
        const expected: Record<string, string> = {}
        for (const [key, item] of last('items')) {
          const row = rows.get(item.group)
          if (row !== undefined) expected[key] = `"${item.atMs}+${row.atMs}"`
        }
        const actual: Record<string, string> = {}
        for (const text of run(all, { partitions, seed, crashes: 3 })['foreign']!.flat()) {
          const [key, value] = text.split(' ') as [string, string]
          if (value === '') delete actual[key]
          else actual[key] = value
        }
        assert.deepEqual(actual, expected)
      }),
      { numRuns: 30 },
    )
  })
})

describe('a join with a grace', () => {
  const graceMs = 5000
  const change = fc.record({
    key: fc.constantFrom('x', 'y'),
    atMs: fc.integer({ min: 1_000_000, max: 1_030_000 }),
    delayMs: fc.integer({ min: 0, max: graceMs - 1 }),
  })
  const changes = fc.uniqueArray(change, { maxLength: 40, selector: ({ key, atMs }) => `${key}${atMs}` })
  const orders = fc.array(fc.integer({ min: 1_000_000, max: 1_030_000 }), { minLength: 1, maxLength: 20 })

  const app = pipeline('prices')
  const eventTime = (event: TimedEvent): number => event.atMs
  const prices = app.table('prices', json<TimedEvent>(), { eventTime, history: '1 hour' })
  app
    .stream('orders', json<TimedEvent>(), { eventTime })
    .leftJoin(prices, (_order, price) => price?.atMs ?? 'none', { grace: graceMs })
    .to('priced')

  it('sees the versions that held at the time of a record, though they come out of order (KIP-923)', () => {
    fc.assert(
      fc.property(changes, orders, fc.constantFrom(1, 2), fc.nat(), (versions, times, partitions, seed) => {
        const chance = generator(seed)
        const memory = new MemoryRun(app.plan(), partitions, { batchBytesMax: 2000, laneBytesMax: 1_000_000 })
        const asTheyCome = versions.toSorted((a, b) => a.atMs + a.delayMs - b.atMs - b.delayMs)
        memory.source('prices', asTheyCome, 1 + Math.floor(chance() * 3))
        const asked = times.toSorted((a, b) => a - b).map((atMs) => ({ key: 'x', atMs }))
        memory.source('orders', asked, 1 + Math.floor(chance() * 3))
        memory.run(chance, Math.floor(chance() * 3))
        const held = asked.map(({ atMs }) => {
          const before = versions.filter((one) => one.key === 'x' && one.atMs <= atMs)
          const price = before.length === 0 ? '"none"' : Math.max(...before.map((one) => one.atMs))
          return `x ${price} @${atMs}`
        })
        assert.deepEqual(memory.texts('priced').flat(), held)
        assert.deepEqual(memory.texts('prices-late').flat(), [])
      }),
      { numRuns: 100 },
    )
  })
})
