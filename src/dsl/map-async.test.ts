/** Asking something outside, as users write it, under the test driver. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { headerText } from '../core/record.ts'
import { json } from '../core/serde.ts'
import { count } from '../operators/aggregator.ts'
import { sleep } from '../platform/clock.ts'
import { type TestDriver, testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'
import { tumbling } from './window.ts'

/** Answers that a test gives by hand. */
class Answers {
  readonly asked: string[] = []
  private readonly open = new Map<string, (settle: () => unknown) => void>()

  readonly ask = (value: string): Promise<string> =>
    new Promise((resolve, reject) => {
      this.asked.push(value)
      this.open.set(value, (settle) => {
        try {
          resolve(settle() as string)
        } catch (error) {
          reject(error)
        }
      })
    })

  give(value: string): void {
    this.settle(value, () => `${value}!`)
  }

  fail(value: string, error: unknown): void {
    this.settle(value, () => {
      throw error
    })
  }

  private settle(value: string, settle: () => unknown): void {
    const open = this.open.get(value)
    assert.ok(open, `${value} was asked for`)
    this.open.delete(value)
    open(settle)
  }
}

function values(driver: TestDriver, topic: string): unknown[] {
  return driver
    .topic(topic)
    .read()
    .map(({ value }) => value)
}

function append(driver: TestDriver, topic: string, ...texts: readonly string[]): void {
  for (const text of texts) driver.topic(topic).append(text, { key: text[0] })
}

describe('mapAsync', () => {
  it('gives answers in the order of the records by default', async () => {
    const answers = new Answers()
    const app = pipeline('app')
    app.stream('in', json<string>()).mapAsync(answers.ask).to('out')
    const driver = testDriver(app)
    append(driver, 'in', 'a1', 'b1', 'a2')
    assert.deepEqual(answers.asked, ['a1', 'b1', 'a2'])
    answers.give('a2')
    answers.give('b1')
    await driver.settled()
    assert.deepEqual(values(driver, 'out'), [])
    answers.give('a1')
    await driver.settled()
    assert.deepEqual(values(driver, 'out'), ['a1!', 'b1!', 'a2!'])
    assert.equal(driver.store('in-map-async').entryCount, 0)
  })

  it('keeps the order per key, and asks for one record of a key at a time', async () => {
    const answers = new Answers()
    const app = pipeline('app')
    app.stream('in', json<string>()).mapAsync(answers.ask, { order: 'per-key' }).to('out')
    const driver = testDriver(app)
    append(driver, 'in', 'a1', 'b1', 'a2')
    assert.deepEqual(answers.asked, ['a1', 'b1'])
    answers.give('b1')
    await driver.settled()
    assert.deepEqual(values(driver, 'out'), ['b1!'])
    answers.give('a1')
    await driver.settled()
    assert.deepEqual(answers.asked, ['a1', 'b1', 'a2'])
    answers.give('a2')
    await driver.settled()
    assert.deepEqual(values(driver, 'out'), ['a1!', 'a2!'])
  })

  it('gives answers as they come where no order is asked for', async () => {
    const answers = new Answers()
    const app = pipeline('app')
    app.stream('in', json<string>()).mapAsync(answers.ask, { order: 'none' }).to('out')
    const driver = testDriver(app)
    append(driver, 'in', 'a1', 'a2', 'a3')
    for (const text of ['a3', 'a1', 'a2']) answers.give(text)
    await driver.settled()
    assert.deepEqual(values(driver, 'out'), ['a3!', 'a1!', 'a2!'])
  })

  it('asks for no more at a time than it may, and takes no more records than may wait', async () => {
    const answers = new Answers()
    const app = pipeline('app')
    app.stream('in', json<string>()).mapAsync(answers.ask, { concurrency: 2, waitingMax: 3 }).to('out')
    const driver = testDriver(app)
    append(driver, 'in', 'a', 'b', 'c', 'd', 'e')
    assert.deepEqual(answers.asked, ['a', 'b'])
    assert.equal(driver.store('in-map-async').entryCount, 3)
    answers.give('a')
    await driver.settled()
    assert.deepEqual(answers.asked, ['a', 'b', 'c'])
    for (const text of ['b', 'c']) answers.give(text)
    await driver.settled()
    assert.deepEqual(answers.asked, ['a', 'b', 'c', 'd', 'e'])
  })

  it('passes on at once what is answered at once', () => {
    const app = pipeline('app')
    app
      .stream('in', json<string>())
      .mapAsync((value, key, { topic, offset, attempt, timestampMs }) =>
        [value, key, topic, offset, attempt, timestampMs].join(' '),
      )
      .to('out')
    const driver = testDriver(app)
    driver.topic('in').append('x', { key: 'k', timestampMs: 7 })
    assert.deepEqual(values(driver, 'out'), ['x k in 0 1 7'])
  })

  it('tries again after growing pauses, then puts the record among the dead letters with its bytes', async () => {
    const times: number[] = []
    const app = pipeline('app')
    app
      .stream('in', json<{ n: number }>())
      .mapAsync(
        () => {
          times.push(driver.nowMs)
          return Promise.reject(new RangeError('no such thing'))
        },
        { retry: { attempts: 4, backoff: '1 second', backoffMax: '3 seconds' } },
      )
      .to('out')
    const driver = testDriver(app)
    driver.topic('in').appendBytes(Buffer.from('k'), Buffer.from('{ "n":1}'), {
      timestampMs: 5,
      headers: [{ key: 'own', value: Buffer.from('1') }],
    })
    await driver.elapse('1 minute')
    assert.deepEqual(times, [0, 1000, 3000, 6000])
    const [letter] = driver.topic('app-dead-letters').read()
    assert.equal(letter?.value, '{ "n":1}')
    assert.equal(letter?.timestampMs, 5)
    const names = ['own', '__streams.errors.exception', '__streams.errors.message', 'mr-tries', 'mr-operator']
    assert.deepEqual(
      names.map((name) => headerText(letter?.headers ?? [], name)),
      ['1', 'RangeError', 'no such thing', '4', 'in-map-async'],
    )
    assert.equal(headerText(letter?.headers ?? [], '__streams.errors.topic'), 'in')
    assert.equal(headerText(letter?.headers ?? [], '__streams.errors.offset'), '0')
  })

  it('does not try again what another attempt cannot mend', async () => {
    let calls = 0
    const app = pipeline('app')
    app
      .stream('in', json<string>())
      .mapAsync(
        () => {
          calls++
          throw new TypeError('wrong')
        },
        { retry: { attempts: 9, when: (error) => !(error instanceof TypeError) }, onFailure: 'skip' },
      )
      .to('out')
    const driver = testDriver(app)
    append(driver, 'in', 'a')
    await driver.elapse('1 minute')
    assert.equal(calls, 1)
    assert.equal(driver.topic('app-dead-letters').read().length, 0)
    assert.equal(driver.store('in-map-async').entryCount, 0)
  })

  it('gives up a call that takes too long, and takes no answer that comes after', async () => {
    const signals: AbortSignal[] = []
    const app = pipeline('app')
    app
      .stream('in', json<string>())
      .mapAsync(
        async (value, _key, { attempt, signal }) => {
          signals.push(signal)
          await sleep(driver.clock, attempt === 1 ? 5000 : 100)
          return `${value}${attempt}`
        },
        { timeout: '1 second', retry: { attempts: 2 } },
      )
      .to('out')
    const driver = testDriver(app)
    append(driver, 'in', 'a')
    await driver.elapse('10 seconds')
    assert.deepEqual(values(driver, 'out'), ['a2'])
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true, false],
    )
  })

  it('stops the pipeline where the source says to fail', async () => {
    const app = pipeline('app')
    app
      .stream('in', json<string>(), { onInvalid: 'fail' })
      .mapAsync(() => Promise.reject(new Error('broken')))
      .to('out')
    const driver = testDriver(app)
    append(driver, 'in', 'a')
    await assert.rejects(driver.settled(), { code: 'MR_FUNCTION_FAILED', message: 'broken' })
  })

  it('puts a record aside whose answer a function below refuses, and goes on', async () => {
    const answers = new Answers()
    const app = pipeline('app')
    app
      .stream('in', json<string>())
      .mapAsync(answers.ask)
      .mapValues((value, _key, { offset }) => {
        if (value === 'a!') throw new Error('not this one')
        return `${value}${offset}`
      })
      .to('out')
    const driver = testDriver(app)
    append(driver, 'in', 'a', 'b')
    answers.give('a')
    answers.give('b')
    await driver.settled()
    assert.deepEqual(values(driver, 'out'), ['b!1'])
    const [letter] = driver.topic('app-dead-letters').read()
    assert.equal(letter?.value, '"a"')
    assert.equal(headerText(letter?.headers ?? [], 'mr-tries'), undefined)
  })

  it('holds back the windows below until the answers are there: nothing is late', async () => {
    for (const through of ['one task', 'an internal topic']) {
      const answers = new Answers()
      const app = pipeline('app')
      const answered = app.stream('in', json<string>()).mapAsync(answers.ask)
      const grouped =
        through === 'one task' ? answered.groupByKey() : answered.groupBy((_value, key) => `${key}2`)
      grouped
        .window(tumbling('10 seconds', { emit: 'close' }))
        .aggregate({ n: count() })
        .toStream()
        .map(({ n }, { key, windowStartMs }) => ({ key: 'all', value: `${key} ${windowStartMs} ${n}` }))
        .to('out')
      const driver = testDriver(app)
      const at = (value: string, timestampMs: number): void =>
        driver.topic('in').append(value, { key: 'k', timestampMs })
      at('a', 1000)
      at('b', 2000)
      at('c', 15_000)
      at('d', 45_000)
      await driver.settled()
      assert.deepEqual(values(driver, 'out'), [])
      for (const text of ['d', 'c', 'b']) answers.give(text)
      await driver.settled()
      assert.deepEqual(values(driver, 'out'), [])
      answers.give('a')
      await driver.settled()
      const key = through === 'one task' ? 'k' : 'k2'
      assert.deepEqual(values(driver, 'out'), [`${key} 0 2`, `${key} 10000 1`])
      driver.end()
      assert.deepEqual(values(driver, 'out'), [`${key} 40000 1`])
      assert.equal(driver.topic('app-late').read().length, 0)
    }
  })

  it('comes to the end of bounded input only when all is answered, also what the end itself brings forth', async () => {
    const answers = new Answers()
    const app = pipeline('app')
    app
      .stream('in', json<string>())
      .groupByKey()
      .window(tumbling('10 seconds', { emit: 'close' }))
      .aggregate({ n: count() })
      .toStream()
      .mapValues(({ n }, { windowStartMs }) => `${windowStartMs}:${n}`)
      .mapAsync(answers.ask, { name: 'asked' })
      .map((value, { windowStartMs }) => ({ key: 'all', value: [value, windowStartMs] }))
      .to('out')
    const driver = testDriver(app)
    for (const timestampMs of [1, 2, 10_001]) driver.topic('in').append('x', { key: 'k', timestampMs })
    driver.end()
    assert.deepEqual(answers.asked, ['0:2'])
    answers.give('0:2')
    await driver.settled()
    assert.deepEqual(answers.asked, ['0:2', '10000:1'])
    answers.give('10000:1')
    await driver.settled()
    assert.deepEqual(values(driver, 'out'), [
      ['0:2!', 0],
      ['10000:1!', 10_000],
    ])
  })

  it('refuses settings that mean nothing', () => {
    const stream = pipeline('app').stream('in', json<string>())
    const refused = { code: 'MR_PLAN_INVALID' }
    assert.throws(() => stream.mapAsync(String, { concurrency: 0 }), refused)
    assert.throws(() => stream.mapAsync(String, { waitingMax: 1.5 }), refused)
    assert.throws(() => stream.mapAsync(String, { retry: { attempts: 0 } }), refused)
    // @ts-expect-error keys are parked only where their order is kept
    assert.throws(() => stream.mapAsync(String, { onFailure: 'park' }), refused)
  })
})
