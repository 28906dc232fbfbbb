/** Our client by whole batches: what the engine uses. No promise and no object per record. */
import { randomUUID } from 'node:crypto'
import { connect, RecordBatchBuilder, RecordBatchReader } from '../../src/client/index.ts'
import { wholeBatchEnd } from '../../src/protocol/record-batch/for-each-batch.ts'
import { CALL_RECORDS, payloads, RECORD_BYTES, serveWork } from './work.ts'

await serveWork(async ({ broker, topic, job }) => {
  const kafka = connect({ brokers: [broker] })
  const producer = kafka.producer()
  if (job !== 'consume') await producer.init()
  const batchOf = (values: readonly Buffer[], count = values.length): RecordBatchBuilder => {
    const batch = new RecordBatchBuilder({ initialBytes: (count + 10) * (RECORD_BYTES + 28) })
    const nowMs = Date.now()
    for (let at = 0; at < count; at++) batch.append(nowMs, null, values[at]!)
    return batch
  }
  return {
    async produce(n) {
      for (let left = n; left > 0; left -= CALL_RECORDS) {
        void producer.sendBatch(topic, 0, batchOf(payloads, Math.min(left, CALL_RECORDS)))
        await producer.room()
      }
      await producer.flush()
    },
    send(values, acknowledged) {
      void producer.sendBatch(topic, 0, batchOf(values)).then(() => values.forEach(acknowledged))
    },
    async consume(read) {
      const consumer = kafka.consumer({ group: randomUUID(), offsetReset: 'earliest' })
      await consumer.subscribe([topic])
      const reader = new RecordBatchReader()
      let more = true
      for await (const { bytes, fetchOffset } of consumer) {
        for (let start = 0; wholeBatchEnd(bytes, start) >= 0; start = reader.batchEnd) {
          reader.reset(bytes, start)
          while (more && reader.next()) {
            if (reader.offset >= fetchOffset) more = read(reader.valueEnd - reader.valueStart)
          }
        }
        if (!more) break
      }
      await consumer.close()
    },
    async transaction(value) {
      await kafka.transaction(async (tx) => void (await tx.sendBatch(topic, 0, batchOf([value]))))
    },
    close: () => kafka.close(),
  }
})
