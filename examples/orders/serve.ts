/**
 * What of the order system is no pipeline: the HTTP service that takes orders, and the service that looks at each by
 * itself. Beside it runs `millrace dev examples/orders/millrace.config.ts`.
 */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { connect } from 'millrace/kafka'
import { startOrderDetails } from './order-details.ts'
import { orderService } from './order-service.ts'
import { remoteStore } from './remote-store.ts'
import type { Order } from './services.ts'

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '127.0.0.1:9092' },
    page: { type: 'string', default: 'http://127.0.0.1:7070' },
    port: { type: 'string', default: '8080' },
  },
})

const kafka = connect({ brokers: values.brokers.split(',') })
const details = startOrderDetails(kafka)
const service = orderService({
  producer: kafka.producer(),
  orders: remoteStore<Order>(values.page, 'order-book'),
})
service.listen(Number(values.port), '127.0.0.1')
await once(service, 'listening')
console.log(`orders on http://127.0.0.1:${values.port}/orders, Ctrl-C ends it`)

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), details.ended])
service.close()
service.closeAllConnections()
await details.stop()
await kafka.close()
