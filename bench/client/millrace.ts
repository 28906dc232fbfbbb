/** Our client, an object per record: what the guide shows. */
import { randomUUID } from 'node:crypto'
import { connect } from '../../src/client/index.ts'
import { sendInCalls, serveWork } from './work.ts'

await serveWork(async ({ broker, topic, job }) => {
  const kafka = connect({ brokers: [broker] })
  const producer = kafka.producer()
  if (job !== 'consume') await producer.init()
  return {
    produce: (n) => sendInCalls(n, (values) => producer.send(values.map((value) => ({ topic, value })))),
    send(values, acknowledged) {
      for (const value of values) void producer.send({ topic, value }).then(acknowledged)
    },
    async consume(read) {
      const consumer = kafka.consumer({ group: randomUUID(), offsetReset: 'earliest' })
      await consumer.subscribe([topic])
      for await (const { value } of consumer.records()) if (!read(value?.length ?? 0)) break
      await consumer.close()
    },
    async transaction(value) {
      await kafka.transaction(async (tx) => void (await tx.send({ topic, value })))
    },
    close: () => kafka.close(),
  }
})
