/**
 * The services of an order system, each a pipeline of its own that speaks with the others through topics only. It is
 * the one that Yeva Byzek's tutorial "Getting Your Feet Wet with Stream Processing" builds with Kafka Streams.
 *
 * ```
 * orders ──┬─► order-details ──┐
 *          ├─► inventory ──────┼─► order-validations ─► validations ─► orders-decided
 *          ├─► fraud ──────────┘
 *          ├─► email (with payments and customers) ─► a topic for each level of customer
 *          └─► enrichment (with customers) ─► orders-enriched, possible-fraud
 * ```
 */
import {
  aggregator,
  count,
  json,
  keyValueState,
  outputBy,
  pipeline,
  session,
  stringSerde,
  sum,
  tumbling,
} from 'millrace'

export interface Order {
  readonly id: string
  readonly customer: string
  readonly state: 'CREATED' | 'VALIDATED' | 'FAILED'
  readonly product: 'JUMPERS' | 'UNDERPANTS' | 'STOCKINGS'
  readonly quantity: number
  readonly price: number
}

export interface Validation {
  readonly order: string
  readonly check: 'INVENTORY' | 'FRAUD' | 'DETAILS'
  readonly passed: boolean
}

export interface Payment {
  readonly id: string
  readonly order: string
  readonly amount: number
}

export interface Customer {
  readonly name: string
  readonly email: string
  readonly level: 'gold' | 'silver' | 'bronze'
}

export interface EnrichedOrder extends Order {
  /** null for a customer of whom nothing is known. */
  readonly by: Customer | null
}

const FRAUD_LIMIT = 2000
const CHECKS = 3
/** So many orders in half a minute are not yet suspicious. */
const OFTEN = 2

export const isNew = (order: Order): boolean => order.state === 'CREATED'

/** Reserves stock for each new order, as long as there is some. What is reserved is state of its own. */
export function inventory() {
  const app = pipeline('inventory')
  const stock = app.table('warehouse-inventory', json<number>())
  const { validations } = app
    .stream('orders', json<Order>())
    .filter(isNew)
    .selectKey((order): string => order.product)
    .join(stock, (order, inStock) => ({ order, inStock }), { name: 'stock-of-order' })
    .process(
      {
        stores: { reserved: keyValueState<number>() },
        outputs: { validations: outputBy<Validation>(stringSerde) },
        create: ({ stores, forward }) => ({
          process({ key: product, value: { order, inStock } }) {
            const reserved = (stores.reserved.get(product) ?? 0) + order.quantity
            const passed = reserved <= inStock
            if (passed) stores.reserved.put(product, reserved)
            forward('validations', { order: order.id, check: 'INVENTORY', passed }, { key: order.id })
          },
        }),
      },
      { name: 'stock' },
    )
  validations.to('order-validations')
  return app
}

/** Refuses the order with which a customer has ordered for too much without a pause of an hour. */
export function fraud() {
  const app = pipeline('fraud')
  const { refused, allowed } = app
    .stream('orders', json<Order>())
    .filter(isNew)
    .groupBy((order) => order.customer)
    .window(session('1 hour', { emit: 'update' }))
    .aggregate(
      {
        total: sum((order) => order.quantity * order.price),
        order: aggregator<Order, string>({
          init: () => '',
          add: (_, { id }) => id,
          merge: (_, later) => later,
        }),
      },
      { name: 'spent-in-session' },
    )
    .toStream()
    // A session that grew is deleted under its former key.
    .flatMapValues((spent) => (spent === null ? [] : [spent]))
    .branch({ refused: ({ total }) => total >= FRAUD_LIMIT }, { default: 'allowed' })
  const told = (passed: boolean) => (spent: { readonly order: string }) => {
    const value: Validation = { order: spent.order, check: 'FRAUD', passed }
    return { key: spent.order, value }
  }
  refused
    .map(told(false))
    .merge(allowed.map(told(true)))
    .to('order-validations')
  return app
}

interface Verdict {
  readonly passed: number
  readonly failed: number
  /** Set by the check that decides, and by no other. */
  readonly decided: 'VALIDATED' | 'FAILED' | null
}

const verdict = aggregator<Validation, Verdict>({
  init: () => ({ passed: 0, failed: 0, decided: null }),
  add({ passed, failed }, check) {
    if (!check.passed) return { passed, failed: failed + 1, decided: failed === 0 ? 'FAILED' : null }
    const all = passed + 1 === CHECKS && failed === 0
    return { passed: passed + 1, failed, decided: all ? 'VALIDATED' : null }
  },
  merge: (earlier, later) => ({
    passed: earlier.passed + later.passed,
    failed: earlier.failed + later.failed,
    decided: null,
  }),
})

/** Decides on each order once all checks have passed, or one has failed, within five minutes. */
export function validations() {
  const app = pipeline('validations')
  const orders = app.stream('orders', json<Order>()).filter(isNew)
  app
    .stream('order-validations', json<Validation>())
    .groupByKey()
    .window(session('5 minutes', { emit: 'update' }))
    .aggregate(verdict, { name: 'verdicts' })
    .toStream()
    .flatMap((one, window) =>
      one === null || one.decided === null ? [] : [{ key: window.key, value: one.decided }],
    )
    .join(orders, (state, order): Order => ({ ...order, state }), {
      name: 'order-of-verdict',
      within: '5 minutes',
    })
    .to('orders-decided')
  return app
}

/** Writes to the customer of each order that is paid within a minute, in the topic of the customer's level. */
export function email() {
  const app = pipeline('email')
  const payments = app.stream('payments', json<Payment>()).selectKey((payment) => payment.order)
  const customers = app.globalTable('customers', json<Customer>())
  app
    .stream('orders', json<Order>())
    .filter(isNew)
    .join(payments, (order, payment) => ({ order, payment }), { name: 'paid-orders', within: '1 minute' })
    .join(customers, (paid, customer) => ({ ...paid, customer }), { on: ({ order }) => order.customer })
    .mapValues(({ order, payment, customer }) => ({
      to: customer.email,
      level: customer.level,
      text: `Dear ${customer.name}, we have your ${payment.amount} for order ${order.id}.`,
    }))
    .to(({ level }) => level, { topics: ['gold', 'silver', 'bronze'] })
  return app
}

/** Gives each order what is known of its customer, and tells who orders more than twice in half a minute. */
export function enrichment() {
  const app = pipeline('enrichment')
  const customers = app.table('customers', json<Customer>())
  const enriched = app
    .stream('orders', json<Order>())
    .filter(isNew)
    .selectKey((order) => order.customer)
    .leftJoin(customers, (order, customer): EnrichedOrder => ({ ...order, by: customer }), {
      name: 'customer-of-order',
    })
  enriched.to('orders-enriched')
  enriched
    .groupByKey()
    .window(tumbling('30 seconds', { emit: 'update' }))
    .aggregate({ orders: count() }, { name: 'orders-in-30-seconds' })
    .filter(({ orders }) => orders > OFTEN)
    .toStream()
    .flatMap((often, window) =>
      often === null ? [] : [{ key: window.key, value: { customer: window.key, ...often } }],
    )
    .to('possible-fraud')
  return app
}
