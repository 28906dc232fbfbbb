/** Who may administer topics, settings, users, rules and quotas. */
import { alterClientQuotas } from '../../src/protocol/apis/alter-client-quotas.ts'
import { alterConfigs } from '../../src/protocol/apis/alter-configs.ts'
import { alterUserScramCredentials } from '../../src/protocol/apis/alter-user-scram-credentials.ts'
import { apiVersions } from '../../src/protocol/apis/api-versions.ts'
import { createAcls } from '../../src/protocol/apis/create-acls.ts'
import { createPartitions } from '../../src/protocol/apis/create-partitions.ts'
import { createTopics } from '../../src/protocol/apis/create-topics.ts'
import { deleteAcls } from '../../src/protocol/apis/delete-acls.ts'
import { deleteTopics } from '../../src/protocol/apis/delete-topics.ts'
import { describeAcls } from '../../src/protocol/apis/describe-acls.ts'
import { describeClientQuotas } from '../../src/protocol/apis/describe-client-quotas.ts'
import { describeCluster } from '../../src/protocol/apis/describe-cluster.ts'
import { describeConfigs } from '../../src/protocol/apis/describe-configs.ts'
import { describeLogDirs } from '../../src/protocol/apis/describe-log-dirs.ts'
import { describeUserScramCredentials } from '../../src/protocol/apis/describe-user-scram-credentials.ts'
import { electLeaders } from '../../src/protocol/apis/elect-leaders.ts'
import { incrementalAlterConfigs } from '../../src/protocol/apis/incremental-alter-configs.ts'
import { listConfigResources } from '../../src/protocol/apis/list-config-resources.ts'
import { listPartitionReassignments } from '../../src/protocol/apis/list-partition-reassignments.ts'
import { metadata } from '../../src/protocol/apis/metadata.ts'
import { saslAuthenticate } from '../../src/protocol/apis/sasl-authenticate.ts'
import { saslHandshake } from '../../src/protocol/apis/sasl-handshake.ts'
import { zeroUuid } from '../../src/protocol/schema/defaults.ts'
import { type RightsCase, rightsCase, type Step } from './rights-case.ts'

const clusterDenied = ['CLUSTER_AUTHORIZATION_FAILED'] as const
const topicDenied = ['TOPIC_AUTHORIZATION_FAILED'] as const
const fine = ['NONE'] as const

const TOPIC = 2
const bit = (operation: number): number => 1 << operation
const GROUP = 32

const clusterNeeds = (...rights: readonly string[]): readonly Step[] => [
  { rights: [], codes: clusterDenied },
  { rights, codes: fine },
]

const newTopic = (name: string) => ({
  topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
  timeoutMs: 5000,
})

const rule = {
  resourceType: TOPIC,
  resourceName: 'some',
  principal: 'User:somebody',
  host: '*',
  operation: 3,
  permissionType: 3,
}
const ruleFilter = {
  resourceTypeFilter: TOPIC,
  resourceNameFilter: 'some',
  principalFilter: 'User:somebody',
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}
const setting = { name: 'retention.ms', configOperation: 0, value: '100000' }

export const rightsOfAdmin: readonly RightsCase[] = [
  rightsCase(apiVersions, 'by anybody', () => ({ clientSoftwareName: 'test', clientSoftwareVersion: '1' }), [
    { rights: [], codes: fine },
  ]),
  rightsCase(saslHandshake, 'too early again', () => ({ mechanism: 'PLAIN' }), [
    { rights: [], codes: ['ILLEGAL_SASL_STATE'] },
  ]),
  rightsCase(saslAuthenticate, 'after the login', () => ({ authBytes: Buffer.alloc(0) }), [
    { rights: [], codes: ['ILLEGAL_SASL_STATE'] },
  ]),
  rightsCase(createTopics, 'by name', ({ missing }) => newTopic(missing), [
    { rights: ['write missing', 'alter cluster'], codes: topicDenied },
    { rights: ['create cluster'], codes: ['TOPIC_AUTHORIZATION_FAILED'] },
    { rights: ['create missing'], codes: ['TOPIC_AUTHORIZATION_FAILED'] },
    { rights: ['create missing', 'describeConfigs missing'], codes: fine },
  ]),
  rightsCase(createTopics, 'that is there', ({ topic }) => newTopic(topic), [
    { rights: ['describe topic'], codes: topicDenied },
    { rights: ['create topic'], codes: ['TOPIC_ALREADY_EXISTS'] },
  ]),
  rightsCase(
    deleteTopics,
    'by name',
    ({ topic }) => ({ topics: [{ name: topic, topicId: zeroUuid }], timeoutMs: 5000 }),
    [
      { rights: ['write topic'], codes: topicDenied },
      { rights: ['delete topic'], codes: fine },
    ],
  ),
  rightsCase(
    deleteTopics,
    'by a name that is not there',
    ({ missing }) => ({ topics: [{ name: missing, topicId: zeroUuid }], timeoutMs: 5000 }),
    [
      { rights: [], codes: topicDenied },
      { rights: ['delete missing'], codes: ['UNKNOWN_TOPIC_OR_PARTITION'] },
    ],
  ),
  rightsCase(
    deleteTopics,
    'by id',
    ({ topicId }) => ({ topics: [{ name: null, topicId }], timeoutMs: 5000 }),
    [
      { rights: [], codes: topicDenied, hides: ({ topic }) => topic },
      { rights: ['describe topic'], codes: topicDenied, sees: 'rights-' },
      { rights: ['delete topic'], codes: fine },
    ],
  ),
  rightsCase(
    createPartitions,
    'of a topic',
    ({ topic }) => ({
      topics: [{ name: topic, count: 2, assignments: null }],
      timeoutMs: 5000,
      validateOnly: false,
    }),
    [
      { rights: ['create topic', 'write topic'], codes: topicDenied },
      { rights: ['alter topic'], codes: fine },
    ],
  ),
  rightsCase(
    describeConfigs,
    'of a topic',
    ({ topic }) => ({ resources: [{ resourceType: TOPIC, resourceName: topic, configurationKeys: null }] }),
    [
      { rights: ['describe topic'], codes: topicDenied },
      { rights: ['describeConfigs topic'], codes: fine },
      { rights: ['alterConfigs topic'], codes: fine },
    ],
  ),
  rightsCase(
    describeConfigs,
    'of the broker',
    () => ({ resources: [{ resourceType: 4, resourceName: '', configurationKeys: null }] }),
    clusterNeeds('describeConfigs cluster'),
  ),
  rightsCase(
    describeConfigs,
    'of a group',
    ({ group }) => ({ resources: [{ resourceType: GROUP, resourceName: group, configurationKeys: null }] }),
    [{ rights: ['describeConfigs cluster'], codes: ['GROUP_AUTHORIZATION_FAILED'] }],
  ),
  rightsCase(
    alterConfigs,
    'of a topic',
    ({ topic }) => ({
      resources: [
        { resourceType: TOPIC, resourceName: topic, configs: [{ name: 'retention.ms', value: '1000' }] },
      ],
      validateOnly: false,
    }),
    [
      { rights: ['alter topic', 'describeConfigs topic'], codes: topicDenied },
      { rights: ['alterConfigs topic'], codes: fine },
    ],
  ),
  rightsCase(
    incrementalAlterConfigs,
    'of a topic',
    ({ topic }) => ({
      resources: [{ resourceType: TOPIC, resourceName: topic, configs: [setting] }],
      validateOnly: false,
    }),
    [
      { rights: ['alter topic', 'describeConfigs topic'], codes: topicDenied },
      { rights: ['alterConfigs topic'], codes: fine },
    ],
  ),
  rightsCase(
    incrementalAlterConfigs,
    'of the broker',
    () => ({
      resources: [{ resourceType: 4, resourceName: '', configs: [{ ...setting, name: 'log.retention.ms' }] }],
      validateOnly: true,
    }),
    [
      { rights: ['alter cluster'], codes: clusterDenied },
      { rights: ['alterConfigs cluster'], codes: fine },
    ],
  ),
  rightsCase(
    incrementalAlterConfigs,
    'of a group',
    ({ group }) => ({
      resources: [{ resourceType: GROUP, resourceName: group, configs: [] }],
      validateOnly: true,
    }),
    [{ rights: ['alterConfigs cluster'], codes: ['GROUP_AUTHORIZATION_FAILED'] }],
  ),
  rightsCase(describeLogDirs, 'of the broker', () => ({ topics: null }), [
    { rights: ['describeConfigs cluster'], codes: clusterDenied },
    { rights: ['describe cluster'], codes: fine, sees: 'secret-topic' },
  ]),
  rightsCase(
    electLeaders,
    'of a topic',
    ({ topic }) => ({ electionType: 0, topicPartitions: [{ topic, partitions: [0] }], timeoutMs: 5000 }),
    [
      { rights: ['describe cluster'], codes: ['CLUSTER_AUTHORIZATION_FAILED'] },
      { rights: ['alter cluster'], codes: ['ELECTION_NOT_NEEDED'] },
    ],
  ),
  rightsCase(
    listPartitionReassignments,
    'of all',
    () => ({ timeoutMs: 5000, topics: null }),
    clusterNeeds('describe cluster'),
  ),
  rightsCase(describeCluster, 'by anybody', () => ({ includeClusterAuthorizedOperations: true }), [
    { rights: [], codes: fine, told: [0] },
    { rights: ['create cluster'], codes: fine, told: [0] },
    { rights: ['describe cluster', 'create cluster'], codes: fine, told: [bit(5) | bit(8)] },
    {
      rights: ['all cluster'],
      codes: fine,
      told: [[5, 7, 8, 9, 10, 11, 12].reduce((sum, at) => sum | bit(at), 0)],
    },
  ]),
  rightsCase(
    metadata,
    'with the rights',
    ({ topic }) => ({
      topics: [{ name: topic }],
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    }),
    [
      { rights: [], codes: topicDenied, told: [-0x8000_0000, 0] },
      { rights: ['write topic'], codes: fine, told: [bit(4) | bit(8), 0] },
      {
        rights: ['all topic', 'alter cluster'],
        codes: fine,
        told: [[3, 4, 5, 6, 7, 8, 10, 11].reduce((sum, at) => sum | bit(at), 0), bit(7) | bit(8)],
      },
    ],
    { version: 9 },
  ),
  rightsCase(listConfigResources, 'of all', () => ({ resourceTypes: [] }), [
    { rights: ['describe cluster'], codes: clusterDenied },
    { rights: ['describeConfigs cluster'], codes: fine, sees: 'secret-topic' },
  ]),
  rightsCase(describeAcls, 'of a topic', () => ruleFilter, clusterNeeds('describe cluster')),
  rightsCase(createAcls, 'for somebody', () => ({ creations: [rule] }), [
    { rights: ['describe cluster', 'create cluster'], codes: clusterDenied },
    { rights: ['alter cluster'], codes: fine },
  ]),
  rightsCase(deleteAcls, 'of somebody', () => ({ filters: [ruleFilter] }), [
    { rights: ['describe cluster', 'create cluster'], codes: clusterDenied },
    { rights: ['alter cluster'], codes: fine },
  ]),
  rightsCase(
    describeClientQuotas,
    'of users',
    () => ({ components: [{ entityType: 'user', matchType: 2, match: null }], strict: false }),
    clusterNeeds('describeConfigs cluster'),
  ),
  rightsCase(
    alterClientQuotas,
    'of a user',
    () => ({
      entries: [
        {
          entity: [{ entityType: 'user', entityName: 'somebody' }],
          ops: [{ key: 'producer_byte_rate', value: 1000, remove: false }],
        },
      ],
      validateOnly: true,
    }),
    [
      { rights: ['alter cluster', 'describeConfigs cluster'], codes: clusterDenied },
      { rights: ['alterConfigs cluster'], codes: fine },
    ],
  ),
  rightsCase(describeUserScramCredentials, 'of a user', () => ({ users: [{ name: 'nobody' }] }), [
    { rights: [], codes: clusterDenied },
    { rights: ['describe cluster'], codes: ['RESOURCE_NOT_FOUND'] },
  ]),
  rightsCase(
    alterUserScramCredentials,
    'of a user',
    () => ({ deletions: [{ name: 'nobody', mechanism: 1 }], upsertions: [] }),
    [
      { rights: ['describe cluster', 'alterConfigs cluster'], codes: clusterDenied },
      { rights: ['alter cluster'], codes: ['RESOURCE_NOT_FOUND'] },
    ],
  ),
]
