import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { headerText } from '../core/record.ts'
import { json, stringSerde } from '../core/serde.ts'
import { count } from '../operators/aggregator.ts'
import { OperatorRun } from '../operators/operator-fixture.ts'
import type { Routed } from '../operators/port.ts'
import { type ProcessorTools, processorOperator } from '../operators/processor.ts'
import { testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'
import { keyValueState, output, outputBy } from './processor.ts'
import { tumbling } from './window.ts'

interface Reading {
  readonly celsius: number
}

/** Tells of sensors that went silent for 10 s, and of heat, by place. */
function sensors() {
  const app = pipeline('sensors')
  const { silent, heat } = app.stream('readings', json<Reading>()).process({
    stores: { seen: keyValueState<number>() },
    timers: true,
    outputs: { silent: output<{ afterReadings: number }>(), heat: outputBy<Reading, string>(stringSerde) },
    create: (context) => ({
      process({ key, value, timestampMs }) {
        context.stores.seen.put(key, (context.stores.seen.get(key) ?? 0) + 1)
        context.timers.set(timestampMs + 10_000)
        if (value.celsius > 40) context.forward('heat', value, { key: `room of ${key}` })
      },
      onTimer({ key }) {
        context.forward('silent', { afterReadings: context.stores.seen.get(key) ?? 0 })
        context.stores.seen.delete(key)
      },
    }),
  })
  silent.to('silent')
  heat.to('heat')
  return app
}

const rows = (driver: ReturnType<typeof testDriver>, topic: string): unknown[] =>
  driver
    .topic(topic)
    .read()
    .map(({ key, value, timestampMs }) => [key, value, timestampMs])

describe('process', () => {
  it('keeps state, fires a timer per key by stream time and gives to named outputs', () => {
    const driver = testDriver(sensors())
    const read = (key: string, celsius: number, timestampMs: number): void =>
      driver.topic('readings').append({ celsius }, { key, timestampMs })
    read('a', 20, 0)
    read('b', 41, 1_000)
    read('a', 20, 5_000)
    read('b', 20, 10_999)
    assert.deepEqual(rows(driver, 'silent'), [], 'a timer that is set anew is moved')
    read('b', 20, 15_000)
    assert.deepEqual(rows(driver, 'silent'), [['a', { afterReadings: 2 }, 15_000]])
    assert.deepEqual(rows(driver, 'heat'), [['room of b', { celsius: 41 }, 1_000]])
    driver.end()
    assert.deepEqual(rows(driver, 'silent'), [['b', { afterReadings: 3 }, 25_000]])
  })

  it('names its stores after itself, so that they survive edits around it', () => {
    const stores = sensors()
      .plan()
      .subTopologies.flatMap((part) => part.stores.map(({ spec }) => spec.name))
    assert.deepEqual(stores, ['readings-process-seen', 'readings-process-timers'])
  })

  it('runs where its records are when it keeps nothing', () => {
    const app = pipeline('plain')
    const { even } = app
      .stream('numbers', json<number>())
      .selectKey(() => 'k')
      .process({
        outputs: { even: output<number>() },
        create: (context) => ({
          process({ value }) {
            if (value % 2 === 0) context.forward('even', value, { timestampMs: 7 })
          },
        }),
      })
    even.to('even')
    assert.equal(app.plan().subTopologies.length, 1)
    const driver = testDriver(app)
    for (const number of [1, 2]) driver.topic('numbers').append(number)
    assert.deepEqual(rows(driver, 'even'), [['k', 2, 7]])
  })
})

describe('timers of a processor', () => {
  function runOf(onTimer: (tools: ProcessorTools, name: string) => void): OperatorRun {
    return new OperatorRun(
      processorOperator({
        stores: new Map(),
        timerStore: 'timers',
        outputDelayMs: 0,
        create: (tools) => ({
          process(value, key) {
            const { clock, at, name } = value as { clock: 'stream' | 'wall'; at: number | null; name: string }
            if (at === null) tools.cancelTimer({ clock, key, name })
            else tools.setTimer({ clock, key, name, dueMs: at })
          },
          onTimer({ key, name, dueMs }) {
            tools.forward(0, key, `${name}@${dueMs}`, tools.currentMs)
            onTimer(tools, name)
          },
        }),
      }),
    )
  }
  const fired = (run: OperatorRun): unknown[] =>
    run.results.map(({ key, value }) => [key, value as Routed | string])

  it('fire by time, then key and name, also after a restart', () => {
    for (const restarts of [false, true]) {
      const run = runOf(() => {})
      const set = (key: string, name: string, at: number | null): void =>
        run.push(key, { clock: 'stream', name, at }, 0)
      set('b', 'x', 5)
      set('a', 'y', 5)
      set('a', 'x', 9)
      set('a', 'x', 5)
      set('c', 'x', 3)
      set('d', 'x', 4)
      set('d', 'x', null)
      if (restarts) run.restart()
      run.advanceTo(8)
      assert.deepEqual(fired(run), [
        ['c', 'x@3'],
        ['a', 'x@5'],
        ['a', 'y@5'],
        ['b', 'x@5'],
      ])
    }
  })

  it('by the wall clock fire only when the task tells the time', () => {
    const run = runOf(() => {})
    run.push('a', { clock: 'wall', name: '', at: 100 }, 0)
    run.advanceTo(1_000)
    run.tick(99)
    assert.deepEqual(fired(run), [])
    run.restart()
    run.tick(100)
    run.tick(101)
    assert.deepEqual(fired(run), [['a', '@100']])
  })

  it('that a timer sets for a time that has come fire in the same round', () => {
    const run = runOf((tools, name) => {
      if (name === 'first') tools.setTimer({ clock: 'stream', key: 'a', name: 'second', dueMs: 4 })
    })
    run.push('a', { clock: 'stream', name: 'first', at: 3 }, 0)
    run.advanceTo(10)
    assert.deepEqual(fired(run), [
      ['a', 'first@3'],
      ['a', 'second@4'],
    ])
  })

  it('are refused where none were asked for', () => {
    const app = pipeline('no-timers')
    app.stream('numbers', json<number>()).process({
      outputs: {},
      create: (context) => ({ process: () => context.timers.set(1) }),
    })
    const driver = testDriver(app)
    driver.topic('numbers').append(1, { key: 'k' })
    assert.equal(driver.topic('no-timers-dead-letters').read().length, 1)
    const run = new OperatorRun(
      processorOperator({
        stores: new Map(),
        timerStore: 't',
        outputDelayMs: 0,
        create: (tools) => ({
          process: () => tools.setTimer({ clock: 'stream', key: 'k', name: '', dueMs: 0.5 }),
        }),
      }),
    )
    assert.throws(
      () => run.push('k', 1, 1),
      (error: unknown) => isMillraceError(error, 'MR_RECORD_INVALID'),
    )
  })
})

describe('the life of a processor', () => {
  /** Counts per key; a record below, once per key, when the input has ended. */
  function counts(log: string[]) {
    const app = pipeline('counts')
    const { seen, totals } = app.stream('words', json<string>()).process({
      stores: { count: keyValueState<number>() },
      timers: true,
      outputs: { seen: output<string>(), totals: outputBy<number, string>(stringSerde) },
      create: ({ stores, timers, forward }) => ({
        process({ key, value, timestampMs, metadata }) {
          stores.count.put(key, (stores.count.get(key) ?? 0) + 1)
          timers.set(timestampMs + 1_000_000)
          forward('seen', value, { headers: [...metadata.headers, { key: 'by', value: Buffer.from('us') }] })
        },
        onTimer: ({ key }) => void log.push(`timer ${key}`),
        endOfStream() {
          log.push('end')
          for (const [key, count] of stores.count.entries()) forward('totals', count, { key })
        },
      }),
    })
    // An operator between the processor and the topic hands the headers on.
    seen.mapValues((word, _key, { headers }) => `${word} ${headers.length}`).to('seen')
    totals.to('totals')
    return app
  }

  it('ends once, behind its last timers, and may give out what it kept', () => {
    const log: string[] = []
    const driver = testDriver(counts(log))
    for (const [key, timestampMs] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const)
      driver.topic('words').append('w', { key, timestampMs })
    assert.deepEqual(log, [])
    driver.end()
    driver.end()
    assert.deepEqual(log, ['timer b', 'timer a', 'end'])
    assert.deepEqual(rows(driver, 'totals'), [
      ['a', 2, 1_000_003],
      ['b', 1, 1_000_003],
    ])
  })

  it('gives its results headers of their own, which functions below and the topic see', () => {
    const driver = testDriver(counts([]))
    const headers = [{ key: 'trace', value: Buffer.from('1') }]
    driver.topic('words').append('w', { key: 'a', headers })
    const [seen] = driver.topic('seen').read()
    assert.equal(seen?.value, 'w 2')
    assert.deepEqual(
      seen?.headers.map(({ key, value }) => `${key} ${value}`),
      ['trace 1', 'by us'],
    )
  })
})

it('a timer may count by the wall clock from now on', () => {
  const app = pipeline('reminders')
  const { due } = app.stream('notes', json<string>()).process({
    timers: true,
    outputs: { due: output<number>() },
    create: ({ timers, wallClockMs, forward }) => ({
      process: () => timers.set(wallClockMs() + 60_000, { clock: 'wall' }),
      onTimer: () => forward('due', wallClockMs()),
    }),
  })
  due.to('due')
  const driver = testDriver(app, { startMs: 1_000_000 })
  driver.advance('5 s')
  driver.topic('notes').append('n', { key: 'k', timestampMs: 3 })
  driver.advance('59 s')
  assert.deepEqual(rows(driver, 'due'), [])
  driver.advance('1 s')
  assert.deepEqual(
    rows(driver, 'due').map((row) => (row as unknown[]).slice(0, 2)),
    [['k', 1_065_000]],
  )
})

it('a late record says the stream time of the operator that it is late for', () => {
  const app = pipeline('app')
  const { older } = app.stream('numbers', json<number>()).process({
    outputs: { older: output<number>() },
    outputDelay: 5_000,
    create: ({ forward }) => ({
      process: ({ value, timestampMs }) => forward('older', value, { timestampMs: timestampMs - value }),
    }),
  })
  older.groupByKey().window(tumbling(1_000)).aggregate(count()).to('counted')
  const driver = testDriver(app)
  driver.topic('numbers').append(5_000, { key: 'k', timestampMs: 20_000 })
  driver.topic('numbers').append(9_000, { key: 'k', timestampMs: 20_000 })
  const late = driver.topic('app-late').read()
  assert.deepEqual(
    late.map(({ headers }) => ['mr-window-end', 'mr-stream-time'].map((name) => headerText(headers, name))),
    [['12000', '15000']],
  )
})
