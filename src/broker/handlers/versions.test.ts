/** Every version of every API that is served can be asked and answered: no field is missing or has no place. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import type { AnyApi } from '../../protocol/schema/message.ts'
import { batchOf, TestBroker } from '../broker-fixture.ts'
import { handlers } from './register.ts'

const TOPIC = 'clicks'
const OTHER = 'missing'
const unknownId = Buffer.alloc(16, 7)

interface Scene {
  readonly topicId: Buffer
  readonly memberId: string
}

type Fields = Record<string, unknown>

/** Topics by name or by id. */
const named = (version: number, idsFrom: number, { topicId }: Scene, rest: Fields, key = 'name'): Fields[] =>
  version >= idsFrom
    ? [
        { topicId, ...rest },
        { topicId: unknownId, ...rest },
      ]
    : [
        { [key]: TOPIC, ...rest },
        { [key]: OTHER, ...rest },
      ]

/** One request that leads to answers with all their parts, by API. */
const requests: Readonly<Record<string, (version: number, scene: Scene) => Fields>> = {
  Produce: (version, scene) => ({
    acks: -1,
    timeoutMs: 1000,
    topicData: named(version, 13, scene, {
      partitionData: [
        { index: 0, records: batchOf(['a']) },
        { index: 9, records: batchOf(['a']) },
      ],
    }),
  }),
  Fetch: (version, scene) => ({
    maxWaitMs: 0,
    minBytes: 0,
    isolationLevel: 1,
    topics: named(
      version,
      13,
      scene,
      {
        partitions: [
          { partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 },
          { partition: 0, fetchOffset: 99n, partitionMaxBytes: 1000 },
          { partition: 9, fetchOffset: 0n, partitionMaxBytes: 1000 },
        ],
      },
      'topic',
    ),
  }),
  ListOffsets: (version) => ({
    replicaId: -1,
    isolationLevel: version >= 2 ? 1 : 0,
    topics: [TOPIC, OTHER].map((name) => ({
      name,
      partitions: [-1n, -2n, -3n, -4n, -5n, -6n, 0n].map((timestamp) => ({ partitionIndex: 0, timestamp })),
    })),
  }),
  Metadata: (version) => ({
    topics: version === 0 ? [] : [{ name: TOPIC }, { name: OTHER }, { name: 'bad name' }],
    ...(version >= 4 && { allowAutoTopicCreation: false }),
    ...(version >= 8 && { includeTopicAuthorizedOperations: true }),
    ...(version >= 8 && version <= 10 && { includeClusterAuthorizedOperations: true }),
  }),
  OffsetCommit: (version, scene) => ({
    groupId: 'simple',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    topics: named(version, 10, scene, {
      partitions: [{ partitionIndex: 0, committedOffset: 5n, committedMetadata: 'm' }],
    }),
  }),
  OffsetFetch: (version, scene) => {
    const topics = named(version, 10, scene, { partitionIndexes: [0, 1] })
    return version >= 8
      ? {
          groups: [
            { groupId: 'simple', topics },
            { groupId: 'simple', topics: null },
            { groupId: '', topics },
          ],
        }
      : { groupId: 'simple', topics }
  },
  FindCoordinator: (version) =>
    version >= 4
      ? { keyType: 0, coordinatorKeys: ['a', 'b'] }
      : { key: 'a', ...(version >= 1 && { keyType: 1 }) },
  JoinGroup: () => ({
    groupId: 'joining',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  }),
  Heartbeat: (_, { memberId }) => ({ groupId: 'g', generationId: 1, memberId }),
  LeaveGroup: (version) =>
    version >= 3
      ? { groupId: 'g', members: [{ memberId: 'nobody' }, { memberId: '', groupInstanceId: 'i' }] }
      : { groupId: 'g', memberId: 'nobody' },
  SyncGroup: (version, { memberId }) => ({
    groupId: 'g',
    generationId: 1,
    memberId,
    ...(version >= 5 && { protocolType: 'consumer', protocolName: 'range' }),
    assignments: [{ memberId, assignment: Buffer.from('x') }],
  }),
  DescribeGroups: (version) => ({
    groups: ['g', 'nobody'],
    includeAuthorizedOperations: version >= 3,
  }),
  ListGroups: (version) => ({
    ...(version >= 4 && { statesFilter: ['stable', 'Empty'] }),
    ...(version >= 5 && { typesFilter: ['Classic'] }),
  }),
  ApiVersions: () => ({ clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }),
  CreateTopics: (version) => ({
    topics: [
      {
        name: `made-${version}`,
        numPartitions: 2,
        replicationFactor: 1,
        assignments: [],
        configs: [{ name: 'retention.ms', value: '1000' }],
      },
      { name: TOPIC, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] },
      { name: 'many', numPartitions: 1, replicationFactor: 3, assignments: [], configs: [] },
    ],
  }),
  DeleteTopics: (version) => ({
    timeoutMs: 1000,
    ...(version >= 6
      ? { topics: [{ name: `made-${version}` }, { name: OTHER }, { name: null, topicId: unknownId }] }
      : { topicNames: [`made-${version}`, OTHER] }),
  }),
  InitProducerId: (version) => ({ transactionalId: `tx-${version}`, transactionTimeoutMs: 1000 }),
  AddPartitionsToTxn: (version) => {
    const topics = [{ name: TOPIC, partitions: [0] }]
    return version >= 4
      ? { transactions: [{ transactionalId: 'tx', producerId: 99n, producerEpoch: 0, topics }] }
      : {
          v3AndBelowTransactionalId: 'tx',
          v3AndBelowProducerId: 99n,
          v3AndBelowProducerEpoch: 0,
          v3AndBelowTopics: topics,
        }
  },
  AddOffsetsToTxn: () => ({ transactionalId: 'tx', producerId: 99n, producerEpoch: 0, groupId: 'g' }),
  EndTxn: () => ({ transactionalId: 'tx', producerId: 99n, producerEpoch: 0, committed: true }),
  TxnOffsetCommit: () => ({
    transactionalId: 'tx',
    groupId: 'g',
    producerId: 99n,
    producerEpoch: 0,
    topics: [
      { name: TOPIC, partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }] },
    ],
  }),
  CreatePartitions: (version) => ({
    topics: [
      { name: TOPIC, count: 5 + version, assignments: null },
      { name: OTHER, count: 2, assignments: null },
    ],
    timeoutMs: 1000,
    validateOnly: false,
  }),
  DeleteGroups: () => ({ groupsNames: ['g', 'nobody'] }),
  DeleteRecords: () => ({
    timeoutMs: 1000,
    topics: [TOPIC, OTHER].map((name) => ({ name, partitions: [{ partitionIndex: 0, offset: 0n }] })),
  }),
  OffsetForLeaderEpoch: () => ({
    topics: [TOPIC, OTHER].map((topic) => ({
      topic,
      partitions: [
        { partition: 0, leaderEpoch: 0 },
        { partition: 0, currentLeaderEpoch: 7, leaderEpoch: 0 },
      ],
    })),
  }),
  DescribeConfigs: (version) => ({
    resources: [
      { resourceType: 2, resourceName: TOPIC, configurationKeys: null },
      { resourceType: 2, resourceName: OTHER, configurationKeys: [] },
      { resourceType: 4, resourceName: '1', configurationKeys: null },
      { resourceType: 4, resourceName: '', configurationKeys: null },
      { resourceType: 8, resourceName: '1', configurationKeys: null },
    ],
    includeSynonyms: true,
    ...(version >= 3 && { includeDocumentation: true }),
  }),
  AlterConfigs: () => ({
    resources: [
      { resourceType: 2, resourceName: TOPIC, configs: [{ name: 'retention.ms', value: '5000' }] },
      { resourceType: 4, resourceName: '1', configs: [{ name: 'no.such', value: '1' }] },
    ],
    validateOnly: false,
  }),
  IncrementalAlterConfigs: () => ({
    resources: [
      {
        resourceType: 2,
        resourceName: TOPIC,
        configs: [{ name: 'cleanup.policy', configOperation: 2, value: 'compact' }],
      },
    ],
    validateOnly: true,
  }),
  DescribeLogDirs: () => ({ topics: null }),
  ElectLeaders: (version) => ({
    ...(version >= 1 && { electionType: 0 }),
    topicPartitions: [{ topic: TOPIC, partitions: [0, 9] }],
  }),
  ListPartitionReassignments: () => ({ topics: null }),
  DescribeCluster: (version) => ({
    includeClusterAuthorizedOperations: true,
    ...(version >= 1 && { endpointType: 1 }),
    ...(version >= 2 && { includeFencedBrokers: true }),
  }),
  DescribeProducers: () => ({ topics: [{ name: TOPIC, partitionIndexes: [0, 9] }] }),
  DescribeTransactions: () => ({ transactionalIds: ['nobody'] }),
  ListTransactions: (version) => ({
    stateFilters: ['Ongoing', 'Nonsense'],
    producerIdFilters: [],
    ...(version >= 1 && { durationFilter: 1n }),
    ...(version >= 2 && { transactionalIdPattern: 'tx.*' }),
  }),
  ConsumerGroupHeartbeat: (version) => ({
    groupId: `new-${version}`,
    memberId: version >= 1 ? 'me' : '',
    memberEpoch: 0,
    rebalanceTimeoutMs: 1000,
    subscribedTopicNames: [TOPIC],
    topicPartitions: [],
    ...(version >= 1 && { subscribedTopicRegex: 'cl.*' }),
  }),
  ConsumerGroupDescribe: (version) => ({
    groupIds: [`new-${version}`, 'g', 'nobody'],
    includeAuthorizedOperations: true,
  }),
  GetTelemetrySubscriptions: () => ({ clientInstanceId: zeroUuid }),
  PushTelemetry: () => ({
    clientInstanceId: zeroUuid,
    subscriptionId: 0,
    terminating: false,
    compressionType: 0,
    metrics: Buffer.alloc(0),
  }),
  ListConfigResources: (version) => (version >= 1 ? { resourceTypes: [2, 4] } : {}),
  DescribeTopicPartitions: () => ({ topics: [{ name: TOPIC }, { name: OTHER }], responsePartitionLimit: 1 }),
  SaslHandshake: () => ({ mechanism: 'PLAIN' }),
  SaslAuthenticate: () => ({ authBytes: Buffer.from('x') }),
  DescribeAcls: () => ({
    resourceTypeFilter: 1,
    resourceNameFilter: null,
    patternTypeFilter: 1,
    principalFilter: null,
    hostFilter: null,
    operation: 1,
    permissionType: 1,
  }),
  CreateAcls: () => ({
    creations: [
      {
        resourceType: 2,
        resourceName: TOPIC,
        principal: 'User:a',
        host: '*',
        operation: 3,
        permissionType: 3,
      },
    ],
  }),
  DeleteAcls: () => ({
    filters: [
      {
        resourceTypeFilter: 2,
        resourceNameFilter: TOPIC,
        principalFilter: null,
        hostFilter: null,
        operation: 1,
        permissionType: 1,
      },
    ],
  }),
  DescribeClientQuotas: () => ({
    components: [{ entityType: 'user', matchType: 2, match: null }],
    strict: false,
  }),
  AlterClientQuotas: () => ({
    entries: [
      {
        entity: [{ entityType: 'user', entityName: 'a' }],
        ops: [{ key: 'producer_byte_rate', value: 1000, remove: false }],
      },
    ],
    validateOnly: false,
  }),
  DescribeUserScramCredentials: () => ({ users: null }),
  AlterUserScramCredentials: () => ({
    deletions: [{ name: 'nobody', mechanism: 1 }],
    upsertions: [
      {
        name: 'a',
        mechanism: 2,
        iterations: 4096,
        salt: Buffer.from('salt'),
        saltedPassword: Buffer.alloc(64, 1),
      },
    ],
  }),
  OffsetDelete: () => ({ groupId: 'simple', topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0 }] }] }),
}

async function openScene(): Promise<{ broker: TestBroker; scene: Scene }> {
  const broker = await TestBroker.open()
  const find = (name: string): AnyApi => handlers.find(({ api }) => api.name === name)!.api
  const created = (await broker.send(find('CreateTopics'), {
    topics: [{ name: TOPIC, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
  } as never)) as unknown as { topics: { topicId: Buffer }[] }
  const joined = (await broker.send(
    find('JoinGroup'),
    { ...requests['JoinGroup']!(3, { topicId: zeroUuid, memberId: '' }), groupId: 'g' } as never,
    { version: 3 },
  )) as unknown as { memberId: string }
  return { broker, scene: { topicId: created.topics[0]!.topicId, memberId: joined.memberId } }
}

test('every API that is served has a request in this test', () => {
  assert.deepEqual(handlers.map(({ api }) => api.name).sort(), Object.keys(requests).sort())
})

test('handlers stand in the order of their keys, each once', () => {
  const keys = handlers.map(({ api }) => api.key)
  assert.deepEqual(
    keys,
    [...new Set(keys)].sort((a, b) => a - b),
  )
})

for (const { api, versions } of handlers) {
  test(`${api.name} is answered in all versions from ${versions[0]} to ${versions[1]}`, async () => {
    const { broker, scene } = await openScene()
    for (let version = versions[0]; version <= versions[1]; version++) {
      const request = requests[api.name]!(version, scene)
      const answer = await broker.send(api, request as never, { version })
      assert.equal(typeof answer, 'object', `v${version}`)
    }
    await broker.close()
  })
}
