/** Time through whole pipelines: windows over windows, the wall clock, and what functions see of a record. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { headerText, textHeader } from '../core/record.ts'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { output } from '../dsl/processor.ts'
import { session, tumbling } from '../dsl/window.ts'
import { count, sum } from '../operators/aggregator.ts'
import type { Windowed } from '../operators/windowed.ts'
import { planTopics } from '../runtime/pipeline-topics.ts'
import { testDriver } from './test-driver.ts'

/** Counts in tens, and sums the counts in fifties: in the same task, or moved by key between. */
function tensAndFifties(moved: boolean) {
  const app = pipeline('chain')
  const tens = app
    .stream('events', json<number>())
    .groupByKey()
    .window(tumbling(10))
    .aggregate({ n: count() }, { name: 'tens' })
    .toStream()
  const counts = moved
    ? tens.map(({ n }, { key }) => ({ key, value: { n } }))
    : tens.process({
        outputs: { all: output<{ n: number }>() },
        create: (context) => ({ process: ({ value }) => context.forward('all', value) }),
      }).all
  const grouped = (counts as typeof tens).groupByKey()
  grouped
    .window(tumbling(50))
    .aggregate({ n: sum(({ n }) => n) }, { name: 'fifties' })
    .to('fifties')
  return app
}

describe('windows over windows', () => {
  for (const moved of [true, false]) {
    it(`lose nothing however far time jumps, ${moved ? 'through an internal topic' : 'in one task'}`, () => {
      const times = fc.array(fc.nat(300), { minLength: 1, maxLength: 25 })
      fc.assert(
        fc.property(times, (list) => {
          const driver = testDriver(tensAndFifties(moved))
          for (const timestampMs of list.toSorted((a, b) => a - b))
            driver.topic('events').append(1, { key: 'k', timestampMs })
          driver.end()
          assert.deepEqual(driver.topic('chain-late').read(), [])
          const totals = new Map<number, number>()
          for (const { key, value } of driver.topic('fifties').read<{ n: number }, Windowed<unknown>>())
            totals.set(key.windowStartMs, (totals.get(key.windowStartMs) ?? 0) + value.n)
          const expected = Map.groupBy(list, (at) => Math.floor(at / 50) * 50)
          assert.deepEqual(
            [...totals].sort((a, b) => a[0] - b[0]),
            [...expected].map(([start, own]) => [start, own.length]).sort((a, b) => a[0]! - b[0]!),
          )
        }),
        { numRuns: 60 },
      )
    })
  }

  it('sessions of what windows gave are on time too', () => {
    const app = pipeline('chain')
    app
      .stream('events', json<number>())
      .groupByKey()
      .window(session(10, { grace: 5 }))
      .aggregate({ n: count() }, { name: 'runs' })
      .toStream()
      .map(({ n }, { key }) => ({ key, value: n }))
      .groupByKey()
      .window(tumbling(100))
      .aggregate({ n: sum((n) => n) }, { name: 'hundreds' })
      .to('hundreds')
    const driver = testDriver(app)
    for (const timestampMs of [0, 9, 99, 1000]) driver.topic('events').append(1, { key: 'k', timestampMs })
    driver.end()
    assert.deepEqual(
      driver
        .topic('hundreds')
        .read<{ n: number }>()
        .map(({ value }) => value.n),
      [3, 1],
    )
    assert.deepEqual(driver.topic('chain-late').read(), [])
  })
})

describe('the wall clock', () => {
  it('fires timers of a processor when it reaches them, whatever stream time does', () => {
    const app = pipeline('walls')
    app
      .stream('events', json<string>())
      .process({
        timers: true,
        outputs: { fired: output<string>() },
        create: (context) => ({
          process: ({ value }) => context.timers.set(1_000, { clock: 'wall', name: value }),
          onTimer: ({ name }) => context.forward('fired', name),
        }),
      })
      .fired.to('fired')
    const driver = testDriver(app)
    driver.topic('events').append('a', { key: 'k', timestampMs: 5_000 })
    driver.advance('999ms')
    assert.deepEqual(driver.topic('fired').read(), [])
    driver.advance('1ms')
    assert.deepEqual(
      driver
        .topic('fired')
        .read()
        .map(({ key, value }) => [key, value]),
      [['k', 'a']],
    )
  })
})

describe('what functions see of a record', () => {
  it('is its topic, partition, offset and headers, and nothing for a window that closed', () => {
    const app = pipeline('seen')
    const events = app.stream('events', json<string>())
    events
      .mapValues((value, _key, { topic, partition, offset, headers }) => [
        value,
        topic,
        partition,
        offset,
        headerText(headers, 'who') ?? null,
      ])
      .to('seen')
    events
      .groupByKey()
      .window(tumbling(10))
      .aggregate({ n: count() })
      .toStream()
      .mapValues((_value, _key, { topic, offset, headers }) => [topic, offset, headers.length])
      .to('closed')
    const driver = testDriver(app)
    driver.topic('events').append('a', { key: 'k', headers: [textHeader('who', 'ann')] })
    driver.topic('events').append('b', { key: 'k' })
    driver.end()
    assert.deepEqual(
      driver
        .topic('seen')
        .read()
        .map(({ value }) => value),
      [
        ['a', 'events', 0, 0, 'ann'],
        ['b', 'events', 0, 1, null],
      ],
    )
    assert.deepEqual(
      driver
        .topic('closed')
        .read()
        .map(({ value }) => value),
      [['', -1, 0]],
    )
  })
})

describe('repartition', () => {
  it('makes its topic with the partitions that were asked for', () => {
    const app = pipeline('moved')
    app.stream('events', json<string>()).repartition({ partitions: 7 }).to('out')
    const { counts } = planTopics(app.plan(), new Map([['events', 2]]))
    assert.equal(counts.get('moved-events-repartition'), 7)
    assert.equal(counts.get('out'), 7)
  })
})
