/** @platformatic/kafka. Its consumers are members of a group: reading without one takes a group of its own. */
import { randomUUID } from 'node:crypto'
import { load, serve, until } from '../json-lines.mjs'

const { client, version } = load('@platformatic/kafka')
const { Admin, Consumer, Producer, MessagesStreamModes, stringDeserializers, stringSerializers } = client

const base = {
  clientId: 'platformatic',
  bootstrapBrokers: [process.env.BROKERS],
  retries: 20,
  retryDelay: 100,
}
const TOPIC = 2
const admin = new Admin({ ...base, retries: 3 })
const transactional = new Map()
const members = new Map()

const messageOf = (topic, { partition, key, value, headers = [] }) => ({
  topic,
  partition,
  ...(key === null ? {} : { key }),
  ...(value === null ? {} : { value }),
  headers: new Map(headers),
})

const recordOf = ({ partition, offset, key, value, headers }) => ({
  partition,
  offset: Number(offset),
  key: key ?? null,
  value: value ?? null,
  headers: [...headers].map(([name, content]) => [name, content ?? null]),
})

async function consume(options, streamOptions) {
  const consumer = new Consumer({
    ...base,
    deserializers: stringDeserializers,
    autocommit: false,
    maxWaitTime: 100,
    ...options,
  })
  const records = []
  const stream = await consumer.consume({ maxWaitTime: 100, autocommit: false, ...streamOptions })
  stream.on('data', (message) => records.push(recordOf(message)))
  stream.on('error', (error) => console.error('stream', error))
  return { consumer, stream, records, topic: streamOptions.topics[0] }
}

const assignmentOf = ({ consumer, topic }) =>
  (consumer.assignments ?? []).filter((one) => one.topic === topic).flatMap((one) => one.partitions)

async function leave({ consumer, stream }) {
  await stream.close()
  await consumer.close(true)
}

async function login({ brokers, mechanism, username, password }) {
  const one = new Admin({
    clientId: 'login',
    bootstrapBrokers: [brokers],
    sasl: { mechanism, username, password },
    retries: 0,
  })
  try {
    await one.listTopics()
  } finally {
    await one.close()
  }
}

const ops = {
  login,
  version: () => version,
  async produce({ topic, records, compression, idempotent = false }) {
    const producer = new Producer({ ...base, serializers: stringSerializers, idempotent })
    try {
      const messages = records.map((record) => messageOf(topic, record))
      await producer.send({ acks: -1, messages, ...(compression === undefined ? {} : { compression }) })
    } finally {
      await producer.close()
    }
  },
  async read({ topic, count, isolation }) {
    const member = await consume(
      { groupId: randomUUID() },
      {
        topics: [topic],
        mode: MessagesStreamModes.EARLIEST,
        isolationLevel: isolation === 'read_committed' ? 1 : 0,
      },
    )
    await until(() => member.records.length >= count)
    await leave(member)
    return member.records
  },
  async join({ member, group, topic, protocol }) {
    const classic = { sessionTimeout: 6000, heartbeatInterval: 200, rebalanceTimeout: 6000 }
    const options = { groupId: group, groupProtocol: protocol, ...(protocol === 'classic' ? classic : {}) }
    const { COMMITTED } = MessagesStreamModes
    members.set(
      member,
      await consume(options, { topics: [topic], mode: COMMITTED, fallbackMode: 'earliest' }),
    )
  },
  seen: ({ member }) => {
    const joined = members.get(member)
    return { assignment: assignmentOf(joined), records: joined.records }
  },
  async commit({ member }) {
    const joined = members.get(member)
    const next = new Map()
    for (const { partition, offset } of joined.records)
      next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1))
    const offsets = [...next]
      .filter(([partition]) => assignmentOf(joined).includes(partition))
      .map(([partition, offset]) => ({
        topic: joined.topic,
        partition,
        offset: BigInt(offset),
        leaderEpoch: -1,
      }))
    await joined.consumer.commit({ offsets })
  },
  async leave({ member }) {
    const joined = members.get(member)
    members.delete(member)
    await leave(joined)
  },
  async transaction({ transactionalId: id, topic, records, outcome }) {
    if (!transactional.has(id)) {
      const options = { ...base, serializers: stringSerializers, idempotent: true, transactionalId: id }
      transactional.set(id, new Producer(options))
    }
    const transaction = await transactional.get(id).beginTransaction()
    await transaction.send({ messages: records.map((record) => messageOf(topic, record)) })
    await transaction[outcome]()
  },
  async createTopic({ topic, partitions, configs }) {
    const list = Object.entries(configs).map(([name, value]) => ({ name, value }))
    await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs: list })
  },
  async describeTopic({ topic }) {
    const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true })
    return { partitions: topics.get(topic).partitionsCount }
  },
  async describeConfig({ topic, name }) {
    const resources = [{ resourceType: TOPIC, resourceName: topic, configurationKeys: [name] }]
    const [described] = await admin.describeConfigs({ resources })
    return described.configs[0].value
  },
  async alterConfig({ topic, name, value }) {
    const configs = [{ name, configOperation: 0, value }]
    await admin.incrementalAlterConfigs({
      resources: [{ resourceType: TOPIC, resourceName: topic, configs }],
    })
  },
  deleteTopic: ({ topic }) => admin.deleteTopics({ topics: [topic] }),
  async lag({ group, topic, partitions }) {
    const indexes = Array.from({ length: partitions }, (_, partition) => partition)
    const groups = [{ groupId: group, topics: [{ name: topic, partitionIndexes: indexes }] }]
    const [found] = await admin.listConsumerGroupOffsets({ groups })
    const asked = indexes.map((partitionIndex) => ({ partitionIndex, timestamp: -1n }))
    const [ends] = await admin.listOffsets({ topics: [{ name: topic, partitions: asked }] })
    return found.topics[0].partitions.map(({ partitionIndex, committedOffset }) => ({
      partition: partitionIndex,
      committed: Number(committedOffset),
      end: Number(ends.partitions.find((one) => one.partitionIndex === partitionIndex).offset),
    }))
  },
}

await serve(ops, ({ apiId, code }) =>
  code === 'PLT_KFK_AUTHENTICATION' ? 'SASL_AUTHENTICATION_FAILED' : apiId,
)
