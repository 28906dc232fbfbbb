/**
 * What the compiler must say of sources, tables, and all that brings streams and tables together. `npx tsc` fails when
 * one of these is not so; the tests themselves show that what compiles can be planned.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { bytesSerde, json, stringSerde } from '../core/serde.ts'
import { collect, max, sum } from '../operators/aggregator.ts'
import type { AssembledEvent, Interval } from '../operators/assemble.ts'
import type { Windowed } from '../operators/windowed.ts'
import type { DescribedPlan } from '../plan/describe-json.ts'
import { assemble } from './assemble.ts'
import type { Cogrouped, WindowedCogrouped } from './cogrouped.ts'
import type { GlobalTable } from './global-table.ts'
import type { Grouped, WindowedGrouped } from './grouped.ts'
import { pattern } from './pattern.ts'
import { pipeline } from './pipeline.ts'
import type { Stream } from './stream.ts'
import type { Table } from './table.ts'
import type { TableGrouped } from './table-grouped.ts'
import { typeOf } from './type-of-fixture.ts'
import { session, tumbling } from './window.ts'

interface Order {
  readonly id: string
  readonly customer: string
  readonly cents: number
}
interface Payment {
  readonly order: string
  readonly paid: boolean
}
interface Customer {
  readonly name: string
}

describe('inferred types', () => {
  it('of sources, from their schemas', () => {
    const app = pipeline('sources')
    typeOf(app.stream('texts', stringSerde)).is<Stream<string, string>>(true)
    typeOf(app.stream('numbered', json<Order>(), { key: json<number>() })).is<Stream<number, Order>>(true)
    const checked = z.object({ id: z.string(), cents: z.number() })
    const orders = app.stream('checked', checked, { eventTime: (order) => order.cents })
    typeOf(orders).is<Stream<string, { id: string; cents: number }>>(true)
    typeOf(app.table('rows', bytesSerde)).is<Table<string, Uint8Array, null>>(true)
    typeOf(app.table('by-number', json<Order>(), { key: json<number>(), history: '1 day' })).is<
      Table<number, Order, null>
    >(true)
    typeOf(app.globalTable('rates', json<number>(), { key: json<number>() })).is<GlobalTable<number, number>>(
      true,
    )
    typeOf(app.describe()).is<string>(true)
    typeOf(app.describe('mermaid')).is<string>(true)
    typeOf(app.describe('json')).is<DescribedPlan>(true)
    typeOf(orders.print(() => {}, { line: ({ cents }) => `${cents}` })).is<void>(true)
    typeOf(orders.to('out')).is<void>(true)
    assert.ok(app.plan().subTopologies.length > 0)
  })

  it('of joins of streams', () => {
    const app = pipeline('streams')
    const orders = app.stream('orders', json<Order>())
    const payments = app.stream('payments', json<Payment>())
    const within = { within: { before: 0, after: '1 minute' }, grace: '10s' } as const
    const inner = orders.join(payments, (o, p, key) => [o.cents, p.paid, key] as const, within)
    typeOf(inner).is<Stream<string, readonly [number, boolean, string]>>(true)
    const left = orders.leftJoin(payments, (_o, p) => p, { ...within, name: 'left' })
    typeOf(left).is<Stream<string, Payment | null>>(true)
    const outer = orders.outerJoin(payments, (o, p) => ({ o, p }), { ...within, name: 'outer' })
    typeOf(outer).is<Stream<string, { o: Order | null; p: Payment | null }>>(true)
    assert.ok(app.plan().subTopologies.length > 0)
  })

  it('of joins of a stream with tables', () => {
    const app = pipeline('lookups')
    const orders = app.stream('orders', json<Order>())
    const customers = app.table('customers', json<Customer>())
    const rates = app.globalTable('rates', json<number>(), { key: json<number>() })
    typeOf(orders.join(customers, (o, c) => o.id + c.name)).is<Stream<string, string>>(true)
    typeOf(orders.leftJoin(customers, (_o, c) => c, { name: 'left' })).is<Stream<string, Customer | null>>(
      true,
    )
    typeOf(orders.join(rates, (o, rate) => o.cents * rate, { on: (o) => o.cents })).is<
      Stream<string, number>
    >(true)
    typeOf(orders.leftJoin(rates, (_o, rate) => rate, { on: () => null, name: 'left-global' })).is<
      Stream<string, number | null>
    >(true)
    assert.ok(app.plan().subTopologies.length > 0)
  })

  it('of tables', () => {
    const app = pipeline('tables')
    const orders = app.table('orders', json<Order>())
    const payments = app.table('payments', json<Payment>())
    const customers = app.table('customers', json<Customer>(), { key: json<number>() })
    typeOf(orders.filter((o) => o.cents > 1)).is<Table<string, Order, null>>(true)
    typeOf(orders.mapValues((o, key) => [key, o.cents] as const)).is<
      Table<string, readonly [string, number], null>
    >(true)
    typeOf(orders.toStream()).is<Stream<string, Order | null>>(true)
    typeOf(orders.join(payments, (o, p) => o.id + p.order)).is<Table<string, string, null>>(true)
    typeOf(orders.leftJoin(payments, (_o, p) => p, { name: 'left' })).is<Table<string, Payment | null, null>>(
      true,
    )
    typeOf(orders.outerJoin(payments, (o, p) => ({ o, p }), { name: 'outer' })).is<
      Table<string, { o: Order | null; p: Payment | null }, null>
    >(true)
    const customerOf = (order: Order): number => order.cents
    typeOf(orders.joinOn(customers, customerOf, (o, c) => o.id + c.name)).is<Table<string, string, null>>(
      true,
    )
    typeOf(orders.leftJoinOn(customers, customerOf, (_o, c) => c, { name: 'left-on' })).is<
      Table<string, Customer | null, null>
    >(true)
    const grouped = orders.groupBy((o) => o.cents, { key: json<number>() })
    typeOf(grouped).is<TableGrouped<number, Order>>(true)
    const total = grouped.aggregate(
      sum((o) => o.cents),
      { name: 'one' },
    )
    typeOf(total).is<Table<number, number>>(true)
    const cheapest = grouped.reduce(
      (held) => held,
      (held) => held,
      { name: 'reduced' },
    )
    typeOf(cheapest).is<Table<number, Order>>(true)
    typeOf(cheapest.toStream()).is<Stream<number, Order>>(true)
    typeOf(payments.suppress({ wait: '1 minute' })).is<Table<string, Payment, null>>(true)
    assert.ok(app.plan().subTopologies.length > 0)
  })

  it('of groups', () => {
    const app = pipeline('groups')
    const orders = app.stream('orders', json<Order>())
    const byCents = orders.groupBy((o) => o.cents, { key: json<number>(), name: 'by-cents' })
    typeOf(byCents).is<Grouped<number, Order>>(true)
    typeOf(orders.groupByKey()).is<Grouped<string, Order>>(true)
    const ids = orders.groupByKey().aggregate(
      collect((o) => o.id),
      { name: 'ids' },
    )
    typeOf(ids).is<Table<string, readonly string[]>>(true)
    const windowed = orders.groupByKey().window(tumbling('1 hour'))
    typeOf(windowed).is<WindowedGrouped<string, Order>>(true)
    const one = windowed.aggregate(
      max((o) => o.cents),
      {
        onLate: (late) => {
          typeOf(late).is<Stream<string, Order>>(true)
          late.to('late-orders')
        },
      },
    )
    typeOf(one).is<Table<Windowed<string>, number | null>>(true)
    const cogrouped = byCents.cogroup(
      () => 0,
      (total, o) => total + o.cents,
    )
    typeOf(cogrouped).is<Cogrouped<number, number>>(true)
    cogrouped.and(byCents, (total) => total, {
      onLate: (late) => typeOf(late).is<Stream<number, Order>>(true),
    })
    const sessions = cogrouped.window(session('1 hour'))
    typeOf(sessions).is<WindowedCogrouped<number, number>>(true)
    const shown = sessions.aggregate({ merge: (a, b) => a + b, result: (total) => `${total}` })
    typeOf(shown).is<Table<Windowed<number>, string>>(true)
    assert.ok(app.plan().subTopologies.length > 0)
  })

  it('of assemblies and patterns', () => {
    const app = pipeline('assemblies')
    const orders = app.stream('orders', json<Order>())
    const payments = app.stream('payments', json<Payment>())
    const whole = assemble(
      { orders, payments },
      { timeout: '1 day', pairs: { paying: { start: 'orders', stop: 'payments' } } },
    )
    whole.peek(({ events, intervals, missing, ended }, key) => {
      typeOf(key).is<string>(true)
      typeOf(events.payments).is<readonly AssembledEvent<Payment>[]>(true)
      typeOf(intervals.paying).is<readonly Interval<Order, Payment>[]>(true)
      typeOf(missing).is<readonly ('orders' | 'payments')[]>(true)
      typeOf(ended).is<'last' | 'timeout'>(true)
    })
    const matches = pattern('order', orders)
      .followedBy('payment', payments, { within: '1 hour' })
      .notFollowedBy('again', orders, { within: '1 hour' })
      .toStream()
    typeOf(matches.mapValues(({ order, payment }) => [order, payment] as const)).is<
      Stream<string, readonly [Order, Payment]>
    >(true)
    assert.ok(app.plan().subTopologies.length > 0)
  })
})

/** Never called: each marked line must not compile. */
export function doesNotCompile(): void {
  const app = pipeline('wrong')
  const orders = app.stream('orders', json<Order>())
  const payments = app.stream('payments', json<Payment>())
  const customers = app.table('customers', json<Customer>())
  const stock = app.table('stock', json<number>(), { key: json<number>() })
  const rates = app.globalTable('rates', json<number>(), { key: json<number>() })
  // @ts-expect-error the keys of the tables are of different types
  customers.join(stock, (customer, pieces) => [customer, pieces])
  // @ts-expect-error the keys of the tables are of different types
  customers.leftJoin(stock, (customer, pieces) => [customer, pieces])
  // @ts-expect-error the keys of the tables are of different types
  customers.outerJoin(stock, (customer, pieces) => [customer, pieces])
  const both = (left: unknown, right: unknown) => [left, right]
  // @ts-expect-error the key that a value names is not one of the other table
  customers.joinOn(stock, (customer) => customer.name, both)
  // @ts-expect-error the keys of the stream are not those of the table
  orders.join(stock, (order, pieces) => [order, pieces])
  const byCents = orders.selectKey((o) => o.cents, { key: json<number>() })
  // @ts-expect-error the keys of the streams are of different types
  orders.join(byCents, both, { within: '1 minute' })
  // @ts-expect-error a global table needs to know its key
  orders.join(rates, (order, rate) => order.cents * rate)
  // @ts-expect-error the keys of the global table are numbers
  orders.join(rates, (order, rate) => order.cents * rate, { on: (order) => order.id })
  // @ts-expect-error streams are joined within a time
  orders.join(payments, (order, payment) => [order, payment])
  // @ts-expect-error "1 fortnight" is not a duration
  orders.join(payments, (order, payment) => [order, payment], { within: '1 fortnight' })
  // @ts-expect-error after what? both directions are said
  orders.leftJoin(payments, (order, payment) => [order, payment], { within: { after: '1 minute' } })
  // @ts-expect-error there may be no payment
  orders.leftJoin(payments, (_order, payment) => payment.paid, { within: '1 minute' })
  // @ts-expect-error there may be no order
  orders.outerJoin(payments, (order) => order.id, { within: '1 minute' })
  // @ts-expect-error a stream has no outer join with a table
  orders.outerJoin(customers, (order) => order)
  // @ts-expect-error a customer has no field "nam"
  customers.filter((customer) => customer.nam === '')
  // @ts-expect-error a table's history is a duration
  app.table('prices', json<number>(), { history: 'a year' })
  // @ts-expect-error the event time is a number
  app.stream('events', json<Order>(), { eventTime: (order) => order.id })
  // @ts-expect-error an order has no field "when"
  app.stream('events', z.object({ id: z.string() }), { eventTime: (event) => event.when })
  // @ts-expect-error results are written as what they are
  orders.to('out', { value: json<Payment>() })
  // @ts-expect-error an assembly ends after a time
  assemble({ orders, payments }, {})
  // @ts-expect-error there is no kind "refunds"
  assemble({ orders, payments }, { timeout: '1 day', last: 'refunds' })
  // @ts-expect-error the streams of a pattern have keys of one type
  pattern('order', orders).followedBy('move', stock.toStream(), { within: '1 hour' })
  // @ts-expect-error what follows does so within a time
  pattern('order', orders).followedBy('payment', payments, {})
  const unpaid = pattern('a', orders).notFollowedBy('b', payments, { within: '1 hour' }).toStream()
  // @ts-expect-error what did not follow is not in the match
  unpaid.mapValues(({ b }) => b)
  // @ts-expect-error a window takes no duration that nobody knows
  tumbling('1 hour', { grace: 'some time' })
  const none = (): number => 0
  // @ts-expect-error a cogroup adds to its own state
  orders.groupByKey().cogroup(none, (_total, order) => order.id)
  // @ts-expect-error an order has no field "cent", also not for an aggregator alone
  orders.groupByKey().aggregate(sum((order) => order.cent))
  // @ts-expect-error sums are of numbers
  orders.groupByKey().aggregate({ total: sum((order) => order.id) })
  // @ts-expect-error nobody describes a pipeline so
  app.describe('yaml')
}
