/** Each service alone, and all of them on one order. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { testDriver } from 'millrace/testing'
import { orderBook } from './order-book.ts'
import {
  type Customer,
  type EnrichedOrder,
  email,
  enrichment,
  fraud,
  inventory,
  type Order,
  type Validation,
  validations,
} from './services.ts'

const order = (id: string, more: Partial<Order> = {}): Order => ({
  id,
  customer: 'ann',
  state: 'CREATED',
  product: 'JUMPERS',
  quantity: 1,
  price: 10,
  ...more,
})

/** What a check says of orders, each a second after the other. */
function checked(
  service: typeof inventory,
  orders: readonly Order[],
  stock = 0,
): (readonly [string, boolean])[] {
  const driver = testDriver(service())
  if (stock > 0) driver.topic('warehouse-inventory').append(stock, { key: 'JUMPERS' })
  orders.forEach((one, at) => {
    driver.topic('orders').append(one, { key: one.id, timestampMs: at * 1000 })
  })
  return driver
    .topic('order-validations')
    .read<Validation, string>()
    .map(({ key, value }) => {
      assert.equal(key, value.order)
      return [key, value.passed]
    })
}

describe('the checks', () => {
  it('reserve stock while there is some', () => {
    const orders = [order('1', { quantity: 3 }), order('2', { quantity: 3 }), order('3', { quantity: 2 })]
    assert.deepEqual(checked(inventory, orders, 5), [
      ['1', true],
      ['2', false],
      ['3', true],
    ])
  })

  it('refuse what is too much for one session of a customer', () => {
    const orders = [
      order('1', { price: 1500 }),
      order('2', { price: 1500, customer: 'bob' }),
      order('3', { price: 600 }),
      order('4', { price: 1, state: 'VALIDATED' }),
    ]
    assert.deepEqual(checked(fraud, orders), [
      ['1', true],
      ['2', true],
      ['3', false],
    ])
  })

  it('keep what is reserved by product', () => {
    const driver = testDriver(inventory())
    for (const product of ['JUMPERS', 'STOCKINGS'] as const) {
      driver.topic('warehouse-inventory').append(1, { key: product })
      driver.topic('orders').append(order(product, { product }), { key: product })
    }
    assert.equal(driver.store('stock-reserved').entryCount, 2)
    const told = driver.topic('order-validations').read<Validation>()
    assert.deepEqual(
      told.map(({ value }) => value.passed),
      [true, true],
    )
  })

  it('count a customer’s orders anew after a pause of more than an hour', () => {
    const driver = testDriver(fraud())
    for (const [id, minutes] of [
      ['1', 0],
      ['2', 60],
      ['3', 121],
    ] as const)
      driver.topic('orders').append(order(id, { price: 1200 }), { key: id, timestampMs: minutes * 60_000 })
    const told = driver.topic('order-validations').read<Validation>()
    assert.deepEqual(
      told.map(({ value }) => [value.order, value.passed]),
      [
        ['1', true],
        ['2', false],
        ['3', true],
      ],
    )
  })
})

describe('the verdict', () => {
  const decided = (checks: readonly boolean[]): string[] => {
    const driver = testDriver(validations())
    driver.topic('orders').append(order('1'), { key: '1', timestampMs: 0 })
    checks.forEach((passed, at) => {
      const value = { order: '1', check: 'DETAILS', passed }
      driver.topic('order-validations').append(value, { key: '1', timestampMs: 100 + at })
    })
    return driver
      .topic('orders-decided')
      .read<Order>()
      .map(({ value }) => value.state)
  }

  it('is not given for checks that are more than five minutes apart', () => {
    const driver = testDriver(validations())
    driver.topic('orders').append(order('1'), { key: '1', timestampMs: 0 })
    for (const minutes of [1, 3, 9]) {
      const value = { order: '1', check: 'DETAILS', passed: true }
      driver.topic('order-validations').append(value, { key: '1', timestampMs: minutes * 60_000 })
    }
    driver.end()
    assert.deepEqual(driver.topic('orders-decided').read(), [])
  })

  it('is given once, when all have passed or the first has failed', () => {
    assert.deepEqual(decided([true, true]), [])
    assert.deepEqual(decided([true, true, true]), ['VALIDATED'])
    assert.deepEqual(decided([true, false, false]), ['FAILED'])
  })
})

describe('a mail', () => {
  it('goes to the topic of the level, for orders paid within a minute', () => {
    const driver = testDriver(email())
    const customer = { name: 'Ann', email: 'ann@example.org', level: 'gold' }
    driver.topic('customers').append(customer, { key: 'ann' })
    for (const [id, paidMs] of [
      ['1', 60_000],
      ['2', 60_001],
    ] as const) {
      driver.topic('orders').append(order(id), { key: id, timestampMs: 0 })
      driver.topic('payments').append({ id: 'p', order: id, amount: 10 }, { key: 'p', timestampMs: paidMs })
    }
    const mails = driver.topic('gold').read<{ to: string; text: string }>()
    assert.deepEqual(
      mails.map(({ value }) => [value.to, value.text]),
      [['ann@example.org', 'Dear Ann, we have your 10 for order 1.']],
    )
    assert.deepEqual(driver.topic('silver').read(), [])
  })
})

describe('enrichment', () => {
  const ann: Customer = { name: 'Ann', email: 'ann@example.org', level: 'gold' }

  it('adds what is known of the customer', () => {
    const driver = testDriver(enrichment())
    driver.topic('orders').append(order('1'), { key: '1', timestampMs: 0 })
    driver.topic('customers').append(ann, { key: 'ann', timestampMs: 1 })
    driver.topic('orders').append(order('2'), { key: '2', timestampMs: 2 })
    driver.topic('orders').append(order('2', { state: 'VALIDATED' }), { key: '2', timestampMs: 3 })
    const enriched = driver.topic('orders-enriched').read<EnrichedOrder>()
    assert.deepEqual(
      enriched.map(({ key, value }) => [key, value.id, value.by]),
      [
        ['ann', '1', null],
        ['ann', '2', ann],
      ],
    )
  })

  it('tells who orders more than twice in half a minute', () => {
    const driver = testDriver(enrichment())
    for (const [at, seconds] of [0, 10, 29, 30, 59].entries())
      driver.topic('orders').append(order(`${at}`), { key: `${at}`, timestampMs: seconds * 1000 })
    const told = driver.topic('possible-fraud').read<{ orders: number }>()
    assert.deepEqual(
      told.map(({ key, value, timestampMs }) => [key, value.orders, timestampMs]),
      [['ann', 3, 29_000]],
    )
  })
})

describe('the order book', () => {
  it('has an order as it was taken, then as it was decided, and follows its customer', () => {
    const driver = testDriver(orderBook())
    driver.topic('orders').append(order('1'), { key: '1' })
    driver.topic('customers').append({ name: 'Ann', email: '', level: 'silver' }, { key: 'ann' })
    driver.topic('orders-decided').append(order('1', { state: 'VALIDATED' }), { key: '1' })
    driver.topic('customers').append({ name: 'Ann', email: '', level: 'gold' }, { key: 'ann' })
    driver.topic('orders').append(null, { key: '1' })
    const written = driver.topic('orders-of-customers').read<{ state: string; level: string } | null>()
    assert.deepEqual(
      written.map(({ key, value }) => [key, value && [value.state, value.level]]),
      [
        ['1', ['CREATED', 'silver']],
        ['1', ['VALIDATED', 'silver']],
        ['1', ['VALIDATED', 'gold']],
        ['1', null],
      ],
    )
  })
})
