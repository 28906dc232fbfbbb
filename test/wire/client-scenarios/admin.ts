/**
 * The admin client: topics (CreateTopics, DeleteTopics, CreatePartitions), configs (IncrementalAlterConfigs, KIP-339),
 * offsets by time (ListOffsets), groups (ListGroups, DescribeGroups, OffsetCommit from outside, DeleteGroups), and what
 * is told of the cluster itself (DescribeCluster, DescribeLogDirs, DescribeProducers, DescribeTransactions).
 *
 * Checked throughout: a topic is its id, not its name (KIP-516), and each thing that fails is named by its own error.
 */
import assert from 'node:assert/strict'
import type { AclFilter } from '../../../src/client/admin/acls.ts'
import { refused, rejectsWith, type ScenarioTest, text } from './scenario.ts'

export function adminScenarios(scenario: ScenarioTest): void {
  scenario('topics are made, described, enlarged and deleted', async (s) => {
    const topic = s.name('topic')
    await s.admin.createTopics([{ topic, partitions: 3, configs: { 'cleanup.policy': 'compact' } }])
    await rejectsWith('MR_TOPIC_EXISTS', s.admin.createTopics([{ topic }]))
    await s.admin.createTopics([{ topic }], { ignoreExisting: true })
    const [described] = await s.admin.describeTopics([topic])
    assert.equal(described?.topic, topic)
    assert.equal(described?.internal, false)
    assert.deepEqual(
      described?.partitions.map(({ partition }) => partition),
      [0, 1, 2],
    )
    assert.ok(described?.partitions.every(({ leader }) => leader >= 0))
    assert.match(described?.topicId ?? '', /^[\w-]{22}$/)
    await s.admin.createPartitions([{ topic, partitions: 5 }])
    assert.equal((await s.admin.partitionCounts()).get(topic), 5)
    assert.ok((await s.admin.listTopics()).some((one) => one.topic === topic))
    await s.admin.deleteTopics([topic])
    await rejectsWith('MR_TOPIC_UNKNOWN', s.admin.describeTopics([topic]))
    await rejectsWith('MR_TOPIC_NAME_INVALID', s.admin.createTopics([{ topic: 'no/slash' }]))
  })

  scenario('a topic that is made anew under its old name is another topic', async (s) => {
    const topic = await s.topic()
    const producer = s.producer()
    await producer.send({ topic, value: 'old' })
    await s.admin.deleteTopics([topic])
    await s.admin.createTopics([{ topic, partitions: 2 }])
    assert.equal((await producer.send({ topic, partition: 0, value: 'new' })).offset, 0)
    assert.equal((await producer.send({ topic, partition: 1, value: 'new' })).offset, 0)
    assert.equal((await s.readAll(topic)).length, 2)
  })

  scenario('configs of a topic are changed and taken back', async (s) => {
    const [plain, topic] = [await s.topic(), await s.topic(1, { 'retention.ms': '1000' })]
    const resource = { type: 'topic', name: topic } as const
    const value = async (name: string, of = topic): Promise<string | null | undefined> => {
      const [described] = await s.admin.describeConfigs([{ ...resource, name: of }], { names: [name] })
      return described?.configs.find((one) => one.name === name)?.value
    }
    const usual = await value('retention.ms', plain)
    assert.notEqual(usual, undefined)
    assert.equal(await value('retention.ms'), '1000')
    await s.admin.alterConfigs([
      { ...resource, configs: { 'retention.ms': '2000', 'segment.bytes': '1048576' } },
    ])
    await s.until('the values are there', async () => (await value('segment.bytes')) === '1048576')
    assert.equal(await value('retention.ms'), '2000')
    await s.admin.alterConfigs([{ ...resource, configs: { 'retention.ms': null } }])
    await s.until('the default is back', async () => (await value('retention.ms')) === usual)
    await assert.rejects(s.admin.alterConfigs([{ ...resource, configs: { 'retention.ms': 'soon' } }]), {
      code: 'MR_KAFKA',
    })
  })

  scenario('offsets are looked up by time', async (s) => {
    const topic = await s.topic()
    const producer = s.producer()
    for (let index = 0; index < 10; index++) {
      await producer.send({ topic, value: 'x', timestampMs: 1_700_000_000_000 + index * 1000 })
    }
    const at = async (time: 'earliest' | 'latest' | 'max-timestamp' | number): Promise<number | undefined> =>
      (await s.admin.listOffsets([{ topic, partition: 0 }], { at: time })).get(`${topic}/0`)?.offset
    assert.equal(await at('earliest'), 0)
    assert.equal(await at('latest'), 10)
    assert.equal(await at('max-timestamp'), 9)
    assert.equal(await at(1_700_000_003_500), 4)
    assert.equal(await at(1_800_000_000_000), -1)
    await assert.rejects(s.admin.listOffsets([{ topic, partition: 7 }], { at: 'latest' }))
  })

  scenario('groups are listed, described, moved and deleted', async (s) => {
    const topic = await s.topic(2)
    const group = s.name('group')
    const consumer = s.consumer({ group })
    await consumer.subscribe([topic])
    await s.until('it has joined', async () => {
      await consumer.poll({ maxWaitMs: 20 })
      return consumer.assignment().length === 2
    })
    assert.ok((await s.admin.listGroups()).some((one) => one.group === group))
    const [described] = await s.admin.describeGroups([group])
    assert.equal(described?.state, 'Stable')
    assert.equal(described?.members.length, 1)
    assert.deepEqual(
      described?.members[0]?.assignment.map(({ partition }) => partition),
      [0, 1],
    )
    await rejectsWith('MR_KAFKA', s.admin.deleteGroups([group]))
    await consumer.close()
    await s.admin.alterGroupOffsets(group, [
      { topic, partition: 0, offset: 4 },
      { topic, partition: 1, offset: 5 },
    ])
    assert.equal((await s.admin.groupOffsets(group)).get(`${topic}/1`)?.offset, 5)
    // Not all of them: Kafka 3 forgets a group with its last position.
    await s.admin.deleteGroupOffsets(group, [{ topic, partition: 1 }])
    assert.deepEqual([...(await s.admin.groupOffsets(group)).keys()], [`${topic}/0`])
    await s.admin.deleteGroups([group])
    const [gone] = await s.admin.describeGroups([group])
    assert.equal(gone?.state, 'Dead')
  })

  scenario('the cluster, its disks, producers and transactions are described', async (s) => {
    const topic = await s.topic()
    const { brokers, clusterId } = await s.admin.describeCluster()
    assert.ok(brokers.length > 0)
    assert.ok(clusterId.length > 0)
    const transactionalId = s.name('tx')
    const producer = s.producer({ transactionalId })
    await producer.init()
    producer.begin()
    await producer.send({ topic, value: 'x' })
    const [described] = await s.admin.describeTransactions([transactionalId])
    assert.equal(described?.state, 'Ongoing')
    assert.deepEqual(described?.partitions, [{ topic, partition: 0 }])
    assert.ok((await s.admin.listTransactions()).some((one) => one.transactionalId === transactionalId))
    const active = (await s.admin.describeProducers([{ topic, partition: 0 }])).get(`${topic}/0`)
    assert.equal(active?.[0]?.transactionStartOffset, 0)
    await producer.abort()
    const sizes = await s.admin.describeLogDirectories()
    assert.ok(sizes.some((one) => one.topic === topic && one.sizeBytes > 0))
  })
  scenario('rules are made, found by what they are about, and taken back', async (s) => {
    const topic = s.name('topic')
    const rule = { resourceType: 'topic', resourceName: topic, principal: 'User:bob' } as const
    const read = { ...rule, operation: 'read', pattern: 'literal', host: '*', permission: 'allow' } as const
    const write = {
      ...rule,
      operation: 'write',
      pattern: 'prefixed',
      host: '10.0.0.1',
      permission: 'deny',
    } as const
    await s.admin.createAcls([read, { ...write }])
    const found = async (filter: AclFilter): Promise<unknown> => {
      const rules = await s.admin.describeAcls({ resourceName: topic, ...filter })
      return [...rules].sort((a, b) => (a.operation < b.operation ? -1 : 1))
    }
    await s.until('both are known', async () => ((await found({})) as unknown[]).length === 2)
    assert.deepEqual(await found({}), [read, write])
    assert.deepEqual(await found({ permission: 'deny' }), [write])
    assert.deepEqual(await found({ principal: 'User:eve' }), [])
    assert.deepEqual(await s.admin.deleteAcls([{ resourceName: topic, operation: 'read' }]), [read])
    await s.until('one is gone', async () => ((await found({})) as unknown[]).length === 1)
    assert.deepEqual(await s.admin.deleteAcls([{ resourceName: topic }]), [write])
  })

  scenario('records are deleted up to an offset, or all of them', async (s) => {
    const topic = await s.topic(2)
    const producer = s.producer()
    for (let index = 0; index < 10; index++) {
      for (const partition of [0, 1]) void producer.send({ topic, partition, value: `${index}` })
    }
    await producer.flush()
    const left = await s.admin.deleteRecords([
      { topic, partition: 0, beforeOffset: 4 },
      { topic, partition: 1, beforeOffset: -1 },
    ])
    assert.deepEqual(Object.fromEntries(left), { [`${topic}/0`]: 4, [`${topic}/1`]: 10 })
    assert.deepEqual(
      (await s.readAll(topic)).map(({ partition, value }) => `${partition} ${text(value)}`),
      [4, 5, 6, 7, 8, 9].map((index) => `0 ${index}`),
    )
    await rejectsWith('MR_KAFKA', s.admin.deleteRecords([{ topic, partition: 0, beforeOffset: 99 }]))
  })

  scenario('what is only checked is not made, and what cannot be made says why', async (s) => {
    const topic = s.name('topic')
    await s.admin.createTopics([{ topic, partitions: 2 }], { validateOnly: true })
    await rejectsWith('MR_TOPIC_UNKNOWN', s.admin.describeTopics([topic]))
    const refusal = await refused(s.admin.createTopics([{ topic, replicationFactor: 99 }]))
    assert.equal(refusal.context['kafkaName'], 'INVALID_REPLICATION_FACTOR')
    assert.equal(refusal.context['topic'], topic)
    assert.match(refusal.hint ?? '', /brokers/)
  })

  scenario('configs of a broker say where they come from', async (s) => {
    const { brokers } = await s.admin.describeCluster()
    const resource = { type: 'broker', name: `${brokers[0]!.nodeId}` } as const
    const names = ['message.max.bytes', 'group.initial.rebalance.delay.ms']
    const [described] = await s.admin.describeConfigs([resource], { names, documentation: true })
    assert.deepEqual(described?.configs.map(({ name }) => name).sort(), [...names].sort())
    const size = described?.configs.find(({ name }) => name === 'message.max.bytes')
    assert.deepEqual([size?.value, size?.source, size?.sensitive], ['1048588', 'default', false])
    assert.ok((size?.documentation?.length ?? 0) > 10)
  })

  const ofBroker = scenario.needing('consumer groups')
  ofBroker('a group of the consumer protocol is described as one', async (s) => {
    const topic = await s.topic(2)
    const group = s.name('group')
    const consumer = s.consumer({
      group,
      protocol: 'consumer',
      groupInstanceId: 'one',
      serverAssignor: 'range',
    })
    await consumer.subscribe([topic])
    await s.poll('it has joined', consumer, () => consumer.assignment().length === 2)
    await s.until(
      'the group is stable',
      async () => (await s.admin.describeGroups([group]))[0]?.state === 'Stable',
    )
    const [described] = await s.admin.describeGroups([group])
    assert.deepEqual([described?.type, described?.assignor], ['consumer', 'range'])
    const [member] = described?.members ?? []
    assert.equal(member?.groupInstanceId, 'one')
    assert.equal(member?.memberId, consumer.groupMetadata().memberId)
    assert.deepEqual(member?.assignment.map(({ partition }) => partition).sort(), [0, 1])
    assert.equal((await s.admin.listGroups()).find((one) => one.group === group)?.type, 'consumer')
    await s.retire(consumer)
  })
}
