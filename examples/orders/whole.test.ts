/** All services on a few orders: taken over HTTP, checked, decided, paid, mailed, and asked for over HTTP again. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type RunningMillrace, start } from 'millrace'
import { connect, type Kafka } from 'millrace/kafka'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import config from './millrace.config.ts'
import { startOrderDetails } from './order-details.ts'
import { orderService } from './order-service.ts'
import { remoteStore } from './remote-store.ts'
import type { Order } from './services.ts'

const { clock } = nodePlatform()
const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-orders-whole-'))

describe('the order system', { timeout: 180_000 }, () => {
  let millrace: RunningMillrace | undefined
  let kafka: Kafka | undefined
  let details: ReturnType<typeof startOrderDetails> | undefined
  let service: ReturnType<typeof orderService> | undefined
  let address = ''

  before(async () => {
    millrace = await start(config, { dataDirectory, brokerPort: 0, consolePort: 0 })
    kafka = connect({ brokers: millrace.brokers })
    details = startOrderDetails(kafka)
    const orders = remoteStore<Order>(millrace.url, 'order-book')
    service = orderService({ producer: kafka.producer(), orders })
    await new Promise<void>((resolve) => service!.listen(0, '127.0.0.1', resolve))
    address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
  })
  after(async () => {
    await new Promise((resolve) => (service === undefined ? resolve(undefined) : service.close(resolve)))
    await details?.stop()
    await kafka?.close()
    await millrace?.stop()
    rmSync(dataDirectory, { recursive: true, force: true })
  })

  const write = (topic: string, key: string, value: unknown) =>
    kafka!.producer().send({ topic, key, value: JSON.stringify(value) })

  /** Takes an order and waits for what is decided about it. */
  async function decided(order: Omit<Order, 'state'>): Promise<string> {
    const taken = await fetch(`${address}/orders`, { method: 'POST', body: JSON.stringify(order) })
    assert.equal(taken.status, 201)
    let response: Response | undefined
    const there = async (): Promise<boolean> => {
      response = await fetch(`${address}/orders/${order.id}/validated?waitMs=10000`)
      return response.status === 200
    }
    await until(clock, there, { what: `a verdict on order ${order.id}`, timeoutMs: 90_000 })
    return ((await response!.json()) as { order: Order }).order.state
  }

  it('decides on orders, and writes to who has paid', async () => {
    await write('warehouse-inventory', 'JUMPERS', 5)
    await write('customers', 'ann', { name: 'Ann', email: 'ann@example.org', level: 'gold' })
    // A join sees what its table has when the order comes: the facts are there before.
    const facts = remoteStore<number>(millrace!.url, 'warehouse-inventory')
    const known = async (): Promise<boolean> => (await facts.get('JUMPERS')).value === 5
    await until(clock, known, { what: 'the stock is known', timeoutMs: 90_000 })

    const order = { customer: 'ann', product: 'JUMPERS', quantity: 3, price: 10 } as const
    assert.equal(await decided({ ...order, id: '1' }), 'VALIDATED')
    assert.equal(await decided({ ...order, id: '2' }), 'FAILED', 'there are no three left')
    assert.equal(await decided({ ...order, id: '3', quantity: 1, price: 2000 }), 'FAILED', 'too much at once')

    await write('payments', 'p1', { id: 'p1', order: '1', amount: 30 })
    const mails = kafka!.consumer()
    mails.assign([0, 1].map((partition) => ({ topic: 'gold', partition, offset: 0 })))
    for await (const { value } of mails.records()) {
      const { to, text } = JSON.parse(Buffer.from(value ?? '').toString()) as { to: string; text: string }
      assert.deepEqual([to, text], ['ann@example.org', 'Dear Ann, we have your 30 for order 1.'])
      break
    }
  })

  it('says which store is not there', async () => {
    await assert.rejects(remoteStore(millrace!.url, 'order-bok').get('1'), { status: 404 })
  })
})
