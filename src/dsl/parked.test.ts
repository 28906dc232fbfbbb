/** Parked keys, as users meet them, under the test driver. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { headerText } from '../core/record.ts'
import { json } from '../core/serde.ts'
import { count } from '../operators/aggregator.ts'
import { type TestDriver, testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'
import { tumbling } from './window.ts'

/** A pipeline that cannot process values with a question mark until `mend` is called. */
function parking(retry: '1 minute' | 'never' = '1 minute', recordsMax = 1000) {
  const times: number[] = []
  let mended = false
  const app = pipeline('app')
  const answered = app.stream('in', json<string>()).mapAsync(
    (value) => {
      if (value.includes('?')) times.push(driver.nowMs)
      if (value.includes('?') && !mended) throw new Error(`${value} is unknown`)
      return value
    },
    {
      name: 'asked',
      order: 'per-key',
      retry: { attempts: 2, backoff: '1 second' },
      onFailure: 'park',
      park: { retry, recordsMax },
    },
  )
  answered.to('out')
  answered
    .groupByKey()
    .window(tumbling('10 seconds'))
    .aggregate({ n: count() }, { name: 'counted' })
    .toStream()
    .map(({ n }, { key, windowStartMs }) => ({ key, value: `${windowStartMs}: ${n}` }))
    .to('counts')
  const driver: TestDriver = testDriver(app)
  return {
    driver,
    times,
    mend: () => {
      mended = true
    },
    append: (...values: readonly string[]) => {
      for (const value of values) driver.topic('in').append(value, { key: value[0] })
    },
    out: (topic = 'out') =>
      driver
        .topic(topic)
        .read()
        .map(({ value }) => value),
  }
}

describe('a parked key', () => {
  it('waits, lets others go on, and is given out in order when its record at last succeeds', async () => {
    const { driver, times, mend, append, out } = parking()
    append('a1', 'a?', 'a2', 'b1', 'a3')
    await driver.elapse('10 seconds')
    append('b2', 'a4')
    assert.deepEqual(out(), ['a1', 'b1', 'b2'])
    assert.deepEqual(driver.parked(), [
      {
        operator: 'asked',
        key: 'a',
        records: 4,
        attempts: 2,
        error: { name: 'Error', message: 'a? is unknown' },
        timestampMs: 0,
        place: { topic: 'in', partition: 0, offset: 1 },
      },
    ])
    mend()
    await driver.elapse('2 minutes')
    assert.deepEqual(out(), ['a?', 'a2', 'a3', 'a4'])
    assert.deepEqual(driver.parked(), [])
    assert.deepEqual(times, [0, 1000, 61_000])
    assert.equal(driver.store('asked').entryCount, 0)
  })

  it('is tried again, put among the dead letters, or skipped, as somebody decides', async () => {
    const { driver, times, append, out } = parking('never')
    append('a?', 'a1', 'b?', 'b1', 'c?', 'c1')
    await driver.elapse('1 day')
    assert.deepEqual(out(), [])
    driver.decide('asked', 'a', 'dead-letter')
    driver.decide('asked', 'b', 'skip')
    const before = times.length
    driver.decide('asked', 'c', 'retry')
    assert.equal(times.length, before + 1)
    await driver.settled()
    assert.deepEqual(out(), ['a1', 'b1'])
    const [letter, ...others] = driver.topic('app-dead-letters').read()
    assert.deepEqual([letter?.value, letter?.key, others], ['"a?"', 'a', []])
    const text = (name: string) => headerText(letter?.headers ?? [], name)
    assert.deepEqual(
      ['mr-operator', 'mr-tries', 'mr-stage', '__streams.errors.offset', '__streams.errors.message'].map(
        text,
      ),
      ['asked', '2', 'process', '0', 'a? is unknown'],
    )
    assert.deepEqual(
      driver.parked().map(({ key, attempts }) => [key, attempts]),
      [['c', 3]],
    )
    assert.throws(() => driver.decide('asked', 'a', 'skip'), { code: 'MR_KEY_NOT_PARKED' })
  })

  it('is parked again by the next of its records that fails', async () => {
    const { driver, append, out } = parking('never')
    append('a?1', 'a2', 'a?3', 'a4')
    await driver.elapse('1 minute')
    driver.decide('asked', 'a', 'skip')
    await driver.elapse('1 minute')
    assert.deepEqual(out(), ['a2'])
    assert.deepEqual(
      driver.parked().map(({ records, place }) => [records, place?.offset]),
      [[2, 2]],
    )
  })

  it('holds back no windows: they close without it, and its records come late', async () => {
    const { driver, mend, append, out } = parking()
    append('a?', 'a1', 'b1')
    await driver.elapse('30 seconds')
    assert.deepEqual(out('counts'), ['0: 1'])
    mend()
    await driver.elapse('1 minute')
    assert.deepEqual(out('app-late').length, 2)
    assert.deepEqual(out(), ['b1', 'a?', 'a1'])
  })

  it('holds windows back while it is still tried before it is parked', async () => {
    const { driver, mend, append, out } = parking()
    driver.advance('9500 ms')
    append('a?', 'b1')
    mend()
    await driver.elapse('1 second')
    assert.deepEqual(out('counts'), ['0: 1', '0: 1'])
    assert.deepEqual(out('app-late'), [])
  })

  it('does not hold up the end of bounded input', async () => {
    const { driver, append, out } = parking()
    append('a?', 'a1', 'b1')
    driver.end()
    await driver.elapse('10 seconds')
    assert.deepEqual(out(), ['b1'])
    assert.deepEqual(out('counts'), ['0: 1'])
    assert.equal(driver.store('asked').entryCount, 2)
  })

  it('makes the task wait when too many records wait in parked keys', async () => {
    const { driver, append, out } = parking('never', 2)
    append('a?')
    await driver.elapse('10 seconds')
    append('a1', 'b1', 'b2')
    assert.deepEqual(out(), [])
    driver.decide('asked', 'a', 'skip')
    await driver.settled()
    assert.deepEqual(out(), ['a1', 'b1', 'b2'])
  })

  it('may be one record without a key: others without one go on', async () => {
    const { driver, append, out } = parking('never')
    for (const value of ['x1', 'x?', 'x2']) driver.topic('in').append(value)
    append('a1')
    await driver.elapse('10 seconds')
    assert.deepEqual(out(), ['x1', 'x2', 'a1'])
    driver.decide('asked', null, 'dead-letter')
    assert.deepEqual(out('app-dead-letters'), ['"x?"'])
  })
})
