/**
 * From our broker to a real Kafka: the mirror's process is killed while it copies, and started again until it comes to
 * its end, the last time over TLS with a login. Then every record is there once, as it was, and a group goes on at the
 * record where it was.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { createProducer } from '../../src/client/producer/producer.ts'
import { partitionName, type TopicPartition } from '../../src/core/record.ts'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { simulatedRandom } from '../../src/platform/simulated/random.ts'
import { endChildren, exitOf, inTime, start } from '../cli/child.ts'
import { run, startCluster, type TestCluster } from '../cli/millrace.ts'
import { type KafkaCluster, kafkaUser, missingKafka, openKafkaCluster } from '../kafka/cluster.ts'
import { readCommitted, sendSomeBatches } from './mirror-simulation/records.ts'

const TOPIC = 'orders'
const GROUP = 'billing'
const PARTITIONS = 3
const BATCHES = 100
const KILLS = 2
const WAIT_MS = 60_000

const platform = nodePlatform()
const partitions: readonly TopicPartition[] = Array.from({ length: PARTITIONS }, (_, partition) => ({
  topic: TOPIC,
  partition,
}))

describe('a mirror to a real Kafka', { skip: missingKafka() ?? false }, () => {
  let broker: TestCluster
  let kafka: KafkaCluster
  let source: Cluster
  let target: Cluster
  let directory: string
  before(async () => {
    broker = await startCluster()
    kafka = await openKafkaCluster({ brokers: 1, secure: true })
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-mirror-'))
    source = new Cluster({ platform, brokers: [broker.address] })
    target = new Cluster({ platform, brokers: kafka.brokers })
  })
  afterEach(endChildren)
  after(async () => {
    await Promise.all([source.close(), target.close()])
    await Promise.all([kafka.close(), broker.close()])
    fs.rmSync(directory, { recursive: true })
  })

  /** Batches of all kinds, in transactions of which some are aborted. */
  async function write(): Promise<void> {
    const random = simulatedRandom('mirror')
    const choose = (max: number): number => random.within([0, max])
    const producer = createProducer(source, { transactionalId: 'writer' })
    await producer.init()
    for (let round = 0; round < BATCHES / 10; round++) {
      producer.begin()
      for (const at of partitions) sendSomeBatches(producer, at, { batches: 10, choose, name: `r${round}` })
      await (choose(4) === 0 ? producer.abort() : producer.commit())
    }
    await producer.close()
  }

  /** A properties file for the listener with TLS and a login. */
  function clientProperties(): string {
    const [file, authority] = ['client.properties', 'ca.pem'].map((name) => path.join(directory, name))
    const { password, username } = kafkaUser
    fs.writeFileSync(authority!, kafka.authority)
    const lines = [
      'security.protocol=SASL_SSL',
      'sasl.mechanism=SCRAM-SHA-512',
      `sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="${username}" password="${password}";`,
      'ssl.truststore.type=PEM',
      `ssl.truststore.location=${authority}`,
    ]
    fs.writeFileSync(file!, lines.join('\n'))
    return file!
  }

  async function writtenAt(cluster: Cluster): Promise<number> {
    try {
      const ends = await createAdmin(cluster).listOffsets(partitions, { at: 'latest' })
      return [...ends.values()].reduce((sum, { offset }) => sum + offset, 0)
    } catch {
      return 0
    }
  }

  test('is killed again and again, and each record is there once', async () => {
    await createAdmin(source).createTopics([
      { topic: TOPIC, partitions: PARTITIONS, configs: { 'retention.ms': '-1' } },
    ])
    await write()
    const argv = ['topics', 'mirror', '--to']
    const env = { MILLRACE_BROKERS: broker.address }
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await writtenAt(target)
      const child = start([...argv, `kafka://${kafka.brokers.join(',')}`, '--follow'], env)
      const grown = async (): Promise<boolean> => (await writtenAt(target)) > before
      const copying = until(platform.clock, grown, {
        what: 'the copy goes on',
        timeoutMs: WAIT_MS,
        intervalMs: 1,
      })
      await inTime(child, 'records at Kafka', copying)
      child.kill('SIGKILL')
      assert.equal((await exitOf(child)).status, 137)
      await write()
    }
    const ends = await createAdmin(source).listOffsets(partitions, { at: 'latest' })
    const positions = partitions.map((at) => ({
      ...at,
      offset: Math.floor(ends.get(partitionName(TOPIC, at.partition))!.offset / 2),
    }))
    await createAdmin(source).alterGroupOffsets(GROUP, positions)

    const secured = [`kafka://${kafka.secureBrokers.join(',')}`, '--to-config', clientProperties()]
    const { err, out, status } = await run([...argv, ...secured], { env })
    assert.equal(status, 0, err)
    const { groups, topics } = JSON.parse(out)
    assert.deepEqual([topics[0].target, topics[0].lag], ['continued', 0])
    assert.deepEqual(groups, [{ group: GROUP, moved_partitions: PARTITIONS, kept: null }])
    const moved = await createAdmin(target).groupOffsets(GROUP)
    for (const { offset, ...at } of positions) {
      const [wanted, found] = [await readCommitted(source, at), await readCommitted(target, at)]
      assert.ok(wanted.length > 1000)
      const name = partitionName(TOPIC, at.partition)
      assert.deepEqual(found.map(kept), wanted.map(kept), name)
      const next = found.find((record) => record.offset >= moved.get(name)!.offset)
      assert.equal(
        next?.content,
        wanted.find((record) => record.offset >= offset)?.content,
        `${GROUP} ${name}`,
      )
    }
    const [described] = await createAdmin(target).describeConfigs([{ type: 'topic', name: TOPIC }])
    assert.equal(described?.configs.find(({ name }) => name === 'retention.ms')?.value, '-1')
  })
})

const kept = ({ compression, content }: { compression: string; content: string }): readonly string[] => [
  compression,
  content,
]
