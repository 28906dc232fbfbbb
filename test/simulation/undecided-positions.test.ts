/** Positions that are part of an open transaction: a reader must wait for its end, not begin anew (KIP-447). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/broker.ts'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { createConsumer } from '../../src/client/consumer/consumer.ts'
import { createProducer } from '../../src/client/producer/producer.ts'
import { simulatedPlatform } from '../../src/platform/simulated/platform.ts'

const place = { topic: 't', partition: 0 }

for (const commits of [true, false]) {
  test(`a position that is not decided yet is waited for: ${commits ? 'committed' : 'aborted'}`, async () => {
    const platform = simulatedPlatform({ seed: 'positions' })
    const broker = await platform.runUntil(Broker.open({ platform, dataDirectory: '/data' }))
    const cluster = new Cluster({ platform, connect: () => broker.connect() })
    const consumer = createConsumer(cluster, { group: 'g', isolation: 'read_committed' })
    const producer = createProducer(cluster, { transactionalId: 'tx' })
    const group = { group: 'g', generation: -1, memberId: '', groupInstanceId: null }
    const commit = async (offset: number): Promise<void> => {
      producer.begin()
      await producer.sendOffsets(group, [{ ...place, offset }])
    }
    await platform.runUntil(createAdmin(cluster).createTopics([{ topic: 't', partitions: 1 }]))
    await platform.runUntil(producer.init())
    await platform.runUntil(commit(3))
    await platform.runUntil(producer.commit())
    await platform.runUntil(commit(7))
    let read: number | undefined
    const reading = consumer.committed([place]).then((found) => {
      read = found.get('t/0')?.offset ?? -1
    })
    await platform.advance(2000)
    assert.equal(read, undefined, 'the transaction is open')
    await platform.runUntil(commits ? producer.commit() : producer.abort())
    await platform.runUntil(reading)
    assert.equal(read, commits ? 7 : 3)
    await platform.runUntil(Promise.all([consumer.close(), producer.close()]))
    await platform.runUntil(cluster.close())
    await platform.runUntil(broker.close())
  })
}
