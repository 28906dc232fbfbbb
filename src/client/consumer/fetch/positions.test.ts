import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulatedPlatform } from '../../../platform/simulated/platform.ts'
import { setBaseOffset, setPartitionLeaderEpoch } from '../../../protocol/record-batch/layout.ts'
import { RecordBatchBuilder } from '../../../protocol/record-batch/record-batch-builder.ts'
import { Cluster } from '../../cluster.ts'
import { metadataAnswer, ScriptedConnection, topicIdOf } from '../../scripted-connection-fixture.ts'
import { createConsumer } from '../consumer.ts'

const FENCED_LEADER_EPOCH = 74

/** One batch of ten records, as a leader of `epoch` has written it. */
function batchAt(baseOffset: number, epoch: number): Buffer {
  const builder = new RecordBatchBuilder()
  for (let index = 0; index < 10; index++) builder.append(0, null, Buffer.from('v'))
  const bytes = builder.seal({})
  setBaseOffset(bytes, 0, baseOffset)
  setPartitionLeaderEpoch(bytes, 0, epoch)
  return bytes
}

/** A leader of one partition, whose batches each were written under an epoch of their own. */
function world(seed: string) {
  const simulation = simulatedPlatform({ seed })
  const log: { readonly epoch: number }[] = []
  let leaderEpoch = 0
  const lead = (epoch: number): void => {
    leaderEpoch = epoch
  }
  const script = new ScriptedConnection({
    Metadata: () => metadataAnswer({ t: [{ leaderEpoch }] }),
    Fetch: async ({ topics, maxWaitMs }) => {
      const [{ fetchOffset, currentLeaderEpoch }] = topics[0].partitions
      const errorCode = currentLeaderEpoch === leaderEpoch ? 0 : FENCED_LEADER_EPOCH
      const found = Math.floor(Number(fetchOffset) / 10)
      const batch = errorCode === 0 ? log[found] : undefined
      const records = batch === undefined ? Buffer.alloc(0) : batchAt(found * 10, batch.epoch)
      if (batch === undefined)
        await new Promise<void>((resolve) => simulation.clock.after(maxWaitMs, resolve))
      const part = { partitionIndex: 0, errorCode, highWatermark: BigInt(log.length * 10), records }
      return { errorCode: 0, sessionId: 0, responses: [{ topicId: topicIdOf('t'), partitions: [part] }] }
    },
    OffsetForLeaderEpoch: ({ topics }) => {
      const [{ currentLeaderEpoch, leaderEpoch: asked }] = topics[0].partitions
      const errorCode = currentLeaderEpoch === leaderEpoch ? 0 : FENCED_LEADER_EPOCH
      const end = log.findLastIndex(({ epoch }) => epoch <= asked) + 1
      const part = { partition: 0, errorCode, leaderEpoch: asked, endOffset: BigInt(end * 10) }
      return { topics: [{ topic: 't', partitions: [part] }] }
    },
  })
  const cluster = new Cluster({ platform: simulation, connect: () => script })
  const consumer = createConsumer(cluster, { maxWaitMs: 50, offsetReset: 'none' })
  consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
  const poll = async (maxWaitMs = 0): Promise<number[]> => {
    const batches = await simulation.runUntil(consumer.poll({ maxWaitMs }))
    return batches.map(({ nextOffset }) => nextOffset)
  }
  const close = async (): Promise<void> => {
    await simulation.runUntil(consumer.close())
    await simulation.runUntil(cluster.close())
  }
  return { simulation, script, cluster, log, lead, poll, close }
}

test('what is polled while a position is checked is not taken for records that were cut off', async () => {
  const { simulation, script, cluster, log, lead, poll, close } = world('polled meanwhile')
  log.push({ epoch: 1 }, { epoch: 2 })
  lead(2)
  await simulation.runUntil(cluster.topic('t'))
  assert.deepEqual(await poll(1000), [10])
  // The batch of epoch 2 lies ready when the leader changes; the check asks where epoch 1 ended.
  await simulation.runUntil(() => script.of('Fetch').length === 2)
  await simulation.advance(10)
  const answer = Promise.withResolvers<void>()
  const asked: number[] = []
  script.on('OffsetForLeaderEpoch', async ({ topics }) => {
    const [{ leaderEpoch }] = topics[0].partitions
    asked.push(leaderEpoch)
    await answer.promise
    const part = { partition: 0, errorCode: 0, leaderEpoch, endOffset: BigInt(leaderEpoch * 10) }
    return { topics: [{ topic: 't', partitions: [part] }] }
  })
  lead(3)
  await simulation.runUntil(cluster.refresh())
  await simulation.runUntil(() => asked.length === 1)
  assert.deepEqual(await poll(), [20])
  answer.resolve()
  log.push({ epoch: 3 })
  assert.deepEqual(await poll(1000), [30])
  assert.deepEqual(asked, [1, 2])
  await close()
})

test('a check that is fenced goes on under the epoch of the leader that came then', async () => {
  const { simulation, script, cluster, log, lead, poll, close } = world('fenced')
  log.push({ epoch: 1 })
  lead(1)
  await simulation.runUntil(cluster.topic('t'))
  assert.deepEqual(await poll(1000), [10])
  // Metadata tells of the leader of epoch 2 when there is another one already.
  lead(3)
  log.push({ epoch: 3 })
  const told = [2]
  script.on('Metadata', () => metadataAnswer({ t: [{ leaderEpoch: told.shift() ?? 3 }] }))
  await simulation.runUntil(cluster.refresh())
  assert.deepEqual(await poll(5000), [20])
  const epochs = script.of('OffsetForLeaderEpoch').map(({ request }) => {
    return request.topics[0].partitions[0].currentLeaderEpoch
  })
  assert.deepEqual([epochs[0], epochs.at(-1)], [2, 3])
  await close()
})

test('records that are gone with the old leader bring the position back', async () => {
  const { simulation, cluster, log, lead, poll, close } = world('cut off')
  log.push({ epoch: 1 }, { epoch: 1 })
  lead(1)
  await simulation.runUntil(cluster.topic('t'))
  assert.deepEqual(await poll(1000), [10])
  assert.deepEqual(await poll(1000), [20])
  log.pop()
  log.push({ epoch: 2 })
  lead(2)
  await simulation.runUntil(cluster.refresh())
  assert.deepEqual(await poll(1000), [20])
  await close()
})
