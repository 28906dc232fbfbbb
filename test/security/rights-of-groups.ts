/** Who may be in a group, and see and change what it has read. */
import { consumerGroupDescribe } from '../../src/protocol/apis/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from '../../src/protocol/apis/consumer-group-heartbeat.ts'
import { deleteGroups } from '../../src/protocol/apis/delete-groups.ts'
import { describeGroups } from '../../src/protocol/apis/describe-groups.ts'
import { findCoordinator } from '../../src/protocol/apis/find-coordinator.ts'
import { heartbeat } from '../../src/protocol/apis/heartbeat.ts'
import { joinGroup } from '../../src/protocol/apis/join-group.ts'
import { leaveGroup } from '../../src/protocol/apis/leave-group.ts'
import { listGroups } from '../../src/protocol/apis/list-groups.ts'
import { offsetCommit } from '../../src/protocol/apis/offset-commit.ts'
import { offsetDelete } from '../../src/protocol/apis/offset-delete.ts'
import { offsetFetch } from '../../src/protocol/apis/offset-fetch.ts'
import { syncGroup } from '../../src/protocol/apis/sync-group.ts'
import { type RightsCase, rightsCase, type Scene, SECRET_GROUP } from './rights-case.ts'

const groupDenied = ['GROUP_AUTHORIZATION_FAILED'] as const
const topicDenied = ['TOPIC_AUTHORIZATION_FAILED'] as const
const fine = ['NONE'] as const

const commit = (groupId: string, name: string) => ({
  groupId,
  generationIdOrMemberEpoch: -1,
  memberId: '',
  topics: [
    {
      name,
      partitions: [
        { partitionIndex: 0, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: '' },
      ],
    },
  ],
})

/** The group has an offset of the topic. */
const committed = ({ admin, group, topic }: Scene) =>
  admin(offsetCommit, commit(group, topic), { version: 8 })

/** A group of the consumer protocol with one member, which reads the topic. */
const JOIN_ATTEMPTS = 100

/** A member that has been given the topic: a coordinator may learn of a new topic a moment later. */
const joined = async ({ admin, group, topic, pause }: Scene): Promise<void> => {
  for (let attempt = 1; attempt <= JOIN_ATTEMPTS; attempt++) {
    const { assignment } = await admin(consumerGroupHeartbeat, beat(group, [topic]))
    if (assignment !== null && assignment.topicPartitions.length > 0) return
    await pause()
  }
  throw new Error(`the member of ${group} was given nothing`)
}

const beat = (groupId: string, subscribedTopicNames: readonly string[]) => ({
  groupId,
  memberId: 'AAAAAAAAAAAAAAAAAAAAAA',
  memberEpoch: 0,
  rebalanceTimeoutMs: 5000,
  subscribedTopicNames,
  topicPartitions: [],
})

/** What a field for rights has that were not asked for, or may not be told. */
const NOT_TOLD = -0x8000_0000
const bit = (operation: number): number => 1 << operation

const member = { generationId: 1, memberId: 'nobody' }

export const rightsOfGroups: readonly RightsCase[] = [
  rightsCase(findCoordinator, 'of a group', ({ group }) => ({ keyType: 0, coordinatorKeys: [group] }), [
    { rights: [], codes: groupDenied },
    { rights: ['describe group'], codes: fine },
    { rights: ['read group'], codes: fine },
  ]),
  rightsCase(
    findCoordinator,
    'of a transactional id',
    ({ txn }) => ({ keyType: 1, coordinatorKeys: [txn] }),
    [
      { rights: [], codes: ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED'] },
      { rights: ['describe txn'], codes: fine },
      { rights: ['write txn'], codes: fine },
    ],
  ),
  rightsCase(
    joinGroup,
    'as a new member',
    ({ group }) => ({
      groupId: group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    }),
    [
      { rights: ['describe group'], codes: groupDenied },
      { rights: ['read group'], codes: ['MEMBER_ID_REQUIRED'] },
    ],
  ),
  rightsCase(heartbeat, 'of a member', ({ group }) => ({ groupId: group, ...member }), [
    { rights: ['describe group'], codes: groupDenied },
    { rights: ['read group'], codes: ['UNKNOWN_MEMBER_ID'] },
  ]),
  rightsCase(
    syncGroup,
    'of a member',
    ({ group }) => ({ groupId: group, ...member, assignments: [] }),
    [
      { rights: ['describe group'], codes: groupDenied },
      { rights: ['read group'], codes: ['UNKNOWN_MEMBER_ID'] },
    ],
    { version: 4 },
  ),
  rightsCase(
    leaveGroup,
    'of a member',
    ({ group }) => ({ groupId: group, members: [{ memberId: 'nobody' }] }),
    [
      { rights: ['describe group'], codes: groupDenied },
      { rights: ['read group'], codes: ['UNKNOWN_MEMBER_ID'] },
    ],
  ),
  rightsCase(
    offsetCommit,
    'of a group',
    ({ group, topic }) => commit(group, topic),
    [
      { rights: ['read topic'], codes: groupDenied },
      { rights: ['read group'], codes: topicDenied },
      { rights: ['read group', 'describe topic'], codes: topicDenied },
      { rights: ['read group', 'read topic'], codes: fine },
    ],
    { version: 9 },
  ),
  rightsCase(
    offsetCommit,
    'of a topic that is not there',
    ({ group, missing }) => commit(group, missing),
    [
      { rights: ['read group'], codes: topicDenied },
      { rights: ['read group', 'read missing'], codes: ['UNKNOWN_TOPIC_OR_PARTITION'] },
    ],
    { version: 9 },
  ),
  rightsCase(
    offsetCommit,
    'of a topic by id',
    ({ group, topic, topicId }) => {
      const { topics, ...rest } = commit(group, topic)
      return { ...rest, topics: topics.map(({ partitions }) => ({ topicId, partitions })) }
    },
    [
      { rights: ['read topic'], codes: groupDenied },
      { rights: ['read group'], codes: topicDenied, hides: ({ topic }) => topic },
      { rights: ['read group', 'read topic'], codes: fine },
    ],
    { version: 10 },
  ),
  rightsCase(
    offsetCommit,
    'of an id that is not there',
    ({ group, topic }) => {
      const { topics, ...rest } = commit(group, topic)
      return {
        ...rest,
        topics: topics.map(({ partitions }) => ({ topicId: Buffer.alloc(16, 7), partitions })),
      }
    },
    [
      { rights: [], codes: groupDenied },
      { rights: ['read group'], codes: ['UNKNOWN_TOPIC_ID'] },
    ],
    { version: 10 },
  ),
  rightsCase(
    offsetFetch,
    'of topics by name',
    ({ group, topic }) => ({
      groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }],
      requireStable: false,
    }),
    [
      { rights: ['read topic'], codes: groupDenied },
      { rights: ['read group'], codes: ['TOPIC_AUTHORIZATION_FAILED'] },
      { rights: ['describe group', 'describe topic'], codes: fine },
    ],
    { version: 9, before: committed },
  ),
  rightsCase(
    offsetFetch,
    'of all topics',
    ({ group }) => ({ groups: [{ groupId: group, topics: null }], requireStable: false }),
    [
      { rights: [], codes: groupDenied, hides: ({ topic }) => topic },
      { rights: ['describe group'], codes: fine, hides: ({ topic }) => topic },
      { rights: ['describe group', 'describe topic'], codes: fine, sees: 'rights-' },
    ],
    { version: 9, before: committed },
  ),
  rightsCase(
    offsetDelete,
    'of a group',
    ({ group, topic }) => ({
      groupId: group,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }],
    }),
    [
      { rights: ['read group', 'read topic'], codes: groupDenied },
      { rights: ['delete group'], codes: ['TOPIC_AUTHORIZATION_FAILED'] },
      { rights: ['delete group', 'read topic'], codes: fine },
    ],
    { before: committed },
  ),
  rightsCase(
    deleteGroups,
    'by name',
    ({ group }) => ({ groupsNames: [group] }),
    [
      { rights: ['read group'], codes: groupDenied },
      { rights: ['delete group'], codes: fine },
    ],
    { before: committed },
  ),
  rightsCase(
    describeGroups,
    'by name',
    ({ group }) => ({ groups: [group] }),
    [
      { rights: [], codes: groupDenied },
      { rights: ['describe group'], codes: fine },
      { rights: ['delete group'], codes: fine },
    ],
    { version: 5 },
  ),
  rightsCase(
    describeGroups,
    'with the rights',
    ({ group }) => ({ groups: [group], includeAuthorizedOperations: true }),
    [
      { rights: [], codes: groupDenied, told: [NOT_TOLD] },
      { rights: ['describe group'], codes: fine, told: [bit(8)] },
      {
        rights: ['read group', 'alterConfigs group'],
        codes: fine,
        told: [bit(3) | bit(8) | bit(10) | bit(11)],
      },
    ],
    { version: 5, before: committed },
  ),
  rightsCase(listGroups, 'of all', () => ({ statesFilter: [] }), [
    { rights: [], codes: fine },
    { rights: ['describe secret-group'], codes: fine, sees: SECRET_GROUP },
    { rights: ['describe cluster'], codes: fine, sees: SECRET_GROUP },
  ]),
  rightsCase(consumerGroupHeartbeat, 'of a new member', ({ group, topic }) => beat(group, [topic]), [
    { rights: ['describe group', 'read topic'], codes: groupDenied },
    { rights: ['read group'], codes: topicDenied },
    { rights: ['read group', 'describe topic'], codes: fine },
  ]),
  rightsCase(
    consumerGroupHeartbeat,
    'of a member that reads what fits a pattern',
    ({ group }) => ({ ...beat(group, []), subscribedTopicNames: null, subscribedTopicRegex: 'secret-.*' }),
    [
      { rights: [], codes: groupDenied },
      { rights: ['read group'], codes: fine },
    ],
  ),
  rightsCase(
    consumerGroupDescribe,
    'by name',
    ({ group }) => ({ groupIds: [group], includeAuthorizedOperations: false }),
    [
      { rights: [], codes: groupDenied },
      { rights: ['describe group'], codes: topicDenied, hides: ({ topic }) => topic },
      { rights: ['describe group', 'describe topic'], codes: fine },
    ],
    { before: joined },
  ),
]
