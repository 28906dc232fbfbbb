/** The fixture itself: three nodes of a real Kafka that lose one and get it back, and a login. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { kafkaUser, missingKafka, openKafkaCluster } from './cluster.ts'

const platform = nodePlatform()

describe('a real Kafka of three nodes', { skip: missingKafka() ?? false }, () => {
  it('serves, at both listeners, while a node is killed and back', { timeout: 240_000 }, async () => {
    const kafka = await openKafkaCluster({ brokers: 3, secure: true })
    const cluster = new Cluster({
      platform,
      brokers: kafka.secureBrokers,
      tls: { ca: kafka.authority },
      sasl: { mechanism: 'scram-sha-256', ...kafkaUser },
    })
    try {
      const admin = createAdmin(cluster)
      await admin.createTopics([{ topic: 'one', partitions: 3, replicationFactor: 3 }])
      await kafka.nodes[0]!.kill()
      await kafka.settled()
      assert.equal((await admin.partitionCounts()).get('one'), 3)
      kafka.nodes[0]!.start()
      await kafka.settled()
      assert.deepEqual(
        (await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId).toSorted(),
        [1, 2, 3],
      )
    } finally {
      await cluster.close()
      await kafka.close()
    }
  })
})
