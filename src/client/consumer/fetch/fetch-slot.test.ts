import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep } from '../../../platform/clock.ts'
import { simulatedPlatform } from '../../../platform/simulated/platform.ts'
import { RecordBatchBuilder } from '../../../protocol/record-batch/record-batch-builder.ts'
import { zeroUuid } from '../../../protocol/uuid.ts'
import { Cluster } from '../../cluster.ts'
import { metadataAnswer, ScriptedConnection, topicIdOf } from '../../scripted-connection-fixture.ts'
import { createConsumer } from '../consumer.ts'

interface Asked {
  readonly topic: string
  readonly topicId: Buffer
  readonly partitions: readonly [{ readonly fetchOffset: bigint }]
}

/** Reads one record of each topic; the versions in which brokers were asked for them. */
async function versionsOfFetches(ids: Readonly<Record<string, Buffer>>): Promise<number[]> {
  const topics = Object.keys(ids)
  const simulation = simulatedPlatform({ seed: 'topic ids' })
  const batch = new RecordBatchBuilder()
  batch.append(0, null, Buffer.from('v'))
  const records = batch.seal({})
  const script = new ScriptedConnection({
    Metadata: () => metadataAnswer(Object.fromEntries(topics.map((topic) => [topic, 1])), { ids }),
    Fetch: async (request, version) => {
      const asked: Asked[] = request.topics
      const news = asked.filter(({ partitions: [part] }) => part.fetchOffset === 0n)
      if (news.length === 0) await sleep(simulation.clock, request.maxWaitMs)
      const responses = news.map(({ topic, topicId }) => ({
        ...(version > 12 ? { topicId } : { topic }),
        partitions: [{ partitionIndex: 0, errorCode: 0, highWatermark: 1n, records }],
      }))
      return { errorCode: 0, sessionId: 0, responses }
    },
  })
  const cluster = new Cluster({ platform: simulation, connect: () => script })
  const consumer = createConsumer(cluster)
  await simulation.runUntil(cluster.refresh(topics))
  consumer.assign(topics.map((topic) => ({ topic, partition: 0, offset: 0 })))
  const read = new Set<string>()
  while (read.size < topics.length) {
    for (const { topic } of await simulation.runUntil(consumer.poll())) read.add(topic)
  }
  await simulation.runUntil(consumer.close())
  await simulation.runUntil(cluster.close())
  return script.of('Fetch').map(({ version }) => version)
}

test('topics are fetched by their ids, and by their names as soon as one of them has none (KIP-516)', async () => {
  const withIds = await versionsOfFetches({ a: topicIdOf('a'), b: topicIdOf('b') })
  assert.ok(withIds.length > 0 && withIds.every((version) => version >= 13), `${withIds}`)
  const withoutOne = await versionsOfFetches({ a: topicIdOf('a'), b: zeroUuid })
  assert.ok(withoutOne.length > 0 && withoutOne.every((version) => version === 12), `${withoutOne}`)
})
