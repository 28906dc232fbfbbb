/** Topics and configs at their edges. */
import { createPartitions } from '../../../src/protocol/apis/create-partitions.ts'
import { createTopics } from '../../../src/protocol/apis/create-topics.ts'
import { deleteTopics } from '../../../src/protocol/apis/delete-topics.ts'
import { describeConfigs } from '../../../src/protocol/apis/describe-configs.ts'
import { describeProducers } from '../../../src/protocol/apis/describe-producers.ts'
import { describeTopicPartitions } from '../../../src/protocol/apis/describe-topic-partitions.ts'
import { incrementalAlterConfigs } from '../../../src/protocol/apis/incremental-alter-configs.ts'
import { metadata } from '../../../src/protocol/apis/metadata.ts'
import { type EdgeCase, found, type Wire } from './wire.ts'

const TOPIC = 2

interface NewTopic {
  readonly name?: string
  readonly numPartitions?: number
  readonly replicationFactor?: number
  readonly configs?: readonly { readonly name: string; readonly value: string | null }[]
}

async function create(
  wire: Wire,
  { name, numPartitions = 1, replicationFactor = 1, configs = [] }: NewTopic,
): Promise<unknown[]> {
  const topics = [
    { name: name ?? wire.witness.name('topic'), numPartitions, replicationFactor, assignments: [], configs },
  ]
  return found(await wire.send(createTopics, { topics }), ['numPartitions', 'replicationFactor'])
}

async function alter(
  wire: Wire,
  resourceName: string,
  name: string,
  value: string | null,
  configOperation = 0,
): Promise<unknown[]> {
  const resources = [{ resourceType: TOPIC, resourceName, configs: [{ name, configOperation, value }] }]
  return found(await wire.send(incrementalAlterConfigs, { resources, validateOnly: false }))
}

const topics: Readonly<Record<string, NewTopic>> = {
  'with defaults': { numPartitions: -1, replicationFactor: -1 },
  'with an illegal name': { name: 'a b' },
  'without a name': { name: '' },
  'with a name that is too long': { name: 'x'.repeat(250) },
  'called ..': { name: '..' },
  'without partitions': { numPartitions: 0 },
  'with two replicas': { replicationFactor: 2 },
  'with an unknown config': { configs: [{ name: 'no.such.config', value: '1' }] },
  'with an illegal config': { configs: [{ name: 'retention.ms', value: 'long' }] },
  'with a config that is null': { configs: [{ name: 'retention.ms', value: null }] },
}

export const adminCases: readonly EdgeCase[] = [
  ...Object.entries(topics).map(
    ([name, topic]): EdgeCase => ({ name: `a topic ${name}`, ask: (wire) => create(wire, topic) }),
  ),
  { name: 'a topic that is there', ask: async (wire) => create(wire, { name: await wire.witness.topic(1) }) },
  {
    name: 'a topic twice in one request',
    async ask(wire) {
      const one = {
        name: wire.witness.name('topic'),
        numPartitions: 1,
        replicationFactor: 1,
        assignments: [],
        configs: [],
      }
      return found(await wire.send(createTopics, { topics: [one, one] }))
    },
  },
  ...[0, 1, 2, 3].map(
    (count): EdgeCase => ({
      name: `${count} partitions for a topic of two`,
      async ask(wire) {
        const changed = [{ name: await wire.witness.topic(2), count, assignments: null }]
        return found(
          await wire.send(createPartitions, { topics: changed, timeoutMs: 5000, validateOnly: false }),
        )
      },
    }),
  ),
  {
    name: 'deleting a topic id that is not there',
    ask: async (wire) =>
      found(
        await wire.send(deleteTopics, {
          topics: [{ name: null, topicId: Buffer.alloc(16, 7) }],
          timeoutMs: 5000,
        }),
      ),
  },
  {
    name: 'an unknown config of a topic',
    ask: async (wire) => alter(wire, await wire.witness.topic(1), 'no.such.config', '1'),
  },
  {
    name: 'an illegal value of a config',
    ask: async (wire) => alter(wire, await wire.witness.topic(1), 'cleanup.policy', 'burn'),
  },
  {
    name: 'a config of a topic that is not there',
    ask: (wire) => alter(wire, wire.witness.name('nowhere'), 'retention.ms', '1'),
  },
  {
    name: 'an unknown operation on a config',
    ask: async (wire) => alter(wire, await wire.witness.topic(1), 'retention.ms', '1', 9),
  },
  {
    name: 'appending to a config that is no list',
    ask: async (wire) => alter(wire, await wire.witness.topic(1), 'retention.ms', '1', 2),
  },
  {
    name: 'deleting a config that was never set',
    ask: async (wire) => alter(wire, await wire.witness.topic(1), 'retention.ms', null, 1),
  },
  {
    name: 'configs of a topic that is not there',
    async ask(wire) {
      const resources = [
        { resourceType: TOPIC, resourceName: wire.witness.name('nowhere'), configurationKeys: null },
      ]
      return found(await wire.send(describeConfigs, { resources }))
    },
  },
  {
    name: 'names and defaults of the configs of a topic',
    async ask(wire) {
      const resources = [
        { resourceType: TOPIC, resourceName: await wire.witness.topic(1), configurationKeys: null },
      ]
      const { results } = await wire.send(describeConfigs, { resources })
      // `flush` is Millrace's own.
      return Object.fromEntries(
        results[0]!.configs
          .filter(({ name }) => name !== 'flush')
          .map(({ name, value }) => [name, value] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      )
    },
  },
  ...Object.entries({ 'that is not there': 'nowhere', 'with an illegal name': 'a b' }).map(
    ([kind, name]): EdgeCase => ({
      name: `metadata of a topic ${kind}`,
      async ask(wire) {
        const asked = [{ name: name === 'nowhere' ? wire.witness.name(name) : name }]
        return found(
          await wire.send(metadata, {
            topics: asked,
            allowAutoTopicCreation: false,
            includeTopicAuthorizedOperations: false,
          }),
        )
      },
    }),
  ),
  {
    name: 'partitions of a topic that is not there',
    ask: async (wire) =>
      found(await wire.send(describeTopicPartitions, { topics: [{ name: wire.witness.name('nowhere') }] })),
  },
  {
    name: 'producers of a partition that is not there',
    async ask(wire) {
      const asked = [{ name: await wire.witness.topic(1), partitionIndexes: [0, 9] }]
      return found(await wire.send(describeProducers, { topics: asked }))
    },
  },
]
