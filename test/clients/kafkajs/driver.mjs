/** kafkajs. It reads only as a member of a group, so reading without one takes a group that nobody else is in. */
import { randomUUID } from 'node:crypto'
import { load, serve, until } from '../json-lines.mjs'

const { client, version } = load('kafkajs')
const { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = client

const kafka = new Kafka({
  clientId: 'kafkajs',
  brokers: [process.env.BROKERS],
  logLevel: logLevel.ERROR,
  retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 30 },
})
const admin = kafka.admin({ retry: { initialRetryTime: 50, retries: 3 } })
const connected = admin.connect()
const transactional = new Map()
const members = new Map()

const text = (bytes) => (bytes === null || bytes === undefined ? null : bytes.toString())

function messageOf({ partition, key, value, headers = [] }) {
  const named = {}
  for (const [name, content] of headers)
    named[name] = named[name] === undefined ? content : [named[name], content].flat()
  return { partition, key, value, headers: named }
}

function recordOf(partition, { offset, key, value, headers = {} }) {
  const pairs = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((one) => [name, text(one)]),
  )
  return { partition, offset: Number(offset), key: text(key), value: text(value), headers: pairs }
}

async function consume(options, topic) {
  const consumer = kafka.consumer({
    sessionTimeout: 6000,
    heartbeatInterval: 200,
    maxWaitTimeInMs: 100,
    ...options,
  })
  const member = { consumer, topic, records: [], assignment: [] }
  consumer.on('consumer.group_join', ({ payload }) => {
    member.assignment = payload.memberAssignment[topic] ?? []
  })
  consumer.on('consumer.rebalancing', () => {
    member.assignment = []
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      member.records.push(recordOf(partition, message))
    },
  })
  return member
}

/** The next offset of each partition that the member has. */
function positions({ records, assignment, topic }) {
  const next = new Map()
  for (const { partition, offset } of records) {
    if (assignment.includes(partition)) next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1))
  }
  return [...next].map(([partition, offset]) => ({ topic, partition, offset: String(offset) }))
}

async function login({ brokers, mechanism, username, password }) {
  const sasl = { mechanism: mechanism.toLowerCase(), username, password }
  const one = new Kafka({
    brokers: [brokers],
    sasl,
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  }).admin()
  try {
    await one.connect()
    await one.listTopics()
  } finally {
    await one.disconnect()
  }
}

const ops = {
  login,
  version: () => version,
  async produce({ topic, records, compression = 'none', idempotent = false }) {
    const producer = kafka.producer({ idempotent, allowAutoTopicCreation: false })
    await producer.connect()
    try {
      const codec = CompressionTypes[compression === 'none' ? 'None' : compression.toUpperCase()]
      await producer.send({ topic, acks: -1, compression: codec, messages: records.map(messageOf) })
    } finally {
      await producer.disconnect()
    }
  },
  async read({ topic, count, isolation }) {
    const options = { groupId: randomUUID(), readUncommitted: isolation === 'read_uncommitted' }
    const { consumer, records } = await consume(options, topic)
    await until(() => records.length >= count)
    await consumer.disconnect()
    return records
  },
  async join({ member, group, topic }) {
    members.set(member, await consume({ groupId: group }, topic))
  },
  seen: ({ member }) => {
    const { assignment, records } = members.get(member)
    return { assignment, records }
  },
  async commit({ member }) {
    const joined = members.get(member)
    await joined.consumer.commitOffsets(positions(joined))
  },
  async leave({ member }) {
    await members.get(member).consumer.disconnect()
    members.delete(member)
  },
  async transaction({ transactionalId: id, topic, records, outcome }) {
    if (!transactional.has(id)) {
      const made = kafka.producer({ transactionalId: id, idempotent: true, maxInFlightRequests: 1 })
      await made.connect()
      transactional.set(id, made)
    }
    const transaction = await transactional.get(id).transaction()
    await transaction.send({ topic, acks: -1, messages: records.map(messageOf) })
    await transaction[outcome]()
  },
  async createTopic({ topic, partitions, configs }) {
    await connected
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const made = await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }] })
    // The client turns this one error into an answer.
    if (!made) throw Object.assign(new Error('the topic exists'), { type: 'TOPIC_ALREADY_EXISTS' })
  },
  async describeTopic({ topic }) {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return { partitions: topics[0].partitions.length }
  },
  async describeConfig({ topic, name }) {
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: [name] }]
    const described = await admin.describeConfigs({ resources, includeSynonyms: false })
    return described.resources[0].configEntries[0].configValue
  },
  async alterConfig({ topic, name, value }) {
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name, value }] }]
    await admin.alterConfigs({ resources, validateOnly: false })
  },
  async deleteTopic({ topic }) {
    await connected
    await admin.deleteTopics({ topics: [topic] })
  },
  async lag({ group, topic }) {
    await connected
    const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    const ends = await admin.fetchTopicOffsets(topic)
    return committed.partitions.map(({ partition, offset }) => ({
      partition,
      committed: Number(offset),
      end: Number(ends.find((one) => one.partition === partition).offset),
    }))
  },
}

await serve(ops, ({ type, name }) => {
  if (name === 'KafkaJSSASLAuthenticationError') return 'SASL_AUTHENTICATION_FAILED'
  return /^[A-Z_]+$/.test(type ?? '') ? type : undefined
})
