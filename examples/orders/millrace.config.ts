import { defineConfig } from 'millrace'
import { orderBook } from './order-book.ts'
import { details, email, fraud, inventory, validations } from './services.ts'

const topics = ['orders', 'payments', 'customers', 'warehouse-inventory', 'order-validations']

export default defineConfig({
  topics: Object.fromEntries(
    [...topics, 'orders-decided', 'gold', 'silver', 'bronze'].map((topic) => [topic, { partitions: 2 }]),
  ),
  pipelines: [inventory(), fraud(), details(), validations(), email(), orderBook()],
  run: { commitInterval: '100 ms' },
})
