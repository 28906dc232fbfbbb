/** The examples of docs/guide/joins.md. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assemble, json, pattern, pipeline } from 'millrace'
import { type TestDriver, testDriver } from 'millrace/testing'
import { assertPrinted } from './printed-fixture.ts'

interface Order {
  readonly id: string
  readonly cents: number
}
interface Payment {
  readonly order: string
  readonly cents: number
}

const results = (driver: TestDriver, topic: string): unknown[][] =>
  driver
    .topic(topic)
    .read()
    .map(({ key, value, timestampMs }) => [key, value, timestampMs])

describe('the guide to joins', () => {
  it('joins two streams within a time', () => {
    // #region stream-stream
    const shop = pipeline('shop')
    const orders = shop.stream('orders', json<Order>()).selectKey((order) => order.id)
    const payments = shop.stream('payments', json<Payment>()).selectKey((payment) => payment.order)
    orders
      .leftJoin(payments, (order, payment) => ({ due: order.cents, paid: payment?.cents ?? 0 }), {
        within: { before: 0, after: '5 minutes' },
        grace: '1 minute',
      })
      .to('paid')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('orders').append({ id: 'a', cents: 10 }, { timestampMs: 0 })
    driver.topic('orders').append({ id: 'b', cents: 20 }, { timestampMs: 60_000 })
    driver.topic('payments').append({ order: 'a', cents: 10 }, { timestampMs: 300_000 })
    driver.topic('payments').append({ order: 'c', cents: 1 }, { timestampMs: 420_000 })
    assert.deepEqual(results(driver, 'paid'), [['a', { due: 10, paid: 10 }, 300_000]])
    driver.topic('payments').append({ order: 'c', cents: 1 }, { timestampMs: 420_001 })
    assert.deepEqual(results(driver, 'paid'), [['b', { due: 20, paid: 0 }, 60_000]])
  })

  it('keeps both sides whole', () => {
    // #region outer
    const bank = pipeline('bank')
    const booked = bank.stream('booked', json<{ cents: number }>())
    const reported = bank.stream('reported', json<{ cents: number }>())
    booked
      .outerJoin(reported, (ours, theirs) => ({ ours: ours?.cents ?? null, theirs: theirs?.cents ?? null }), {
        within: '1 minute',
      })
      .filter(({ ours, theirs }) => ours !== theirs)
      .to('differences')
    // #endregion
    const driver = testDriver(bank)
    driver.topic('booked').append({ cents: 5 }, { key: 'a', timestampMs: 0 })
    driver.topic('reported').append({ cents: 5 }, { key: 'a', timestampMs: 30_000 })
    driver.topic('booked').append({ cents: 7 }, { key: 'b', timestampMs: 40_000 })
    driver.topic('reported').append({ cents: 9 }, { key: 'c', timestampMs: 50_000 })
    driver.topic('booked').append({ cents: 1 }, { key: 'd', timestampMs: 110_001 })
    assert.deepEqual(results(driver, 'differences'), [
      ['b', { ours: 7, theirs: null }, 40_000],
      ['c', { ours: null, theirs: 9 }, 50_000],
    ])
  })

  it('joins a stream with itself', () => {
    // #region self
    const bank = pipeline('bank')
    const transfers = bank.stream('transfers', json<{ id: number; city: string }>())
    transfers
      .join(transfers, (one, next) => ({ one, next }), { within: { before: 0, after: '1 hour' } })
      .filter(({ one, next }) => one.id < next.id && one.city !== next.city)
      .to('two-cities-in-an-hour')
    // #endregion
    const driver = testDriver(bank)
    driver.topic('transfers').append({ id: 1, city: 'Riga' }, { key: 'ann', timestampMs: 0 })
    driver.topic('transfers').append({ id: 2, city: 'Lima' }, { key: 'ann', timestampMs: 60_000 })
    assert.equal(driver.topic('two-cities-in-an-hour').read().length, 1)
  })

  it('joins a stream with a table, as it is and as it was', () => {
    // #region stream-table
    const air = pipeline('air')
    const planes = air.table('planes', json<{ seats: number }>())
    const weather = air.table('weather', json<{ wind: number }>(), { history: '2 days' })
    air
      .stream('departures', json<{ plane: string; airport: string }>())
      .selectKey((departure) => departure.plane)
      .join(planes, (departure, plane) => ({ ...departure, seats: plane.seats }))
      .selectKey((departure) => departure.airport)
      .leftJoin(weather, (departure, then) => ({ ...departure, wind: then?.wind ?? null }), {
        name: 'weather-at-departure',
      })
      .to('enriched')
    // #endregion
    const driver = testDriver(air)
    driver.topic('planes').append({ seats: 100 }, { key: 'N1', timestampMs: 0 })
    driver.topic('weather').append({ wind: 5 }, { key: 'JFK', timestampMs: 1000 })
    driver.topic('weather').append({ wind: 9 }, { key: 'JFK', timestampMs: 3000 })
    driver.topic('departures').append({ plane: 'N1', airport: 'JFK' }, { timestampMs: 2000 })
    assert.deepEqual(results(driver, 'enriched'), [
      ['JFK', { plane: 'N1', airport: 'JFK', seats: 100, wind: 5 }, 2000],
    ])
  })

  it('joins a stream with a global table', () => {
    // #region global
    const trade = pipeline('trade')
    const rates = trade.globalTable('rates', json<number>())
    trade
      .stream('trades', json<{ currency: string; amount: number }>())
      .join(rates, (one, rate) => ({ euros: one.amount * rate }), { on: (one) => one.currency })
      .to('euros')
    // #endregion
    const driver = testDriver(trade)
    driver.topic('rates').append(2, { key: 'USD' })
    driver.topic('trades').append({ currency: 'USD', amount: 5 }, { key: 'ann' })
    assert.deepEqual(results(driver, 'euros'), [['ann', { euros: 10 }, 0]])
  })

  it('assembles events of several kinds', () => {
    // #region assemble
    const garage = pipeline('garage')
    const entered = garage.stream('entered', json<{ car: string }>())
    const paid = garage.stream('paid', json<{ cents: number }>())
    const gone = garage.stream('gone', json<{ car: string }>())
    assemble(
      { entered, paid, gone },
      {
        name: 'stays',
        last: 'gone',
        timeout: '3 days',
        needs: ['entered', 'paid', 'gone'],
        pairs: { parked: { start: 'entered', stop: 'gone' } },
      },
    )
      .mapValues(({ intervals, events, missing }) => ({
        parked: intervals.parked.map(({ startMs, stopMs }) => [startMs, stopMs]),
        cents: events.paid.map(({ value }) => value.cents),
        missing,
      }))
      .to('stays')
    // #endregion
    const driver = testDriver(garage)
    driver.topic('entered').append({ car: 'x' }, { key: 'ticket-1', timestampMs: 1000 })
    driver.topic('paid').append({ cents: 300 }, { key: 'ticket-1', timestampMs: 5000 })
    driver.topic('gone').append({ car: 'x' }, { key: 'ticket-1', timestampMs: 6000 })
    driver.topic('entered').append({ car: 'y' }, { key: 'ticket-2', timestampMs: 7000 })
    driver.end()
    assert.deepEqual(results(driver, 'stays'), [
      ['ticket-1', { parked: [[1000, 6000]], cents: [300], missing: [] }, 6000],
      ['ticket-2', { parked: [[7000, null]], cents: [], missing: ['paid', 'gone'] }, 7000],
    ])
  })

  it('finds patterns over time', () => {
    // #region pattern
    const alarm = pipeline('alarm')
    const failed = alarm.stream('login-failed', json<{ from: string }>())
    const entered = alarm.stream('logged-in', json<{ from: string }>())
    const confirmed = alarm.stream('confirmed', json<{ code: number }>())
    pattern('first', failed)
      .followedBy('second', failed, { within: '10 seconds' })
      .followedBy('login', entered, { within: '1 minute' })
      .notFollowedBy('confirmation', confirmed, { within: '5 minutes' })
      .toStream({ name: 'break-in' })
      .mapValues(({ first, login }) => [first.from, login.from])
      .to('alerts')
    // #endregion
    const driver = testDriver(alarm)
    driver.topic('login-failed').append({ from: 'A' }, { key: 'ann', timestampMs: 0 })
    driver.topic('login-failed').append({ from: 'A' }, { key: 'ann', timestampMs: 3000 })
    driver.topic('logged-in').append({ from: 'B' }, { key: 'ann', timestampMs: 20_000 })
    driver.end()
    assert.deepEqual(results(driver, 'alerts'), [['ann', ['A', 'B'], 320_000]])
  })

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'joins.md'))
})
