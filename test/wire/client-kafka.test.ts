/**
 * The client against a real Kafka of three brokers: at its open listener, and once more over SASL_SSL with a login.
 *
 * One cluster serves both, which is what makes the second run cheap.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type KafkaCluster, kafkaAdmin, missingKafka, openKafkaCluster } from '../kafka/cluster.ts'
import { DEADLINE_MS, Scenario, text } from './client-scenarios/scenario.ts'
import { clientScenarios } from './client-scenarios.ts'

/** What members learn with a heartbeat they learn soon. */
const config = {
  'group.consumer.min.heartbeat.interval.ms': '100',
  'group.consumer.heartbeat.interval.ms': '200',
  'group.consumer.min.assignment.interval.ms': '0',
  'group.consumer.assignment.interval.ms': '0',
}

describe('a real Kafka of three brokers', { skip: missingKafka() ?? false }, () => {
  let kafka: KafkaCluster
  before(async () => {
    kafka = await openKafkaCluster({ brokers: 3, secure: true, config })
  })
  after(() => kafka.close())

  clientScenarios({
    name: 'a real Kafka',
    open: async () => ({ reach: { brokers: kafka.brokers }, close: async () => {} }),
  })
  clientScenarios({
    name: 'a real Kafka over SASL_SSL',
    open: async () => ({
      reach: {
        brokers: kafka.secureBrokers,
        tls: { ca: kafka.authority },
        sasl: { mechanism: 'scram-sha-512', ...kafkaAdmin },
      },
      close: async () => {},
    }),
  })

  // The last, because a broker is away from then on.
  it('leaders change, and every record is there once and in order', {
    timeout: DEADLINE_MS * 3,
  }, async () => {
    const s = new Scenario({ brokers: kafka.brokers })
    try {
      const [plain, committed] = [await s.topic(3), await s.topic(3)]
      const producer = s.producer()
      const transactional = s.producer({ transactionalId: s.name('tx') }, s.newCluster())
      await transactional.init()
      const sent: Promise<unknown>[] = []
      let rounds = 0
      const round = async (): Promise<void> => {
        transactional.begin()
        for (let partition = 0; partition < 3; partition++) {
          sent.push(producer.send({ topic: plain, partition, value: `${rounds}` }))
          void transactional.send({ topic: committed, partition, value: `${rounds}` })
        }
        await transactional.commit()
        rounds++
      }
      await s.until('there is something before', async () => {
        await round()
        return rounds >= 20
      })
      const [away] = kafka.nodes
      let isAway = false
      const stopping = away!.stop().then(() => (isAway = true))
      let after = 0
      await s.until('there is something during and after', async () => {
        await round()
        return isAway && ++after >= 20
      })
      await stopping
      await Promise.all(sent)
      for (const topic of [plain, committed]) {
        const [described] = await s.admin.describeTopics([topic])
        assert.ok(described!.partitions.every(({ leader }) => leader !== away!.id))
        await s.settled(topic)
        const records = await s.readAll(topic)
        for (let partition = 0; partition < 3; partition++) {
          const own = records.filter((one) => one.partition === partition)
          assert.deepEqual(
            own.map(({ value }) => Number(text(value))),
            Array.from({ length: rounds }, (_, index) => index),
          )
        }
      }
    } finally {
      await s.close()
    }
  })
})
