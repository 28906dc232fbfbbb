/** The examples of docs/guide/processors.md. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json, keyValueState, output, outputBy, pipeline, stringSerde } from 'millrace'
import { type TestDriver, testDriver } from 'millrace/testing'
import { assertPrinted } from './printed-fixture.ts'

interface Reading {
  readonly celsius: number
}

const results = (driver: TestDriver, topic: string): unknown[][] =>
  driver
    .topic(topic)
    .read()
    .map(({ key, value, timestampMs }) => [key, value, timestampMs])

describe('the guide to processors', () => {
  it('keeps state, sets timers and gives to several outputs', () => {
    // #region sensors
    const app = pipeline('sensors')
    const { silent, hot } = app.stream('readings', json<Reading>()).process({
      stores: { seen: keyValueState<number>() },
      outputs: { silent: output<{ readings: number }>(), hot: outputBy<Reading>(stringSerde) },
      timers: true,
      create: ({ stores, timers, forward }) => ({
        process({ key, value, timestampMs }) {
          stores.seen.put(key, (stores.seen.get(key) ?? 0) + 1)
          timers.set(timestampMs + 10_000)
          if (value.celsius > 40) forward('hot', value, { key: `room of ${key}` })
        },
        onTimer({ key }) {
          forward('silent', { readings: stores.seen.get(key) ?? 0 })
          stores.seen.delete(key)
        },
      }),
    })
    silent.to('silent-sensors')
    hot.to('hot-rooms')
    // #endregion
    const driver = testDriver(app)
    const read = (key: string, celsius: number, seconds: number): void =>
      driver.topic('readings').append({ celsius }, { key, timestampMs: seconds * 1000 })
    read('a', 20, 0)
    read('b', 41, 1)
    read('a', 20, 5)
    read('b', 20, 10)
    assert.deepEqual(results(driver, 'hot-rooms'), [['room of b', { celsius: 41 }, 1000]])
    assert.deepEqual(results(driver, 'silent-sensors'), [])
    read('b', 20, 15)
    assert.deepEqual(results(driver, 'silent-sensors'), [['a', { readings: 2 }, 15_000]])
  })

  it('has the shape of a task', () => {
    // #region task
    const app = pipeline('upload')
    const { batches } = app.stream('lines', json<string>()).process({
      stores: { waiting: keyValueState<readonly string[]>() },
      outputs: { batches: output<readonly string[]>() },
      timers: true,
      create({ stores, timers, forward, commit }) {
        const give = (key: string): void => {
          forward('batches', stores.waiting.get(key) ?? [], { key })
          stores.waiting.delete(key)
          timers.cancel({ key })
          commit()
        }
        return {
          process({ key, value, timestampMs }) {
            const lines = [...(stores.waiting.get(key) ?? []), value]
            stores.waiting.put(key, lines)
            if (lines.length === 1) timers.set(timestampMs + 60_000)
            if (lines.length === 3) give(key)
          },
          onTimer: ({ key }) => give(key),
          endOfStream() {
            for (const [key] of [...stores.waiting.entries()]) give(key)
          },
        }
      },
    })
    batches.to('batches')
    // #endregion
    const driver = testDriver(app)
    for (const [at, line] of ['1', '2', '3', '4'].entries())
      driver.topic('lines').append(line, { key: 'k', timestampMs: at })
    assert.deepEqual(results(driver, 'batches'), [['k', ['1', '2', '3'], 2]])
    driver.topic('lines').append('other', { key: 'x', timestampMs: 60_003 })
    assert.deepEqual(results(driver, 'batches'), [['k', ['4'], 60_003]])
    driver.end()
    assert.deepEqual(
      results(driver, 'batches').map(([key, lines]) => [key, lines]),
      [['x', ['other']]],
    )
  })

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'processors.md'))
})
