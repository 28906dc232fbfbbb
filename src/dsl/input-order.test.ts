/** Inputs that go before others whatever their time. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json } from '../core/serde.ts'
import { type TestDriver, testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'

function values(driver: TestDriver, topic: string): unknown[] {
  return driver
    .topic(topic)
    .read()
    .map(({ value }) => value)
}

describe('the order of inputs', () => {
  for (const bootstrap of [true, false]) {
    it(`lets a table be read ${bootstrap ? 'whole before' : 'by time with'} what looks it up`, () => {
      const app = pipeline('app')
      const users = app.table('users', json<string>(), { bootstrap })
      app
        .stream('clicks', json<number>())
        .leftJoin(users, (n, user) => `${n} ${user}`)
        .to('out')
      const driver = testDriver(app, {
        before: (laid) => {
          laid.topic('clicks').append(1, { key: 'a', timestampMs: 10 })
          laid.topic('users').append('old', { key: 'a', timestampMs: 20 })
          laid.topic('users').append('ann', { key: 'a', timestampMs: 30 })
        },
      })
      assert.deepEqual(values(driver, 'out'), [bootstrap ? '1 ann' : '1 null'])
      // What comes later counts by its time.
      driver.topic('users').append('amy', { key: 'a', timestampMs: 40 })
      driver.topic('clicks').append(2, { key: 'a', timestampMs: 50 })
      assert.deepEqual(values(driver, 'out'), ['2 amy'])
    })
  }

  it('gives records of a higher priority first, and makes none of the others late', () => {
    const app = pipeline('app')
    const orders = app.stream('orders', json<string>(), { priority: 1 })
    const clicks = app.stream('clicks', json<string>())
    const events = app.stream('events', json<string>(), { priority: 2 })
    orders
      .merge(clicks)
      .merge(events)
      .deduplicate({ within: 5, id: (value) => value })
      .to('out')
    const driver = testDriver(app, {
      before: (laid) => {
        for (const timestampMs of [1, 100, 200])
          for (const name of ['clicks', 'orders', 'events'])
            laid.topic(name).append(`${name} ${timestampMs}`, { key: 'k', timestampMs })
      },
    })
    const of = (name: string) => [1, 100, 200].map((timestampMs) => `${name} ${timestampMs}`)
    assert.deepEqual(values(driver, 'out'), [...of('events'), ...of('orders'), ...of('clicks')])
    assert.deepEqual(values(driver, 'app-late'), [])
  })

  it('is part of the description', () => {
    const app = pipeline('app')
    app
      .stream('a', json<string>(), { bootstrap: true })
      .merge(app.stream('b', json<string>(), { priority: -1 }))
      .to('out')
    assert.match(app.describe(), /source a \(topic a, bootstrap\)\n {4}source b \(topic b, priority -1\)/)
    assert.deepEqual(app.describe('json').subTopologies[0]?.sources, [
      { name: 'a', topic: 'a', internal: false, bootstrap: true },
      { name: 'b', topic: 'b', internal: false, priority: -1 },
    ])
    assert.throws(() => app.stream('c', json<string>(), { priority: 0.5 }), { code: 'MR_PLAN_INVALID' })
  })
})
