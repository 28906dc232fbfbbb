import { defineConfig } from 'millrace'
import { orderBook } from './order-book.ts'
import { email, enrichment, fraud, inventory, validations } from './services.ts'

const facts = ['customers', 'warehouse-inventory']
const events = ['payments', 'order-validations', 'orders-decided', 'orders-enriched', 'possible-fraud']
const views = ['orders-of-customers', 'changes-of-orders']
const levels = ['gold', 'silver', 'bronze']

export default defineConfig({
  title: 'orders',
  topics: {
    // Who is told that an order was taken finds it after a power cut too.
    orders: { partitions: 2, settings: { flush: 'group' } },
    ...Object.fromEntries([...events, ...levels].map((topic) => [topic, { partitions: 2 }])),
    ...Object.fromEntries(
      [...facts, ...views].map((topic) => [
        topic,
        { partitions: 2, settings: { 'cleanup.policy': 'compact' } },
      ]),
    ),
    'order-details-dead-letters': { partitions: 1 },
  },
  pipelines: [inventory(), fraud(), validations(), email(), enrichment(), orderBook()],
  results: [
    { topic: 'orders-decided', title: 'Decided orders' },
    { topic: 'orders-enriched', title: 'Orders with their customers' },
    { topic: 'possible-fraud', title: 'More than two orders in half a minute' },
  ],
  run: { commitInterval: '100 ms' },
})
