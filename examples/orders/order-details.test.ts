/** The service without a pipeline: each order is checked once, also when it is stopped and started in between. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { defineConfig, type RunningMillrace, start } from 'millrace'
import { connect, type Kafka } from 'millrace/kafka'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { detailsOf, startOrderDetails } from './order-details.ts'
import type { Order, Validation } from './services.ts'

const { clock } = nodePlatform()
const dataDirectory = mkdtempSync(join(tmpdir(), 'millrace-order-details-'))
const topics = ['orders', 'order-validations', 'order-details-dead-letters']

const order = (id: string, more: Partial<Order> = {}): Order => ({
  ...{ id, customer: 'ann', state: 'CREATED', product: 'JUMPERS', quantity: 1, price: 10 },
  ...more,
})

describe('the order details service', { timeout: 180_000 }, () => {
  let millrace: RunningMillrace | undefined
  let kafka: Kafka | undefined
  const validations: Validation[] = []
  const deadLetters: string[] = []
  let reading: Promise<void> | undefined

  before(async () => {
    const config = defineConfig({ topics: Object.fromEntries(topics.map((topic) => [topic, {}])) })
    millrace = await start(config, { dataDirectory, brokerPort: 0, consolePort: 0 })
    kafka = connect({ brokers: millrace.brokers })
    const consumer = kafka.consumer()
    consumer.assign(topics.slice(1).map((topic) => ({ topic, partition: 0, offset: 0 })))
    reading = (async () => {
      for await (const { topic, value } of consumer.records()) {
        const text = Buffer.from(value ?? '').toString()
        if (topic === 'order-validations') validations.push(JSON.parse(text) as Validation)
        else deadLetters.push(text)
      }
    })()
  })
  after(async () => {
    await kafka?.close()
    await reading
    await millrace?.stop()
    rmSync(dataDirectory, { recursive: true, force: true })
  })

  const told = (count: number) =>
    until(clock, () => validations.length + deadLetters.length >= count, {
      what: `${count} orders are checked`,
      timeoutMs: 90_000,
    })

  it('checks new orders, and puts aside what is none', async () => {
    const producer = kafka!.producer()
    const write = (value: string) => producer.send({ topic: 'orders', key: 'k', value })
    const first = startOrderDetails(kafka!)
    await write(JSON.stringify(order('1')))
    await write(JSON.stringify(order('2', { quantity: 0 })))
    await write('no order')
    await told(3)
    await first.stop()

    await write(JSON.stringify(order('3', { state: 'VALIDATED' })))
    await write(JSON.stringify(order('4', { price: -1 })))
    const second = startOrderDetails(kafka!)
    await told(4)
    await write(JSON.stringify(order('5')))
    await told(5)
    await second.stop()

    assert.deepEqual(
      validations.map(({ order, passed }) => [order, passed]),
      [
        ['1', true],
        ['2', false],
        ['4', false],
        ['5', true],
      ],
    )
    assert.deepEqual(deadLetters, ['no order'])
  })

  it('wants a quantity and a price above 0', () => {
    assert.equal(detailsOf(order('1', { quantity: 0 })).passed, false)
    assert.equal(detailsOf(order('1', { price: 0 })).passed, false)
    assert.deepEqual(detailsOf(order('1')), { order: '1', check: 'DETAILS', passed: true })
  })
})
