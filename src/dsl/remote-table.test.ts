/** Joins with a remote table, under the test driver. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { json } from '../core/serde.ts'
import { sleep } from '../platform/clock.ts'
import { type TestDriver, testDriver } from '../testing/test-driver.ts'
import { pipeline } from './pipeline.ts'
import { type RemoteTableOptions, remoteTable } from './remote-table.ts'

type Part = Partial<RemoteTableOptions<string, number>>

/** A pipeline that joins texts with their lengths, which lie outside; texts that start with a dash have none. */
function lengths(settings: Part, delayMs = 100) {
  const requests: { readonly atMs: number; readonly keys: readonly string[] }[] = []
  const lengthOf = (key: string): number | null => (key.startsWith('-') ? null : key.length)
  const ask = async (keys: readonly string[], signal: AbortSignal) => {
    requests.push({ atMs: driver.nowMs, keys: [...keys] })
    await sleep(driver.clock, delayMs, signal)
    return keys.map(lengthOf)
  }
  const table = remoteTable<number>({
    name: 'lengths',
    ...(settings.batch === undefined
      ? { get: async (key, { signal }) => (await ask([key], signal))[0] }
      : { getAll: (keys, { signal }) => ask(keys, signal) }),
    ...settings,
  } as RemoteTableOptions<string, number>)
  const app = pipeline('app')
  const words = app.stream('words', json<string>())
  words.join(table, (word, length) => `${word}:${length}`, { on: (word) => word }).to('inner')
  const driver: TestDriver = testDriver(app)
  return { driver, requests }
}

function values(driver: TestDriver, topic: string): unknown[] {
  return driver
    .topic(topic)
    .read()
    .map(({ value }) => value)
}

describe('a join with a remote table', () => {
  it('gives nothing for a record that the table has nothing for, and a left join null', async () => {
    const table = remoteTable<{ city: string }>({
      name: 'users',
      get: async (key) => (key === 'ann' ? { city: 'Bern' } : undefined),
    })
    const app = pipeline('app')
    const clicks = app.stream('clicks', json<number>())
    clicks.join(table, (n, { city }, key) => `${key} ${n} ${city}`).to('inner')
    clicks.leftJoin(table, (n, user, key) => `${key} ${n} ${user?.city}`, { name: 'left' }).to('left')
    const driver = testDriver(app)
    for (const [n, key] of ['ann', 'bob', 'ann'].entries()) driver.topic('clicks').append(n, { key })
    driver.topic('clicks').append(3)
    await driver.settled()
    assert.deepEqual(values(driver, 'inner'), ['ann 0 Bern', 'ann 2 Bern'])
    assert.deepEqual(values(driver, 'left'), [
      'ann 0 Bern',
      'bob 1 undefined',
      'ann 2 Bern',
      'null 3 undefined',
    ])
  })

  it('asks once for a key that several records want at a time, and again for each later one without a cache', async () => {
    const { driver, requests } = lengths({})
    for (const word of ['one', 'one', 'three']) driver.topic('words').append(word)
    await driver.elapse('1 second')
    driver.topic('words').append('one')
    await driver.elapse('1 second')
    assert.deepEqual(values(driver, 'inner'), ['one:3', 'one:3', 'three:5', 'one:3'])
    assert.deepEqual(
      requests.map(({ keys }) => keys),
      [['one'], ['three'], ['one']],
    )
  })

  it('remembers values, and that there are none, for a while and up to a number', async () => {
    const { driver, requests } = lengths({ cache: { ttl: '10 seconds', entriesMax: 2 } })
    const ask = async (...words: string[]) => {
      requests.splice(0)
      for (const word of words) {
        driver.topic('words').append(word)
        await driver.elapse('1 second')
      }
      return requests.flatMap(({ keys }) => keys)
    }
    assert.deepEqual(await ask('a', '-', 'a', '-'), ['a', '-'])
    // The one not used for longest makes room.
    assert.deepEqual(await ask('bb', '-', 'bb', 'a'), ['bb', 'a'])
    await driver.elapse('20 seconds')
    assert.deepEqual(await ask('bb', 'a'), ['bb', 'a'])
    assert.deepEqual(values(driver, 'inner'), ['a:1', 'a:1', 'bb:2', 'bb:2', 'a:1', 'bb:2', 'a:1'])
  })

  it('asks for several keys at once, when there are enough or the first has waited', async () => {
    const { driver, requests } = lengths({ batch: { keysMax: 3, wait: '50 ms' } })
    for (const word of ['a', 'b', 'c', 'd', 'a']) driver.topic('words').append(word)
    await driver.elapse('1 second')
    assert.deepEqual(requests, [
      { atMs: 0, keys: ['a', 'b', 'c'] },
      { atMs: 50, keys: ['d'] },
    ])
    assert.deepEqual(values(driver, 'inner'), ['a:1', 'b:1', 'c:1', 'd:1', 'a:1'])
  })

  it('never makes more requests within a time than it may, and loses none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(300), { maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        async (pauses, requestsMax, keysMax) => {
          const { driver, requests } = lengths({
            rate: { requests: requestsMax, per: '1 second' },
            batch: { keysMax },
          })
          for (const [n, pauseMs] of pauses.entries()) {
            driver.topic('words').append(`word ${n}`)
            await driver.elapse(pauseMs)
          }
          await driver.elapse('1 minute')
          assert.equal(values(driver, 'inner').length, pauses.length)
          for (const { atMs, keys } of requests) {
            const within = requests.filter((other) => other.atMs >= atMs && other.atMs < atMs + 1000)
            assert.ok(within.length <= requestsMax, `${within.length} requests within a second`)
            assert.ok(keys.length <= keysMax)
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it('tries again what failed or took too long, with a new request', async () => {
    let requests = 0
    const table = remoteTable<number>({
      name: 'numbers',
      get: async (key, { signal }) => {
        requests++
        if (requests === 1) await sleep(driver.clock, 60_000, signal)
        if (requests === 2) throw new Error('busy')
        return Number(key)
      },
    })
    const app = pipeline('app')
    app
      .stream('in', json<string>())
      .join(table, (a, b) => `${a}${b}`, { timeout: '1 second', retry: { attempts: 3 } })
      .to('out')
    const driver = testDriver(app)
    driver.topic('in').append('a', { key: '7' })
    driver.topic('in').append('b', { key: '7' })
    await driver.elapse('10 seconds')
    assert.deepEqual(values(driver, 'out'), ['a7', 'b7'])
    assert.equal(requests, 3)
  })

  it('puts a record aside when the table answers for another number of keys', async () => {
    const table = remoteTable<number>({ name: 'numbers', getAll: async () => [1, 2] })
    const app = pipeline('app')
    app
      .stream('in', json<string>())
      .join(table, (a, b) => `${a}${b}`)
      .to('out')
    const driver = testDriver(app)
    driver.topic('in').append('a', { key: 'k' })
    await driver.settled()
    assert.equal(driver.topic('app-dead-letters').read().length, 1)
  })
})
