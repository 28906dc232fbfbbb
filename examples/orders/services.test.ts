/** Each service alone, and all of them on one order. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { testDriver } from 'millrace/testing'
import { details, email, fraud, inventory, type Order, type Validation, validations } from './services.ts'

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

  it('look at the order itself', () => {
    assert.deepEqual(checked(details, [order('1'), order('2', { quantity: 0 })]), [
      ['1', true],
      ['2', false],
    ])
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
