/** The examples of docs/guide/bad-events.md. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json, pipeline } from 'millrace'
import { testDriver } from 'millrace/testing'
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

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'bad-events.md'))
})
