/**
 * The orders as they are now, to be asked for by their id: as they were taken, or as they were decided. Beside it who
 * ordered, which follows when a customer moves up a level, and how often each order was written.
 */
import { count, json, pipeline } from 'millrace'
import type { Customer, Order } from './services.ts'

export function orderBook() {
  const app = pipeline('order-book')
  const decided = app.table('orders-decided', json<Order>())
  const customers = app.table('customers', json<Customer>())
  const taken = app.table('orders', json<Order>())
  taken
    .leftJoin(decided, (order, verdict) => verdict ?? order, { name: 'order-or-verdict' })
    .mapValues((order) => order, { store: 'order-book', value: json<Order>() })
    .joinOn(
      customers,
      (order) => order.customer,
      (order, { name, level }) => ({ ...order, name, level }),
      { name: 'customer-of-order' },
    )
    .to('orders-of-customers')
  taken
    .toStream()
    .flatMapValues((order) => (order === null ? [] : [order]))
    .groupByKey()
    .aggregate({ changes: count() }, { name: 'changes-of-order' })
    .to('changes-of-orders')
  return app
}
