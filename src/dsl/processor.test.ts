import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { json, stringSerde } from '../core/serde.ts'
import { OperatorRun } from '../operators/operator-fixture.ts'
import type { Routed } from '../operators/port.ts'
import { type ProcessorTools, processorOperator } from '../operators/processor.ts'
import { testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'
import { keyValueState, output, outputBy } from './processor.ts'

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
