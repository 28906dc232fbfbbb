/** The examples of docs/guide/stateless.md. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json, pipeline } from 'millrace'
import { testDriver } from 'millrace/testing'
import { assertPrinted } from './printed-fixture.ts'

interface Order {
  readonly id: string
  readonly customer: string
  readonly cents: number
  readonly items: readonly string[]
}

const order = (id: string, customer: string, cents: number, items: readonly string[] = []): Order => ({
  id,
  customer,
  cents,
  items,
})

describe('the guide to stateless operators', () => {
  it('filters and maps', () => {
    // #region map
    const shop = pipeline('shop')
    shop
      .stream('orders', json<Order>())
      .filter((order) => order.cents > 0)
      .mapValues((order) => ({ id: order.id, euros: order.cents / 100 }))
      .to('paid-orders')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append(order('a', 'ann', 250))
    driver.topic('orders').append(order('b', 'bob', 0))
    assert.deepEqual(
      driver
        .topic('paid-orders')
        .read()
        .map(({ value }) => value),
      [{ id: 'a', euros: 2.5 }],
    )
  })

  it('makes many of one', () => {
    // #region flat-map
    const shop = pipeline('shop')
    shop
      .stream('orders', json<Order>())
      .flatMap((order) => order.items.map((item) => ({ key: item, value: order.id })))
      .to('orders-by-item')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append(order('a', 'ann', 1, ['nut', 'bolt']))
    assert.deepEqual(
      driver
        .topic('orders-by-item')
        .read()
        .map(({ key, value }) => [key, value]),
      [
        ['nut', 'a'],
        ['bolt', 'a'],
      ],
    )
  })

  it('makes many values of one, or none', () => {
    // #region flat-map-values
    const shop = pipeline('shop')
    shop
      .stream('orders', json<Order>())
      .flatMapValues((order) => (order.cents === 0 ? [] : order.items))
      .to('items-that-cost')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append(order('a', 'ann', 1, ['nut', 'bolt']), { key: 'k' })
    driver.topic('orders').append(order('b', 'bob', 0, ['ribbon']), { key: 'k' })
    assert.deepEqual(
      driver
        .topic('items-that-cost')
        .read()
        .map(({ key, value }) => [key, value]),
      [
        ['k', 'nut'],
        ['k', 'bolt'],
      ],
    )
  })

  it('gives keys that are no texts', () => {
    // #region keys
    const shop = pipeline('shop')
    shop
      .stream('orders', json<Order>())
      .map((order) => ({ key: order.items.length, value: order.id }), { key: json<number>() })
      .to('orders-by-size')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append(order('a', 'ann', 250, ['hat', 'cap']))
    const [sized] = driver.topic('orders-by-size').read<string, number>()
    assert.deepEqual([sized?.key, sized?.value], [2, 'a'])
  })

  it('branches', () => {
    // #region branch
    const shop = pipeline('shop')
    const { large, gifts, rest } = shop.stream('orders', json<Order>()).branch(
      {
        large: (order) => order.cents >= 100_00,
        gifts: (order) => order.items.includes('ribbon'),
      },
      { default: 'rest' },
    )
    large.to('orders-to-check')
    gifts.merge(rest).to('orders-to-pack')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append(order('a', 'ann', 200_00, ['ribbon']))
    driver.topic('orders').append(order('b', 'bob', 1, ['ribbon']))
    driver.topic('orders').append(order('c', 'eve', 1))
    assert.equal(driver.topic('orders-to-check').read().length, 1)
    assert.equal(driver.topic('orders-to-pack').read().length, 2)
  })

  it('chooses a topic per record', () => {
    // #region route
    const shop = pipeline('shop')
    shop
      .stream('orders', json<Order>())
      .to((order) => (order.cents > 50_00 ? 'express' : 'parcel'), { topics: ['express', 'parcel'] })
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append(order('a', 'ann', 60_00))
    driver.topic('orders').append(order('b', 'bob', 1))
    assert.equal(driver.topic('express').read().length, 1)
    assert.equal(driver.topic('parcel').read().length, 1)
  })

  it('moves records and makes a table', () => {
    // #region table
    const shop = pipeline('shop')
    const lastOrder = shop
      .stream('orders', json<Order>())
      .selectKey((order) => order.customer)
      .repartition({ partitions: 8, name: 'by-customer' })
      .toTable({ name: 'last-order' })
    lastOrder.to('last-order-of-customer')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append(order('a', 'ann', 1))
    assert.deepEqual(driver.topic('last-order-of-customer').read()[0]?.key, 'ann')
  })

  it('shows records on their way', () => {
    const lines: string[] = []
    const write = (line: string): void => void lines.push(line)
    // #region print
    const shop = pipeline('shop')
    shop
      .stream('orders', json<Order>())
      .mapValues((order) => order.cents)
      .print(write, { label: 'cents' })
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append(order('a', 'ann', 5), { key: 'k' })
    assert.deepEqual(lines, ['[cents]: k, 5'])
  })

  it('counts records on their way', () => {
    let gifts = 0
    const report = (line: string): void => assert.fail(line)
    // #region peek
    const shop = pipeline('shop')
    shop
      .stream('orders', json<Order>())
      .peek((order, _key, { offset }) => {
        if (order.items.includes('ribbon')) gifts += 1
        if (offset % 1000 === 999) report(`${gifts} gifts so far`)
      })
      .to('orders-seen')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append(order('a', 'ann', 1, ['nut']), { key: 'k' })
    driver.topic('orders').append(order('b', 'ann', 1, ['ribbon']), { key: 'k' })
    assert.equal(gifts, 1)
    assert.equal(driver.topic('orders-seen').read().length, 2)
  })

  it('drops repeated records and waits', () => {
    // #region deduplicate
    const shop = pipeline('shop')
    shop
      .stream('orders', json<Order>())
      .deduplicate({ within: '1 hour', id: (order) => order.id })
      .delay('10 minutes')
      .to('orders-to-remind-of')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append(order('a', 'ann', 1), { key: 'ann' })
    driver.topic('orders').append(order('a', 'ann', 1), { key: 'ann' })
    driver.advance('9 minutes')
    assert.equal(driver.topic('orders-to-remind-of').read().length, 0)
    driver.advance('1 minute')
    assert.deepEqual(
      driver
        .topic('orders-to-remind-of')
        .read()
        .map(({ timestampMs }) => timestampMs),
      [600_000],
    )
  })

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'stateless.md'))
})
