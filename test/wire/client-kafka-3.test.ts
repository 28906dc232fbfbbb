/**
 * The client against Kafka 3.9, the last release before 4.0: versions of requests are agreed on with an older broker,
 * transactions are those of version 1, and what the broker does not have is said by name.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type KafkaCluster, kafkaUser, missingKafka, openKafkaCluster } from '../kafka/cluster.ts'
import { DEADLINE_MS, rejectsWith, Scenario } from './client-scenarios/scenario.ts'
import { clientScenarios } from './client-scenarios.ts'

describe('a real Kafka 3.9', { skip: missingKafka('kafka-3.9') ?? false }, () => {
  let kafka: KafkaCluster
  before(async () => {
    kafka = await openKafkaCluster({ release: 'kafka-3.9', brokers: 1, secure: true })
  })
  after(() => kafka?.close())

  clientScenarios({
    name: 'a real Kafka 3.9',
    lacks: ['consumer groups', 'transactions 2'],
    open: async () => ({ reach: { brokers: kafka.brokers }, close: async () => {} }),
  })

  it('a group of the consumer protocol is refused by name', { timeout: DEADLINE_MS }, async () => {
    const s = new Scenario({ brokers: kafka.brokers })
    try {
      const consumer = s.consumer({ group: s.name('group'), protocol: 'consumer' })
      await consumer.subscribe([await s.topic()])
      await rejectsWith('MR_PROTOCOL_VERSION_UNSUPPORTED', consumer.poll({ maxWaitMs: DEADLINE_MS }))
    } finally {
      await s.close()
    }
  })

  it('a topic that is refused ends a transaction, and not the producer', {
    timeout: DEADLINE_MS,
  }, async () => {
    const admin = new Scenario({ brokers: kafka.brokers })
    const s = new Scenario({
      brokers: kafka.secureBrokers,
      tls: { ca: kafka.authority },
      sasl: { mechanism: 'scram-sha-256', ...kafkaUser },
    })
    try {
      const [open, secret] = [await admin.topic(), await admin.topic()]
      const rule = { resourceType: 'topic', resourceName: secret, principal: 'User:alice' } as const
      await admin.admin.createAcls([{ ...rule, operation: 'describe' }])
      await admin.until('the rule is known', async () => {
        return (await admin.admin.describeAcls({ resourceName: secret })).length === 1
      })
      const producer = s.producer({ transactionalId: s.name('tx') })
      await producer.init()
      for (let round = 0; round < 2; round++) {
        producer.begin()
        await rejectsWith('MR_KAFKA', producer.send({ topic: secret, value: 'never' }))
        await producer.abort()
        producer.begin()
        await producer.send({ topic: open, value: `${round}` })
        await producer.commit()
      }
      assert.deepEqual(await admin.values(open), ['0', '1'])
      assert.deepEqual(await admin.values(secret), [])
    } finally {
      await s.close()
      await admin.close()
    }
  })
})
