/** The orders as they are now, to be asked for by their id, and how often each was written. */
import { count, json, pipeline } from 'millrace'
import type { Order } from './services.ts'

export function orderBook() {
  const app = pipeline('order-book')
  app
    .table('orders', json<Order>())
    .toStream()
    .flatMapValues((order) => (order === null ? [] : [order]))
    .groupByKey()
    .aggregate({ changes: count() }, { name: 'changes-of-order' })
    .to('changes-of-orders')
  return app
}
