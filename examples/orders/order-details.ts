/**
 * Looks at each order alone. It shows that a service needs no pipeline: a consumer and a producer, as the tutorial's
 * second exercise has them, here exactly once.
 *
 * 1. Poll record batches of `orders`.
 * 2. In one transaction: send a validation for each new order, and commit how far was read.
 * 3. When something fails, the transaction is undone and the service ends. Started anew, it goes on behind the last
 *    commit: each order is checked once, whatever happens.
 */
import { type Consumer, type FetchedBatches, type Kafka, recordsOf } from 'millrace/kafka'
import { isNew, type Order, type Validation } from './services.ts'

const SERVICE = 'order-details'
const DEAD_LETTERS = `${SERVICE}-dead-letters`

export interface RunningOrderDetails {
  /** Rejects when the service fails; resolves after `stop`. */
  readonly ended: Promise<void>
  /** Ends behind the transaction under way. */
  stop(): Promise<void>
}

export function startOrderDetails(kafka: Kafka): RunningOrderDetails {
  const consumer = kafka.consumer({ group: SERVICE, offsetReset: 'earliest' })
  let stopping = false
  const run = async (): Promise<void> => {
    try {
      await consumer.subscribe(['orders'])
      while (!stopping) {
        for (const batch of await consumer.poll()) await check(kafka, consumer, batch)
      }
    } finally {
      await consumer.close()
    }
  }
  const ended = run()
  ended.catch(() => {})
  return {
    ended,
    stop() {
      stopping = true
      return ended
    },
  }
}

/** What an order shows by itself. */
export function detailsOf({ id, quantity, price }: Order): Validation {
  return { order: id, check: 'DETAILS', passed: quantity > 0 && price > 0 }
}

function check(kafka: Kafka, consumer: Consumer, batch: FetchedBatches): Promise<void> {
  const { topic, partition, nextOffset } = batch
  return consumer.holdGeneration(() =>
    kafka.transaction(
      async (transaction) => {
        const sent = [...recordsOf(batch)].flatMap(({ key, value }) => {
          const order = orderOf(value)
          if (order === undefined) return [transaction.send({ topic: DEAD_LETTERS, key, value })]
          if (!isNew(order)) return []
          const validation = JSON.stringify(detailsOf(order))
          return [transaction.send({ topic: 'order-validations', key: order.id, value: validation })]
        })
        await Promise.all(sent)
        await transaction.sendOffsets(consumer.groupMetadata(), [{ topic, partition, offset: nextOffset }])
      },
      { transactionalId: SERVICE },
    ),
  )
}

function orderOf(value: Uint8Array | null): Order | undefined {
  try {
    const order = JSON.parse(Buffer.from(value ?? '').toString()) as Order
    return typeof order?.id === 'string' ? order : undefined
  } catch {
    return undefined
  }
}
