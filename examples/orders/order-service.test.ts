/** Orders written and asked for over HTTP, with the order book in two worker threads. */
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
import { orderBook } from './order-book.ts'
import { orderService } from './order-service.ts'
import type { Order } from './services.ts'

const { clock } = nodePlatform()
const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-orders-'))
const configFile = join(import.meta.dirname, 'millrace.config.ts')

describe('the orders service', { timeout: 180_000 }, () => {
  let millrace: RunningMillrace | undefined
  let kafka: Kafka | undefined
  let service: ReturnType<typeof orderService> | undefined
  let address = ''

  before(async () => {
    // The order book alone, so that two workers are enough.
    const alone = { ...config, pipelines: [orderBook()] }
    millrace = await start(alone, { dataDirectory, configFile, threads: 2, brokerPort: 0, consolePort: 0 })
    kafka = connect({ brokers: millrace.brokers })
    service = orderService({ producer: kafka.producer(), orders: millrace.store<Order>('order-book') })
    await new Promise<void>((resolve) => service!.listen(0, '127.0.0.1', resolve))
    address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
  })
  after(async () => {
    await new Promise((resolve) => (service === undefined ? resolve(undefined) : service.close(resolve)))
    await kafka?.close()
    await millrace?.stop()
    rmSync(dataDirectory, { recursive: true, force: true })
  })

  const post = (body: string) => fetch(`${address}/orders`, { method: 'POST', body })
  /** Asks until the answer is not "later". */
  const settled = async (url: string): Promise<Response> => {
    let response = await fetch(url)
    const there = async (): Promise<boolean> => {
      if (response.status === 503) response = await fetch(url)
      return response.status !== 503
    }
    await until(clock, there, { what: `an answer of ${url}`, timeoutMs: 90_000, intervalMs: 50 })
    return response
  }

  it('answers an order once it is in the log, and gives it back from the table', async () => {
    const orders = Array.from({ length: 8 }, (_, at) => ({
      id: `order/${at}`,
      customer: 'ann',
      product: 'JUMPERS',
      quantity: at + 1,
      price: 10,
    }))
    const partitions = new Set<number>()
    for (const order of orders) {
      const written = await post(JSON.stringify(order))
      assert.equal(written.status, 201)
      const place = (await written.json()) as { topic: string; partition: number; offset: number }
      partitions.add(place.partition)
      const ends = await kafka!.admin().listOffsets([place], { at: 'latest' })
      assert.ok(ends.get(`orders/${place.partition}`)!.offset > place.offset, 'the order is in the log')

      const read = await settled(`${address}${written.headers.get('location')}`)
      assert.equal(read.status, 200)
      assert.deepEqual(((await read.json()) as { order: Order }).order, { ...order, state: 'CREATED' })
    }
    assert.equal(partitions.size, 2, 'both tasks were asked')
  })

  it('waits for a verdict as long as it is told', async () => {
    const taken = { id: 'late', customer: 'ann', product: 'JUMPERS', quantity: 1, price: 10 }
    const { status } = await post(JSON.stringify(taken))
    assert.equal(status, 201)
    const early = await fetch(`${address}/orders/late/validated`)
    assert.ok(early.status === 503 || early.status === 404, 'nothing was decided')
    const waiting = fetch(`${address}/orders/late/validated?waitMs=60000`)
    const decided: Order = { ...(taken as Omit<Order, 'state'>), state: 'VALIDATED' }
    await kafka!.producer().send({ topic: 'orders-decided', key: taken.id, value: JSON.stringify(decided) })
    const answer = await waiting
    assert.equal(answer.status, 200)
    assert.deepEqual(((await answer.json()) as { order: Order }).order, decided)
  })

  it('refuses what is no order', async () => {
    assert.equal((await post('{')).status, 400)
    assert.equal((await post('{"id":"1"}')).status, 400)
    assert.equal((await post(`"${'x'.repeat(70_000)}"`)).status, 413)
    assert.equal((await settled(`${address}/orders/nobody`)).status, 404)
    assert.equal((await fetch(`${address}/orders/nobody?waitMs=soon`)).status, 400)
    assert.equal((await fetch(`${address}/customers`)).status, 404)
  })

  it('is also there on the page’s API, of both workers', async () => {
    const response = await settled(`${millrace!.url}/api/stores/orders/keys?prefix=order/&limit=5`)
    const page = (await response.json()) as { rows: { key: string }[]; cursor: string; position: unknown[] }
    assert.deepEqual(
      page.rows.map(({ key }) => key),
      [0, 1, 2, 3, 4].map((at) => `order/${at}`),
    )
    assert.ok(page.position.length >= 2)
    const one = await settled(`${millrace!.url}/api/stores/changes-of-order/keys/order%2F3`)
    assert.deepEqual(((await one.json()) as { value: unknown }).value, { changes: 1 })
    await assert.rejects(async () => millrace!.store<Order>('orders').asOf('order/1', 0), {
      code: 'MR_STORE_KIND',
    })
  })
})
