/** The examples of docs/guide/bad-events.md. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { defineConfig, json, pipeline, start } from 'millrace'
import { connect } from 'millrace/kafka'
import { recordFixture, testDriver } from 'millrace/testing'
import { until } from '../../platform/clock.ts'
import { nodePlatform } from '../../platform/node/platform.ts'
import { assertPrinted } from './printed-fixture.ts'

interface Order {
  readonly id: string
  readonly cents: number
}

describe('the guide to bad events', () => {
  it('puts what cannot be read or processed aside', () => {
    const shop = pipeline('shop')
    // #region policy
    shop
      .stream('orders', json<Order>(), { onInvalid: 'dead-letter' })
      .mapValues((order) => {
        if (order.cents < 0) throw new RangeError('a negative price')
        return order.cents / 100
      })
      .to('prices')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append({ id: 'a', cents: -1 }, { key: 'k' })
    driver.topic('orders').appendBytes(Buffer.from('k'), Buffer.from('{'))
    // #region read
    const texts = driver
      .topic('shop-dead-letters')
      .read()
      .map(({ value, headers }) => [
        value,
        ...['mr-stage', '__streams.errors.exception', '__streams.errors.offset'].map((name) =>
          headers.find(({ key }) => key === name)?.value?.toString(),
        ),
      ])
    assert.deepEqual(texts, [
      ['{"id":"a","cents":-1}', 'process', 'RangeError', '0'],
      ['{', 'deserialise', 'MR_RECORD_INVALID', '1'],
    ])
    // #endregion
  })

  it('parks a key', async () => {
    let open = false
    const deliver = async (order: Order) => {
      if (order.id === 'a1' && !open) throw new Error('the gate is closed')
      return order.id
    }
    const shop = pipeline('shop')
    // #region park
    shop
      .stream('orders', json<Order>())
      .mapAsync(deliver, {
        name: 'delivered',
        order: 'per-key',
        retry: { attempts: 3, backoff: '1 second' },
        onFailure: 'park',
        park: { retry: '1 minute', recordsMax: 100_000 },
      })
      .to('delivered-orders')
    // #endregion
    const driver = testDriver(shop)
    for (const id of ['a1', 'a2', 'b1']) driver.topic('orders').append({ id, cents: 1 }, { key: id[0] })
    const delivered = () =>
      driver
        .topic('delivered-orders')
        .read()
        .map(({ value }) => value)
    // #region parked
    await driver.elapse('10 seconds')
    assert.deepEqual(delivered(), ['b1'])
    const [parked] = driver.parked()
    assert.equal(parked?.key, 'a')
    assert.equal(parked?.records, 2)
    assert.equal(parked?.error.message, 'the gate is closed')
    // #endregion
    open = true
    // #region decide
    driver.decide('delivered', 'a', 'retry')
    await driver.settled()
    assert.deepEqual(delivered(), ['a1', 'a2'])
    // #endregion
  })

  it('decides about a parked key of a running pipeline', { timeout: 180_000 }, async () => {
    const shop = pipeline('shop')
    shop
      .stream('orders', json<Order>())
      .mapAsync(
        (order) => {
          if (order.id === 'a1') throw new Error('the gate is closed')
          return order.id
        },
        { name: 'delivered', order: 'per-key', retry: { attempts: 1 }, onFailure: 'park' },
      )
      .to('delivered-orders')
    const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-bad-events-'))
    const config = defineConfig({ pipelines: [shop], topics: { orders: { partitions: 1 } } })
    const millrace = await start(config, { dataDirectory, brokerPort: 0, consolePort: 0 })
    const kafka = connect({ brokers: millrace.brokers })
    try {
      const producer = kafka.producer()
      for (const id of ['a1', 'a2'])
        await producer.send({ topic: 'orders', key: 'a', value: JSON.stringify({ id, cents: 1 }) })
      const waiting = async () => {
        const listed = await millrace.parked().catch(() => undefined)
        return listed?.keys[0]?.records === 2
      }
      await until(nodePlatform().clock, waiting, { what: 'the parked key', timeoutMs: 90_000 })
      // #region running
      const { total, keys } = await millrace.parked()
      assert.deepEqual([total, keys[0]?.pipeline, keys[0]?.key, keys[0]?.records], [1, 'shop', 'a', 2])
      await millrace.decide('delivered', 'a', 'dead-letter')
      // #endregion
      assert.equal((await millrace.parked()).total, 0)
      assert.equal((await recordFixture(kafka, { topic: 'shop-dead-letters' })).length, 1)
    } finally {
      await kafka.close()
      await millrace.stop()
      rmSync(dataDirectory, { recursive: true, force: true })
    }
  })

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'bad-events.md'))
})
