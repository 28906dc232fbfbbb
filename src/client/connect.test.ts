import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { type Kafka, kafkaOn } from './connect.ts'
import { clientSoftware } from './connection/negotiated.ts'
import { metadataAnswer, ScriptedConnection } from './scripted-connection-fixture.ts'

const PRODUCER_FENCED = 90

/** A broker whose transactions end with `endTxnCode`. */
function world(endTxnCode = 0) {
  const simulation = simulatedPlatform({ seed: 'connect' })
  let producers = 0
  const connection = new ScriptedConnection(
    {
      Metadata: () => metadataAnswer({ t: 1 }),
      FindCoordinator: ({ coordinatorKeys: [key] }) => ({
        coordinators: [{ key, nodeId: 0, host: 'b0', port: 9092, errorCode: 0, errorMessage: null }],
      }),
      InitProducerId: () => ({ errorCode: 0, producerId: BigInt(++producers), producerEpoch: 0 }),
      EndTxn: () => ({ errorCode: endTxnCode, producerId: 1n, producerEpoch: 1 }),
      Produce: ({ topicData }) => ({
        responses: topicData.map(({ topicId }: { topicId: Buffer }) => ({
          topicId,
          partitionResponses: [{ index: 0, errorCode: 0, baseOffset: 0n }],
        })),
      }),
    },
    { 'transaction.version': 2 },
  )
  const kafka: Kafka = kafkaOn({ platform: simulation, connect: () => connection })
  return { kafka, producers: () => producers, run: <T>(promise: Promise<T>) => simulation.runUntil(promise) }
}

test('what throws in a transaction is what the caller gets, also when the abort fails', async () => {
  for (const code of [0, PRODUCER_FENCED]) {
    const { kafka, producers, run } = world(code)
    const failing = kafka.transaction(async (transaction) => {
      await transaction.send({ topic: 't', value: 'v' })
      throw new RangeError('of my own')
    })
    await run(assert.rejects(failing, RangeError))
    // The next one goes on with the same producer, or with a new one if that cannot.
    assert.equal(await run(kafka.transaction(async () => 'done')), 'done')
    assert.equal(producers(), code === 0 ? 1 : 2)
    await run(kafka.close())
  }
})

test('producers and consumers that were closed are not kept, and close ends those that were not', async () => {
  const { kafka, run } = world()
  for (let round = 0; round < 3; round++) {
    await run(kafka.producer().close())
    await run(kafka.consumer().close())
  }
  assert.equal(kafka.cluster.users.size, 0)
  const producer = kafka.producer()
  const consumer = kafka.consumer({ group: 'g' })
  await run(kafka.close())
  assert.equal(kafka.cluster.users.size, 0)
  await assert.rejects(producer.send({ topic: 't', value: 'v' }), { code: 'MR_CLOSED' })
  await assert.rejects(consumer.poll(), { code: 'MR_CLOSED' })
})

test('brokers are told the version of the package', () => {
  const text = fs.readFileSync(path.resolve(import.meta.dirname, '../../package.json'), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  assert.equal(clientSoftware.clientSoftwareVersion, version)
})

test('a cluster that is closed before its consumer ends the poll with an error, and nothing else', async () => {
  const { kafka, run } = world()
  const consumer = kafka.consumer()
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
  const polled = consumer.poll({ maxWaitMs: 60_000 })
  const ended = assert.rejects(polled, { code: 'MR_CLOSED' })
  await run(kafka.cluster.close())
  await run(ended)
  await run(consumer.close())
})
