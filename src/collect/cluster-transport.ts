/** Collection and delivery on Kafka's protocol, through the client. */
import { createAdmin } from '../client/admin/admin.ts'
import type { Cluster } from '../client/cluster.ts'
import { createConsumer } from '../client/consumer/consumer.ts'
import { createProducer } from '../client/producer/producer.ts'
import { isMillraceError } from '../core/errors.ts'
import type { TopicToMake, Transport } from './transport.ts'

/** The cluster stays the caller's: it is not closed with agents and deliveries. */
export function clusterTransport(cluster: Cluster): Transport {
  const admin = createAdmin(cluster)
  const isMissing = async ({ topic }: TopicToMake): Promise<boolean> => {
    try {
      await cluster.partitionCount(topic)
      return false
    } catch (error) {
      if (isMillraceError(error, 'MR_TOPIC_UNKNOWN')) return true
      throw error
    }
  }
  return {
    async ensureTopics(topics) {
      const missing = await Promise.all(topics.map(isMissing))
      const toMake = topics.filter((_, index) => missing[index])
      if (toMake.length === 0) return
      const described = toMake.map(({ config, ...topic }) => {
        return { ...topic, ...(config === undefined ? {} : { configs: config }) }
      })
      // Another agent may make the same topic at this moment.
      await admin.createTopics(described, { ignoreExisting: true })
    },
    partitionCount: (topic) => cluster.partitionCount(topic),
    createProducer: (options) => createProducer(cluster, options),
    createConsumer: ({ group }) =>
      createConsumer(cluster, { offsetReset: 'earliest', ...(group === undefined ? {} : { group }) }),
    async endOffsets(partitions) {
      const ends = await admin.listOffsets(partitions, { at: 'latest', isolation: 'read_uncommitted' })
      return new Map([...ends].map(([name, { offset }]) => [name, offset]))
    },
  }
}
