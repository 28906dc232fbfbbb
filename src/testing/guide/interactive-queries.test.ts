/** The examples of docs/guide/interactive-queries.md. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { count, defineConfig, json, pipeline, type RunningMillrace, session, start, tumbling } from 'millrace'
import { connect, type Kafka } from 'millrace/kafka'
import { until } from '../../platform/clock.ts'
import { nodePlatform } from '../../platform/node/platform.ts'
import { assertPrinted } from './printed-fixture.ts'

const { clock } = nodePlatform()
const NOON_MS = Date.UTC(2026, 0, 31, 12)

// #region pipeline
const shop = pipeline('shop')
shop.table('stock', json<number>())
shop.table('prices', json<{ cents: number }>(), { history: '30 days' })
const views = shop.stream('views', json<{ product: string }>()).groupByKey()
views
  .window(tumbling('1 hour', { emit: 'update', grace: '1 day' }))
  .aggregate({ views: count() }, { name: 'views-per-hour' })
  .to('views-per-hour')
views
  .window(session('10 minutes', { emit: 'update', grace: '1 day' }))
  .aggregate({ views: count() }, { name: 'visits' })
  .to('visits')
// #endregion

describe('the guide to interactive queries', { timeout: 180_000 }, () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-queries-'))
  let running: RunningMillrace | undefined
  let kafka: Kafka | undefined

  before(async () => {
    const topics = Object.fromEntries(['stock', 'prices', 'views'].map((topic) => [topic, { partitions: 2 }]))
    const run = { commitInterval: 50 }
    // #region start
    const config = defineConfig({ pipelines: [shop], topics, run })
    const millrace = await start(config, { dataDirectory, brokerPort: 0, consolePort: 0 })
    // #endregion
    running = millrace
    kafka = connect({ brokers: millrace.brokers })
    const producer = kafka.producer()
    const send = (topic: string, key: string, value: unknown, timestampMs = NOON_MS) =>
      producer.send({ topic, key, value: JSON.stringify(value), timestampMs })
    for (const [key, pieces] of Object.entries({ cap: 3, coat: 7, cup: 5, hat: 4, scarf: 9 }))
      await send('stock', key, pieces)
    await send('prices', 'hat', { cents: 1900 })
    await send('prices', 'hat', { cents: 1500 }, NOON_MS + 3_600_000)
    for (const minutes of [0, 5, 61])
      await send('views', 'ann', { product: 'hat' }, NOON_MS + minutes * 60_000)
  })
  after(async () => {
    await kafka?.close()
    await running?.stop()
    rmSync(dataDirectory, { recursive: true, force: true })
  })

  /** The state has all that was written, and all is committed. */
  const caughtUp = async (millrace: RunningMillrace): Promise<void> => {
    const written = { stock: 5, prices: 2, 'views-per-hour': 3 }
    for (const [name, records] of Object.entries(written)) {
      const there = async (): Promise<boolean> => {
        try {
          const { committed, position } = await millrace.store(name).all()
          return committed && position.reduce((sum, { offset }) => sum + offset, 0) >= records
        } catch (error) {
          if ((error as { code?: string }).code === 'MR_STORE_MOVING') return false
          throw error
        }
      }
      await until(clock, there, { what: `the state of ${name}`, timeoutMs: 90_000, intervalMs: 50 })
    }
  }

  it('asks from code', async () => {
    const millrace = running as RunningMillrace
    await caughtUp(millrace)
    const productsSeen: string[] = []
    // #region keys
    const stock = millrace.store<number>('stock')
    const { value, position, committed } = await stock.get('hat')
    const some = await stock.range('cap', 'cup')
    const first = await stock.prefix('c', { limit: 2 })
    let page = await stock.all({ limit: 2 })
    for (;;) {
      for (const { key } of page.rows) productsSeen.push(key)
      if (page.cursor === undefined) break
      page = await stock.all({ limit: 2, cursor: page.cursor })
    }
    // #endregion
    assert.equal(value, 4)
    // That an input went silent is committed, too, and may be about to be.
    assert.equal(typeof committed, 'boolean')
    assert.equal(position.length, 1)
    assert.deepEqual(
      some.rows.map(({ key }) => key),
      ['cap', 'coat', 'cup'],
    )
    assert.deepEqual(
      first.rows.map(({ key }) => key),
      ['cap', 'coat'],
    )
    assert.deepEqual(productsSeen, ['cap', 'coat', 'cup', 'hat', 'scarf'])
    const noonMs = NOON_MS
    // #region times
    const perHour = millrace.store<{ views: number }>('views-per-hour')
    const hours = await perHour.window('ann', noonMs, noonMs + 3_600_000)
    const visits = await millrace.store<{ views: number }>('visits').session('ann')
    const prices = millrace.store<{ cents: number }>('prices')
    const now = await prices.get('hat')
    const before = await prices.asOf('hat', noonMs + 60_000)
    // #endregion
    assert.deepEqual(
      hours.rows.map((row) => [row.windowStartMs, row.value.views]),
      [
        [noonMs, 2],
        [noonMs + 3_600_000, 1],
      ],
    )
    assert.deepEqual(
      visits.rows.map((row) => [row.windowStartMs, row.windowEndMs, row.value.views]),
      [
        [noonMs, noonMs + 300_000, 2],
        [noonMs + 3_660_000, noonMs + 3_660_000, 1],
      ],
    )
    assert.deepEqual([now.value?.cents, before.value?.cents], [1500, 1900])
  })

  it('asks over HTTP', async () => {
    const millrace = running as RunningMillrace
    await caughtUp(millrace)
    // #region http
    const response = await fetch(`${millrace.url}/api/stores/stock/keys/hat`)
    const answer = await response.json()
    // #endregion
    const { committed, position, ...rest } = answer as { committed: boolean; position: { topic: string }[] }
    assert.equal(typeof committed, 'boolean')
    assert.deepEqual(rest, {
      store: 'stock-table',
      key: 'hat',
      value: 4,
      timestampMs: NOON_MS,
    })
    assert.equal(position[0]?.topic, 'stock')
    const asked = async (path: string): Promise<{ value?: unknown; rows?: unknown[] }> =>
      (await (await fetch(`${millrace.url}/api/stores/${path}`)).json()) as object
    assert.deepEqual((await asked('prices/keys/hat?asOf=2026-01-31T12:30:00Z')).value, { cents: 1900 })
    assert.equal((await asked('views-per-hour/keys/ann?fromMs=2026-01-31T13:00:00Z')).rows?.length, 1)
    assert.equal((await asked('visits/keys/ann')).rows?.length, 2)
    assert.equal((await asked('stock/keys?prefix=c')).rows?.length, 3)
  })

  it('has its examples on the page', () => {
    assertPrinted(import.meta.url, 'interactive-queries.md')
  })
})
