import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MillraceError } from '../core/errors.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { MetadataCache } from './cluster/metadata.ts'
import { Cluster } from './cluster.ts'
import { metadataAnswer, ScriptedConnection } from './scripted-connection-fixture.ts'

function scripted(connection: ScriptedConnection, seed = 1) {
  const simulation = simulatedPlatform({ seed })
  return { simulation, cluster: new Cluster({ platform: simulation, connect: () => connection }) }
}

test('a cluster is reached by addresses or by a way to connect, and by exactly one of them', () => {
  const platform = simulatedPlatform({ seed: 1 })
  const connect = () => new ScriptedConnection()
  for (const options of [{}, { brokers: [] }, { brokers: ['a:1'], connect }, { brokers: ['nonsense'] }]) {
    assert.throws(() => new Cluster({ platform, ...options }), { code: 'MR_OPTION_INVALID' })
  }
})

test('metadata of a topic is asked for once', async () => {
  const connection = new ScriptedConnection({ Metadata: () => metadataAnswer({ t: 3 }) })
  const { simulation, cluster } = scripted(connection)
  assert.equal(await simulation.runUntil(cluster.partitionCount('t')), 3)
  assert.equal(await simulation.runUntil(cluster.partitionCount('t')), 3)
  assert.equal(connection.of('Metadata').length, 1)
  assert.equal(connection.of('Metadata')[0]?.request.allowAutoTopicCreation, false)
})

test('a topic that does not exist is asked for each time', async () => {
  let exists = false
  const connection = new ScriptedConnection({ Metadata: () => metadataAnswer({ t: exists ? 2 : 0 }) })
  const { simulation, cluster } = scripted(connection)
  await simulation.runUntil(assert.rejects(cluster.partitionCount('t'), { code: 'MR_TOPIC_UNKNOWN' }))
  exists = true
  assert.equal(await simulation.runUntil(cluster.partitionCount('t')), 2)
})

test('callers at one time share a request, those that come meanwhile the next one', async () => {
  const connection = new ScriptedConnection({
    Metadata: ({ topics }) =>
      metadataAnswer(Object.fromEntries(topics.map(({ name }: { name: string }) => [name, 1]))),
  })
  const { simulation, cluster } = scripted(connection)
  await simulation.runUntil(Promise.all(['a', 'b', 'c', 'd'].map((topic) => cluster.partitionCount(topic))))
  const asked = connection.of('Metadata').map(({ request }) => request.topics.length)
  assert.deepEqual(asked, [1, 4])
})

test('a topic that is refused is an error for those who have named it, and for nobody else', async () => {
  const TOPIC_AUTHORIZATION_FAILED = 29
  const connection = new ScriptedConnection({
    Metadata: ({ topics }) => {
      const answer = metadataAnswer(Object.fromEntries(topics.map(({ name }: { name: string }) => [name, 1])))
      const refuse = <T extends { name: string; errorCode: number }>(one: T): T =>
        one.name === 'secret' ? { ...one, errorCode: TOPIC_AUTHORIZATION_FAILED } : one
      return { ...answer, topics: answer.topics.map(refuse) }
    },
  })
  const { simulation, cluster } = scripted(connection)
  const outcomes = await simulation.runUntil(
    Promise.allSettled(['first', 'secret', 'open', 'also open'].map((topic) => cluster.topic(topic))),
  )
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  )
  assert.equal(connection.of('Metadata').length, 2, 'the last three have shared a request')
  await simulation.runUntil(
    assert.rejects(cluster.refresh(['open', 'secret']), ({ context }: MillraceError) => {
      assert.equal(context['topic'], 'secret')
      return context['kafkaCode'] === TOPIC_AUTHORIZATION_FAILED
    }),
  )
  await simulation.runUntil(cluster.refresh())
})

test('metadata is read anew when it is old', async () => {
  const connection = new ScriptedConnection({ Metadata: () => metadataAnswer({ t: 1 }) })
  const { simulation, cluster } = scripted(connection)
  await simulation.runUntil(cluster.partitionCount('t'))
  await simulation.advance(3 * 300_000 + 1000)
  assert.equal(connection.of('Metadata').length, 4)
  await cluster.close()
  await simulation.advance(600_000)
  assert.equal(connection.of('Metadata').length, 4)
})

test('an answer about an older leader does not count; a topic with another id is another topic', () => {
  const cache = new MetadataCache()
  const merge = (leaderId: number, leaderEpoch: number, id?: Buffer): void => {
    const ids = id === undefined ? {} : { t: id }
    cache.merge(
      completeMetadata(metadataAnswer({ t: [{ leaderId, leaderEpoch }] }, { brokers: 3, ids })) as never,
    )
  }
  merge(1, 5)
  merge(2, 4)
  assert.equal(cache.partition('t', 0)?.leader, 1)
  merge(2, 6)
  assert.equal(cache.partition('t', 0)?.leader, 2)
  const old = cache.topics.get('t')!.topicId
  merge(0, 0, Buffer.alloc(16, 9))
  assert.deepEqual(cache.partition('t', 0), {
    partition: 0,
    leader: 0,
    leaderEpoch: 0,
    replicas: [],
    inSyncReplicas: [],
  })
  assert.equal(cache.topicOfId(Buffer.alloc(16, 9)), 't')
  assert.equal(cache.topicOfId(old), undefined)
})

test('a leader that an answer names is taken over if it is newer and its address is known', () => {
  const cache = new MetadataCache()
  const answer = metadataAnswer({ t: [{ leaderId: 0, leaderEpoch: 3 }] })
  cache.merge(completeMetadata(answer) as never)
  const endpoints = [{ nodeId: 7, host: 'b7', port: 9092 }]
  assert.equal(cache.mergeLeader('t', 0, { leaderId: 7, leaderEpoch: 3, endpoints }), false)
  assert.equal(cache.mergeLeader('t', 0, { leaderId: 7, leaderEpoch: 4, endpoints: [] }), false)
  assert.equal(cache.mergeLeader('t', 0, { leaderId: 7, leaderEpoch: 4, endpoints }), true)
  assert.equal(cache.partition('t', 0)?.leader, 7)
  assert.equal(cache.broker(7)?.host, 'b7')
  assert.equal(cache.mergeLeader('unknown', 0, { leaderId: 7, leaderEpoch: 9, endpoints }), false)
})

test('when no broker answers the error names all that were tried', async () => {
  const simulation = simulatedPlatform({ seed: 2 })
  const cluster = new Cluster({ platform: simulation, brokers: ['a:9092', 'b:9093'] })
  const error = (await simulation.runUntil(cluster.anyBroker().catch((reason) => reason))) as MillraceError
  assert.equal(error.code, 'MR_BROKER_UNREACHABLE')
  assert.equal(error.message, 'no broker answers at a:9092, b:9093')
  assert.equal(error.retriable, true)
  assert.ok(error.hint !== undefined)
})

test('a coordinator is found when it is ready, and kept until it is forgotten', async () => {
  let loading = 2
  const connection = new ScriptedConnection({
    FindCoordinator: ({ coordinatorKeys: [key] }) => ({
      coordinators: [
        { key, nodeId: 0, host: 'b0', port: 9092, errorCode: loading-- > 0 ? 15 : 0, errorMessage: null },
      ],
    }),
  })
  const { simulation, cluster } = scripted(connection)
  await simulation.runUntil(cluster.coordinator('group', 'g'))
  await simulation.runUntil(cluster.coordinator('group', 'g'))
  assert.equal(connection.of('FindCoordinator').length, 3)
  await simulation.runUntil(cluster.coordinator('transaction', 'g'))
  assert.deepEqual(
    connection.of('FindCoordinator').map(({ request }) => request.keyType),
    [0, 0, 0, 1],
  )
  cluster.forgetCoordinator('group', 'g')
  await simulation.runUntil(cluster.coordinator('group', 'g'))
  assert.equal(connection.of('FindCoordinator').length, 5)
})

test('what is refused is not tried again', async () => {
  const connection = new ScriptedConnection({
    FindCoordinator: ({ coordinatorKeys: [key] }) => ({
      coordinators: [{ key, nodeId: -1, host: '', port: -1, errorCode: 30, errorMessage: 'no' }],
    }),
  })
  const { simulation, cluster } = scripted(connection)
  const error = (await simulation.runUntil(
    cluster.coordinator('group', 'g').catch((reason) => reason),
  )) as MillraceError
  assert.equal(error.message, 'cannot find the coordinator: no (GROUP_AUTHORIZATION_FAILED)')
  assert.equal(error.context['kafkaCode'], 30)
  assert.equal(error.context['group'], 'g')
  assert.equal(error.where, 'group "g", broker in-process')
  assert.ok(error.hint?.includes('READ'))
})

test('a connection that was lost is opened again', async () => {
  const connections: ScriptedConnection[] = []
  const simulation = simulatedPlatform({ seed: 3 })
  const cluster = new Cluster({
    platform: simulation,
    connect: () => {
      const connection = new ScriptedConnection({ Metadata: () => metadataAnswer({ t: 1 }) })
      connections.push(connection)
      return connection
    },
  })
  await simulation.runUntil(cluster.refresh())
  await connections[0]?.close()
  await simulation.runUntil(cluster.refresh())
  assert.equal(connections.length, 2)
})

test('a closed cluster says so', async () => {
  const { cluster } = scripted(new ScriptedConnection())
  await cluster.close()
  await assert.rejects(cluster.refresh(), { code: 'MR_CLOSED' })
  await assert.rejects(cluster.anyBroker(), { code: 'MR_CLOSED' })
})

function completeMetadata(answer: ReturnType<typeof metadataAnswer>): unknown {
  return {
    ...answer,
    brokers: answer.brokers.map((broker) => ({ ...broker, rack: null })),
  }
}
