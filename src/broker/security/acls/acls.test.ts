/** Rules over the wire: made, listed by filters, removed, kept over a restart and a power cut. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdmin } from '../../../client/admin/admin.ts'
import { readFile, replaceFile } from '../../../platform/disk.ts'
import { consumerGroupDescribe } from '../../../protocol/apis/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from '../../../protocol/apis/consumer-group-heartbeat.ts'
import { createAcls } from '../../../protocol/apis/create-acls.ts'
import { describeAcls } from '../../../protocol/apis/describe-acls.ts'
import { metadata } from '../../../protocol/apis/metadata.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import { DATA_DIRECTORY, TestBroker } from '../../broker-fixture.ts'
import { clusterAs, connectAs, listenWithLogin, openWithLogin, plain } from '../security-fixture.ts'

const creation = {
  resourceType: 2,
  resourceName: 'clicks',
  resourcePatternType: 3,
  principal: 'User:alice',
  host: '*',
  operation: 3,
  permissionType: 3,
}
const anything = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}

async function seen(broker: TestBroker): Promise<number> {
  const connection = await connectAs(broker, plain('alice'))
  const answer = await broker.simulation.runUntil(connection.send(metadata, { topics: null }))
  await connection.close()
  return answer.topics.length
}

test('rules hold from their answer on, over a restart and a power cut, until they are removed', async () => {
  const broker = await openWithLogin()
  await broker.send(metadata, { topics: [{ name: 'clicks' }], allowAutoTopicCreation: true })
  assert.equal(await seen(broker), 0)
  await broker.send(createAcls, { creations: [creation] })
  assert.equal(await seen(broker), 1)
  await broker.restart()
  await listenWithLogin(broker)
  assert.equal(await seen(broker), 1)
  await broker.send(createAcls, { creations: [{ ...creation, operation: 8, permissionType: 2 }] })
  await broker.crash('power')
  await listenWithLogin(broker)
  assert.equal(await seen(broker), 0, 'the rule that denies is there')
  const cluster = clusterAs(broker, { sasl: plain('admin') })
  const admin = createAdmin(cluster)
  const removed = await broker.simulation.runUntil(admin.deleteAcls([{ permission: 'deny' }]))
  assert.equal(removed.length, 1)
  await cluster.close()
  assert.equal(await seen(broker), 1)
  await broker.close()
})

test('filters mean what Kafka means by them', async () => {
  const broker = await openWithLogin()
  const made = [
    creation,
    { ...creation, resourceName: '*', operation: 4 },
    { ...creation, resourceName: 'cli', resourcePatternType: 4 },
    { ...creation, resourceName: 'other', resourcePatternType: 4 },
    { ...creation, resourceType: 3, resourceName: 'clicks', principal: 'User:*' },
  ]
  await broker.send(createAcls, { creations: made })
  const count = async (filter: Partial<Record<keyof typeof anything, unknown>>): Promise<number> => {
    const answer = await broker.send(describeAcls, { ...anything, ...filter } as never)
    return answer.resources.flatMap(({ acls }) => acls).length
  }
  assert.equal(await count({}), 5)
  const topic = { resourceTypeFilter: 2, resourceNameFilter: 'clicks' }
  assert.equal(await count({ ...topic, patternTypeFilter: 3 }), 1, 'literal')
  assert.equal(await count({ ...topic, patternTypeFilter: 4 }), 0, 'prefixed')
  assert.equal(await count({ ...topic, patternTypeFilter: 1 }), 1, 'any: the name as it is')
  assert.equal(await count({ ...topic, patternTypeFilter: 2 }), 3, 'match: what holds for the topic')
  assert.equal(await count({ principalFilter: 'User:alice' }), 4)
  assert.equal(await count({ operation: 4 }), 1)
  const illegal = await broker.send(describeAcls, { ...anything, operation: 99 })
  assert.equal(illegal.errorCode, ErrorCodes.INVALID_REQUEST)
  await broker.close()
})

test('rules that mean nothing are refused, each by itself', async () => {
  const broker = await openWithLogin()
  const wrong = [
    { resourceType: 99 },
    { resourceType: 1 },
    { operation: 1 },
    { operation: 12 },
    { permissionType: 1 },
    { resourcePatternType: 2 },
    { resourceName: '' },
    { principal: 'alice' },
    { host: '' },
    { resourceType: 4, resourceName: 'another-cluster', operation: 7 },
  ]
  const creations = [creation, ...wrong.map((part) => ({ ...creation, ...part }))]
  const { results } = await broker.send(createAcls, { creations })
  assert.deepEqual(
    results.map(({ errorCode }) => errorCode),
    [ErrorCodes.NONE, ...wrong.map(() => ErrorCodes.INVALID_REQUEST)],
  )
  await broker.close()
})

test('a pattern finds only topics that the member may see', async () => {
  const broker = await openWithLogin()
  const { simulation } = broker
  for (const name of ['clicks', 'clicks-secret']) {
    await broker.send(metadata, { topics: [{ name }], allowAutoTopicCreation: true })
  }
  const group = { ...creation, resourceType: 3, resourceName: 'g' }
  await broker.send(createAcls, { creations: [creation, group] })
  const connection = await connectAs(broker, plain('alice'))
  const first = {
    groupId: 'g',
    memberId: 'AAAAAAAAAAAAAAAAAAAAAA',
    memberEpoch: 0,
    rebalanceTimeoutMs: 5000,
    subscribedTopicNames: null,
    subscribedTopicRegex: 'clicks.*',
    topicPartitions: [],
  }
  const { assignment } = await simulation.runUntil(connection.send(consumerGroupHeartbeat, first))
  assert.equal(assignment?.topicPartitions.length, 1)
  const { groups } = await broker.send(consumerGroupDescribe, {
    groupIds: ['g'],
    includeAuthorizedOperations: false,
  })
  const names = groups[0]?.members[0]?.targetAssignment.topicPartitions.map(({ topicName }) => topicName)
  assert.deepEqual(names, ['clicks'])
  await broker.close()
})

test('while rights are not checked the APIs say so', async () => {
  const broker = await TestBroker.open()
  const answer = await broker.send(describeAcls, anything)
  assert.equal(answer.errorCode, ErrorCodes.SECURITY_DISABLED)
  const { results } = await broker.send(createAcls, { creations: [creation] })
  assert.equal(results[0]?.errorCode, ErrorCodes.SECURITY_DISABLED)
  await broker.close()
})

test('a table of rules that is damaged stops the start, and is named', async () => {
  const broker = await openWithLogin()
  await broker.send(createAcls, { creations: [creation] })
  const path = `${DATA_DIRECTORY}/security.json`
  const damage = broker.crash('process', (disk) => {
    const bytes = readFile(disk, path)
    bytes[bytes.length - 20]! ^= 1
    replaceFile(disk, path, bytes)
  })
  await assert.rejects(damage, { code: 'MR_CHECKSUM', where: path })
})
