/** The bytes in this file were written by Kafka 4.3.1's own coordinators for the same values. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeVersioned, encodeVersioned, versionOf } from '../codec/message.ts'
import type { AnyMessage } from '../schema/message.ts'
import * as consumer from './consumer-group.ts'
import { groupMetadataKey, groupMetadataValue } from './group-metadata.ts'
import { offsetCommitKey, offsetCommitValue } from './offset-commit.ts'
import { groupRecords, transactionRecords } from './register.ts'
import { transactionLogKey, transactionLogValue } from './transaction-log.ts'

const topicId = Buffer.from('01020304050607081112131415161718', 'hex')

const commit = { offset: 9n, leaderEpoch: 2, metadata: 'md', commitTimestamp: 1000n, topicId }
const commitV0 = { offset: 9n, metadata: 'md', commitTimestamp: 1000n }

const group = {
  protocolType: 'consumer',
  generation: 4,
  protocol: 'range',
  leader: null,
  currentStateTimestamp: 5n,
  members: [
    {
      memberId: 'm',
      groupInstanceId: 'i',
      clientId: 'c',
      clientHost: '/h',
      rebalanceTimeout: 60_000,
      sessionTimeout: 30_000,
      subscription: Buffer.from([1, 2]),
      assignment: Buffer.from([3]),
    },
  ],
}

const transaction = {
  producerId: 7n,
  producerEpoch: 2,
  transactionTimeoutMs: 60_000,
  transactionStatus: 1,
  transactionPartitions: [{ topic: 't', partitionIds: [0, 1] }],
  transactionLastUpdateTimestampMs: 11n,
  transactionStartTimestampMs: 10n,
}
const transactionV1 = {
  ...transaction,
  previousProducerId: 5n,
  nextProducerId: 8n,
  nextProducerEpoch: 3,
  clientTransactionVersion: 2,
}

const consumerMember = {
  instanceId: null,
  rackId: null,
  clientId: 'c',
  clientHost: '/h',
  subscribedTopicNames: ['t'],
  subscribedTopicRegex: null,
  rebalanceTimeoutMs: 45_000,
  serverAssignor: 'uniform',
  classicMemberMetadata: {
    sessionTimeoutMs: 1,
    supportedProtocols: [{ name: 'range', metadata: Buffer.from([9]) }],
  },
}

const currentAssignment = {
  memberEpoch: 2,
  previousMemberEpoch: 1,
  state: 0,
  assignedPartitions: [{ topicId, partitions: [0, 2], assignmentEpochs: [1, 2] }],
  partitionsPendingRevocation: [],
}

const vectors: readonly (readonly [message: AnyMessage, version: number, value: object, hex: string])[] = [
  [offsetCommitKey, 1, { group: 'g', topic: 't', partition: 3 }, '000100016700017400000003'],
  [offsetCommitValue, 0, commitV0, '0000000000000000000900026d6400000000000003e8'],
  [
    offsetCommitValue,
    1,
    { ...commitV0, expireTimestamp: 2000n },
    '0001000000000000000900026d6400000000000003e800000000000007d0',
  ],
  [offsetCommitValue, 2, commitV0, '0002000000000000000900026d6400000000000003e8'],
  [offsetCommitValue, 3, commit, '000300000000000000090000000200026d6400000000000003e8'],
  [
    offsetCommitValue,
    4,
    commit,
    '0004000000000000000900000002036d6400000000000003e801001001020304050607081112131415161718',
  ],
  [groupMetadataKey, 2, { group: 'g' }, '0002000167'],
  [
    groupMetadataValue,
    0,
    group,
    '00000008636f6e73756d657200000004000572616e6765ffff0000000100016d00016300022f68000075300000000201020000000103',
  ],
  [
    groupMetadataValue,
    1,
    group,
    '00010008636f6e73756d657200000004000572616e6765ffff0000000100016d00016300022f680000ea60' +
      '000075300000000201020000000103',
  ],
  [
    groupMetadataValue,
    3,
    group,
    '00030008636f6e73756d657200000004000572616e6765ffff00000000000000050000000100016d00016900016300022f68' +
      '0000ea60000075300000000201020000000103',
  ],
  [
    groupMetadataValue,
    4,
    group,
    '000409636f6e73756d6572000000040672616e676500000000000000000502026d02690263032f680000ea6000007530' +
      '03010202030000',
  ],
  [transactionLogKey, 0, { transactionalId: 'tx' }, '000000027478'],
  [
    transactionLogValue,
    0,
    transaction,
    '0000000000000000000700020000ea600100000001000174000000020000000000000001000000000000000b000000000000000a',
  ],
  [
    transactionLogValue,
    1,
    transactionV1,
    '0001000000000000000700020000ea600102027403000000000000000100000000000000000b000000000000000a' +
      '0400080000000000000005010800000000000000080202000203020003',
  ],
  [consumer.consumerGroupMemberMetadataKey, 5, { groupId: 'g', memberId: 'm' }, '000500016700016d'],
  [
    consumer.consumerGroupRegularExpressionKey,
    16,
    { groupId: 'g', regularExpression: 'a.*' },
    '00100001670003612e2a',
  ],
  [
    consumer.consumerGroupMemberMetadataValue,
    0,
    consumerMember,
    '000000000263032f68020274000000afc808756e69666f726d0100100100000001020672616e676502090000',
  ],
  [
    consumer.consumerGroupCurrentMemberAssignmentValue,
    0,
    currentAssignment,
    '000000000002000000010002010203040506070811121314151617180300000000000000020100090300000001000000020100',
  ],
  [
    consumer.consumerGroupMetadataValue,
    0,
    { epoch: 3, metadataHash: 77n },
    '000000000003010008000000000000004d',
  ],
  [
    consumer.consumerGroupTargetAssignmentMetadataValue,
    0,
    { assignmentEpoch: 3, assignmentTimestamp: 5n },
    '0000000000030100080000000000000005',
  ],
  [
    consumer.consumerGroupTargetAssignmentMemberValue,
    0,
    { topicPartitions: [{ topicId, partitions: [1] }] },
    '0000020102030405060708111213141516171802000000010000',
  ],
  [
    consumer.consumerGroupRegularExpressionValue,
    0,
    { topics: ['t'], version: 2n, timestamp: 3n },
    '00000202740000000000000002000000000000000300',
  ],
]

describe('coordinator records', () => {
  for (const [message, version, value, hex] of vectors) {
    it(`${message.name} v${version} has the bytes that Kafka writes, and is read back`, () => {
      const bytes = encodeVersioned(message, version, value as never)
      assert.equal(bytes.toString('hex'), hex)
      const read = decodeVersioned(message, bytes) as Record<string, unknown>
      assert.deepEqual(encodeVersioned(message, version, read as never), bytes)
    })
  }

  it('are found by the type in front of their key', () => {
    const key = encodeVersioned(offsetCommitKey, 1, { group: 'g', topic: 't', partition: 3 })
    const record = groupRecords.find(({ type }) => type === versionOf(key))
    assert.equal(record?.value, offsetCommitValue)
    for (const { type, key: message } of [...groupRecords, ...transactionRecords]) {
      assert.ok(type >= message.versions[0] && type <= message.versions[1], message.name)
    }
  })

  it('drop what an old version has no place for, when the table says so', () => {
    const read = decodeVersioned(offsetCommitValue, encodeVersioned(offsetCommitValue, 0, commit))
    assert.equal(read.leaderEpoch, -1)
    assert.throws(
      () => encodeVersioned(transactionLogValue, 0, transactionV1),
      /no field "previousProducerId"/,
    )
  })
})
