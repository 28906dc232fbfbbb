/** kafkajs, by its `eachBatch`, which is cheaper than `eachMessage`. */
import { randomUUID } from 'node:crypto'
import { load } from '../../test/clients/json-lines.mjs'
import { sendInCalls, serveWork } from './work.ts'

const { client } = load('kafkajs')
const { Kafka, logLevel } = client

await serveWork(async ({ broker, topic, job }) => {
  const kafka = new Kafka({ clientId: 'bench', brokers: [broker], logLevel: logLevel.ERROR })
  const transactional = job === 'transaction'
  const producer = kafka.producer(
    transactional
      ? { transactionalId: `bench-${process.pid}`, idempotent: true, maxInFlightRequests: 1 }
      : {},
  )
  if (job !== 'consume') await producer.connect()
  const send = (values) => producer.send({ topic, acks: -1, messages: values.map((value) => ({ value })) })
  return {
    produce: (n) => sendInCalls(n, send),
    send(values, acknowledged) {
      void send(values).then(() => values.forEach(acknowledged))
    },
    async consume(read) {
      const consumer = kafka.consumer({ groupId: randomUUID() })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      const { promise, resolve } = Promise.withResolvers()
      let more = true
      await consumer.run({
        eachBatch: async ({ batch }) => {
          for (const { value } of batch.messages) if (more) more = read(value.length)
          if (!more) resolve()
        },
      })
      await promise
      await consumer.disconnect()
    },
    async transaction(value) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, acks: -1, messages: [{ value }] })
      await transaction.commit()
    },
    close: () => producer.disconnect(),
  }
})
