/** The examples of docs/guide/tables.md. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json, pipeline } from 'millrace'
import { type TestDriver, testDriver } from 'millrace/testing'
import { assertPrinted } from './printed-fixture.ts'

const results = (driver: TestDriver, topic: string): unknown[][] =>
  driver
    .topic(topic)
    .read()
    .map(({ key, value, timestampMs }) => [key, value, timestampMs])

describe('the guide to tables', () => {
  it('filters and changes values', () => {
    // #region values
    const air = pipeline('air')
    air
      .table('planes', json<{ maker: string; seats: number }>())
      .filter((plane) => plane.seats > 100)
      .mapValues((plane) => plane.seats, { store: 'large-planes' })
      .to('large-planes')
    // #endregion
    const driver = testDriver(air)
    for (const [at, seats] of [50, 150, 60, 40].entries())
      driver.topic('planes').append({ maker: 'x', seats }, { key: 'N1', timestampMs: at })
    assert.deepEqual(results(driver, 'large-planes'), [
      ['N1', 150, 1],
      ['N1', null, 2],
    ])
    assert.equal(driver.store('large-planes').name, 'large-planes')
  })

  it('joins tables of one key', () => {
    // #region tables
    const staff = pipeline('staff')
    const names = staff.table('names', json<string>())
    const desks = staff.table('desks', json<number>())
    const phones = staff.table('phones', json<string>())
    names
      .leftJoin(desks, (name, desk) => ({ name, desk }))
      .leftJoin(phones, (person, phone) => ({ ...person, phone }))
      .to('directory')
    // #endregion
    const driver = testDriver(staff)
    driver.topic('names').append('Ann', { key: 'a', timestampMs: 1 })
    driver.topic('phones').append('555', { key: 'a', timestampMs: 2 })
    driver.topic('desks').append(7, { key: 'a', timestampMs: 3 })
    driver.topic('names').append(null, { key: 'a', timestampMs: 4 })
    assert.deepEqual(results(driver, 'directory'), [
      ['a', { name: 'Ann', desk: null, phone: null }, 1],
      ['a', { name: 'Ann', desk: null, phone: '555' }, 2],
      ['a', { name: 'Ann', desk: 7, phone: '555' }, 3],
      ['a', null, 4],
    ])
  })

  it('keeps keys that only one table has', () => {
    // #region outer
    const shop = pipeline('shop')
    const shelf = shop.table('shelf', json<number>())
    const cellar = shop.table('cellar', json<number>())
    shelf.outerJoin(cellar, (above, below) => (above ?? 0) + (below ?? 0)).to('stock')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('cellar').append(40, { key: 'nut', timestampMs: 1 })
    driver.topic('shelf').append(2, { key: 'nut', timestampMs: 2 })
    driver.topic('cellar').append(null, { key: 'nut', timestampMs: 3 })
    driver.topic('shelf').append(null, { key: 'nut', timestampMs: 4 })
    assert.deepEqual(results(driver, 'stock'), [
      ['nut', 40, 1],
      ['nut', 42, 2],
      ['nut', 2, 3],
      ['nut', null, 4],
    ])
  })

  it('joins by a key that the values name', () => {
    // #region foreign-key
    const shop = pipeline('shop')
    const customers = shop.table('customers', json<{ name: string }>())
    const orders = shop.table('orders', json<{ customer: string; cents: number }>())
    orders
      .joinOn(
        customers,
        (order) => order.customer,
        (order, customer) => ({ cents: order.cents, name: customer.name }),
      )
      .to('orders-with-names')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append({ customer: 'a', cents: 5 }, { key: 'order-1', timestampMs: 1 })
    driver.topic('customers').append({ name: 'Ann' }, { key: 'a', timestampMs: 2 })
    driver.topic('customers').append({ name: 'Anne' }, { key: 'a', timestampMs: 3 })
    driver.topic('orders').append(null, { key: 'order-1', timestampMs: 4 })
    assert.deepEqual(results(driver, 'orders-with-names'), [
      ['order-1', { cents: 5, name: 'Ann' }, 2],
      ['order-1', { cents: 5, name: 'Anne' }, 3],
      ['order-1', null, 4],
    ])
  })

  it('joins by a key that a value may name', () => {
    // #region foreign-key-left
    const staff = pipeline('staff')
    const people = staff.table('people', json<{ name: string; boss: string | null }>())
    people
      .leftJoinOn(
        people,
        (person) => person.boss,
        (person, boss) => ({ name: person.name, boss: boss?.name ?? 'nobody' }),
      )
      .to('people-with-bosses')
    // #endregion
    const driver = testDriver(staff)
    driver.topic('people').append({ name: 'Ann', boss: null }, { key: 'a', timestampMs: 1 })
    driver.topic('people').append({ name: 'Bob', boss: 'a' }, { key: 'b', timestampMs: 2 })
    driver.topic('people').append({ name: 'Anne', boss: null }, { key: 'a', timestampMs: 3 })
    const last = new Map(results(driver, 'people-with-bosses').map(([key, value]) => [key, value]))
    assert.deepEqual(last.get('a'), { name: 'Anne', boss: 'nobody' })
    assert.deepEqual(last.get('b'), { name: 'Bob', boss: 'Anne' })
  })

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'tables.md'))
})
