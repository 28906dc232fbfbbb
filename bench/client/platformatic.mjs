/** @platformatic/kafka, by the `data` events of its stream, which are cheaper than its iterator. */
import { randomUUID } from 'node:crypto'
import { load } from '../../test/clients/json-lines.mjs'
import { sendInCalls, serveWork } from './work.ts'

const { client } = load('@platformatic/kafka')
const { Consumer, MessagesStreamModes, Producer } = client

await serveWork(async ({ broker, topic, job }) => {
  const base = { clientId: 'bench', bootstrapBrokers: [broker] }
  const transactional = job === 'transaction'
  const producer = new Producer(
    transactional ? { ...base, transactionalId: `bench-${process.pid}`, idempotent: true } : base,
  )
  const send = (values) => producer.send({ acks: -1, messages: values.map((value) => ({ topic, value })) })
  return {
    produce: (n) => sendInCalls(n, send),
    send(values, acknowledged) {
      void send(values).then(() => values.forEach(acknowledged))
    },
    async consume(read) {
      const consumer = new Consumer({ ...base, groupId: randomUUID() })
      const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
      const { promise, resolve, reject } = Promise.withResolvers()
      let more = true
      stream.on('error', reject)
      stream.on('data', ({ value }) => {
        if (!more || read(value.length)) return
        more = false
        resolve()
      })
      await promise
      await stream.close()
      await consumer.close(true)
    },
    async transaction(value) {
      const transaction = await producer.beginTransaction()
      await transaction.send({ messages: [{ topic, value }] })
      await transaction.commit()
    },
    close: () => producer.close(),
  }
})
