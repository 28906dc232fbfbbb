/** Who may read and write records, and see topics. */
import { addOffsetsToTxn } from '../../src/protocol/apis/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../src/protocol/apis/add-partitions-to-txn.ts'
import { deleteRecords } from '../../src/protocol/apis/delete-records.ts'
import { describeProducers } from '../../src/protocol/apis/describe-producers.ts'
import { describeTopicPartitions } from '../../src/protocol/apis/describe-topic-partitions.ts'
import { describeTransactions } from '../../src/protocol/apis/describe-transactions.ts'
import { endTxn } from '../../src/protocol/apis/end-txn.ts'
import { fetch } from '../../src/protocol/apis/fetch.ts'
import { initProducerId } from '../../src/protocol/apis/init-producer-id.ts'
import { listOffsets } from '../../src/protocol/apis/list-offsets.ts'
import { listTransactions } from '../../src/protocol/apis/list-transactions.ts'
import { metadata } from '../../src/protocol/apis/metadata.ts'
import { offsetForLeaderEpoch } from '../../src/protocol/apis/offset-for-leader-epoch.ts'
import { produce } from '../../src/protocol/apis/produce.ts'
import { txnOffsetCommit } from '../../src/protocol/apis/txn-offset-commit.ts'
import { RecordBatchBuilder } from '../../src/protocol/record-batch/record-batch-builder.ts'
import { type RightsCase, rightsCase, type Scene, SECRET_TOPIC, type Step } from './rights-case.ts'

function batch(transactional = false): Buffer {
  const builder = new RecordBatchBuilder({})
  builder.append(1_767_225_600_000, null, Buffer.from('a'))
  return builder.seal(
    transactional ? { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional } : {},
  )
}

const topicDenied = ['TOPIC_AUTHORIZATION_FAILED'] as const
const txnDenied = ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED'] as const
const fine = ['NONE'] as const

/** Nothing without the right, whether the topic is there or not; then what the right gives. */
const needs = (...rights: readonly string[]): readonly Step[] => [
  { rights: [], codes: topicDenied },
  { rights, codes: fine },
]

const put = (topic: { name?: string; topicId?: Buffer }, transactionalId: string | null = null) => ({
  transactionalId,
  acks: -1,
  timeoutMs: 5000,
  topicData: [{ ...topic, partitionData: [{ index: 0, records: batch(transactionalId !== null) }] }],
})

const get = (topic: { topic?: string; topicId?: Buffer }) => ({
  maxWaitMs: 0,
  minBytes: 0,
  sessionEpoch: -1,
  topics: [{ ...topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
})

const newProducer = (transactionalId: string | null) => ({ transactionalId, transactionTimeoutMs: 1000 })
const initialize = ({ admin, txn }: Scene) => admin(initProducerId, newProducer(txn))

const partitionsOf = (names: readonly string[], scene: Scene) => ({
  v3AndBelowTransactionalId: scene.txn,
  v3AndBelowProducerId: 1n,
  v3AndBelowProducerEpoch: 0,
  v3AndBelowTopics: names.map((name) => ({ name, partitions: [0] })),
})

export const rightsOfRecords: readonly RightsCase[] = [
  rightsCase(produce, 'by name', ({ topic }) => put({ name: topic }), needs('write topic'), { version: 12 }),
  rightsCase(produce, 'by id', ({ topicId }) => put({ topicId }), needs('write topic'), { version: 13 }),
  rightsCase(
    produce,
    'to a topic that is not there',
    ({ missing }) => put({ name: missing }),
    [
      { rights: [], codes: topicDenied },
      { rights: ['write missing'], codes: ['UNKNOWN_TOPIC_OR_PARTITION'] },
    ],
    { version: 12 },
  ),
  rightsCase(
    produce,
    'in a transaction',
    ({ topic, txn }) => put({ name: topic }, txn),
    [
      { rights: [], codes: txnDenied },
      { rights: ['write topic'], codes: txnDenied },
      { rights: ['write txn'], codes: topicDenied },
    ],
    { version: 9 },
  ),
  rightsCase(fetch, 'by name', ({ topic }) => get({ topic }), needs('read topic'), { version: 12 }),
  rightsCase(fetch, 'by id', ({ topicId }) => get({ topicId }), needs('read topic')),
  rightsCase(
    fetch,
    'a topic that is not there',
    ({ missing }) => get({ topic: missing }),
    [
      { rights: [], codes: topicDenied },
      { rights: ['read missing'], codes: ['UNKNOWN_TOPIC_OR_PARTITION'] },
    ],
    { version: 12 },
  ),
  rightsCase(fetch, 'with rights that do not help', ({ topicId }) => get({ topicId }), [
    { rights: ['write topic', 'describe topic', 'read group'], codes: topicDenied },
  ]),
  rightsCase(
    listOffsets,
    'of a topic',
    ({ topic }) => ({
      replicaId: -1,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
    }),
    [
      ...needs('describe topic'),
      { rights: ['read topic'], codes: fine },
      { rights: ['alterConfigs topic'], codes: topicDenied },
    ],
  ),
  rightsCase(
    listOffsets,
    'of a topic that is not there',
    ({ missing }) => ({
      replicaId: -1,
      topics: [{ name: missing, partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
    }),
    [
      { rights: [], codes: topicDenied },
      { rights: ['describe missing'], codes: ['UNKNOWN_TOPIC_OR_PARTITION'] },
    ],
  ),
  rightsCase(
    metadata,
    'of a topic by name',
    ({ topic }) => ({ topics: [{ name: topic }], allowAutoTopicCreation: false }),
    [
      ...needs('describe topic'),
      { rights: ['write topic'], codes: fine },
      { rights: ['delete topic'], codes: fine },
      { rights: ['create topic'], codes: topicDenied },
    ],
    { version: 12 },
  ),
  rightsCase(
    metadata,
    'of a topic by id',
    ({ topicId }) => ({ topics: [{ topicId, name: null }], allowAutoTopicCreation: false }),
    [
      { rights: [], codes: topicDenied, hides: ({ topic }) => topic },
      { rights: ['describe topic'], codes: fine },
    ],
    { version: 12 },
  ),
  rightsCase(
    metadata,
    'of a topic that is not there, and is not made without the right',
    ({ missing }) => ({ topics: [{ name: missing }], allowAutoTopicCreation: true }),
    [
      { rights: [], codes: topicDenied },
      { rights: ['describe missing'], codes: topicDenied },
    ],
    { version: 12 },
  ),
  rightsCase(
    metadata,
    'of all topics',
    () => ({ topics: null, allowAutoTopicCreation: false }),
    [
      { rights: [], codes: fine },
      { rights: ['describe secret-topic'], codes: fine, sees: SECRET_TOPIC },
    ],
    { version: 8 },
  ),
  rightsCase(
    describeTopicPartitions,
    'of a topic',
    ({ topic }) => ({ topics: [{ name: topic }] }),
    needs('describe topic'),
  ),
  rightsCase(describeTopicPartitions, 'of all topics', () => ({ topics: [] }), [
    { rights: [], codes: fine },
    { rights: ['describe secret-topic'], codes: fine, sees: SECRET_TOPIC },
  ]),
  rightsCase(
    offsetForLeaderEpoch,
    'of a topic',
    ({ topic }) => ({
      replicaId: -1,
      topics: [{ topic, partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] }],
    }),
    needs('describe topic'),
  ),
  rightsCase(
    deleteRecords,
    'of a topic',
    ({ topic }) => ({
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: 0n }] }],
      timeoutMs: 5000,
    }),
    needs('delete topic'),
  ),
  rightsCase(
    describeProducers,
    'of a topic',
    ({ topic }) => ({ topics: [{ name: topic, partitionIndexes: [0] }] }),
    needs('read topic'),
  ),
  rightsCase(initProducerId, 'without a transaction', () => newProducer(null), [
    { rights: [], codes: ['CLUSTER_AUTHORIZATION_FAILED'] },
    { rights: ['read topic'], codes: ['CLUSTER_AUTHORIZATION_FAILED'] },
    { rights: ['idempotentWrite cluster'], codes: fine },
    { rights: ['write missing'], codes: fine },
  ]),
  rightsCase(initProducerId, 'for transactions', ({ txn }) => newProducer(txn), [
    { rights: ['idempotentWrite cluster'], codes: txnDenied },
    { rights: ['describe txn'], codes: txnDenied },
    { rights: ['write txn'], codes: fine },
  ]),
  rightsCase(
    addPartitionsToTxn,
    'of a producer',
    (scene) => partitionsOf([scene.topic], scene),
    [
      { rights: [], codes: txnDenied },
      { rights: ['write topic'], codes: txnDenied },
      { rights: ['write txn'], codes: topicDenied },
      { rights: ['write txn', 'write topic'], codes: ['INVALID_PRODUCER_ID_MAPPING'] },
    ],
    { version: 3 },
  ),
  rightsCase(
    addPartitionsToTxn,
    'of a producer, some of which it may not write to',
    (scene) => partitionsOf([scene.topic, scene.missing], scene),
    [
      {
        rights: ['write txn', 'write topic'],
        codes: ['OPERATION_NOT_ATTEMPTED', 'TOPIC_AUTHORIZATION_FAILED'],
      },
    ],
    { version: 3 },
  ),
  rightsCase(
    addPartitionsToTxn,
    'of a broker',
    () => ({ transactions: [] }),
    [{ rights: ['write txn', 'write topic'], codes: ['CLUSTER_AUTHORIZATION_FAILED'] }],
    { version: 4 },
  ),
  rightsCase(
    addOffsetsToTxn,
    'of a group',
    ({ group, txn }) => ({ transactionalId: txn, producerId: 1n, producerEpoch: 0, groupId: group }),
    [
      { rights: [], codes: txnDenied },
      { rights: ['write txn'], codes: ['GROUP_AUTHORIZATION_FAILED'] },
      { rights: ['write txn', 'read group'], codes: ['INVALID_PRODUCER_ID_MAPPING'] },
    ],
  ),
  rightsCase(
    endTxn,
    'of a producer',
    ({ txn }) => ({ transactionalId: txn, producerId: 1n, producerEpoch: 0, committed: true }),
    [
      { rights: ['describe txn'], codes: txnDenied },
      { rights: ['write txn'], codes: ['INVALID_PRODUCER_ID_MAPPING'] },
    ],
    { version: 3 },
  ),
  rightsCase(
    txnOffsetCommit,
    'of a producer',
    ({ group, topic, txn }) => ({
      transactionalId: txn,
      groupId: group,
      producerId: 1n,
      producerEpoch: 0,
      generationId: -1,
      memberId: '',
      topics: [
        {
          name: topic,
          partitions: [
            { partitionIndex: 0, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: '' },
          ],
        },
      ],
    }),
    [
      { rights: ['read group', 'read topic'], codes: txnDenied },
      { rights: ['write txn', 'read topic'], codes: ['GROUP_AUTHORIZATION_FAILED'] },
      { rights: ['write txn', 'read group'], codes: topicDenied },
    ],
    { version: 3 },
  ),
  rightsCase(
    describeTransactions,
    'by id',
    ({ txn }) => ({ transactionalIds: [txn] }),
    [
      { rights: [], codes: txnDenied },
      { rights: ['describe txn'], codes: fine },
      { rights: ['write txn'], codes: fine },
    ],
    { before: initialize },
  ),
  rightsCase(describeTransactions, 'that do not exist', ({ txn }) => ({ transactionalIds: [txn] }), [
    { rights: [], codes: txnDenied },
    { rights: ['describe txn'], codes: ['TRANSACTIONAL_ID_NOT_FOUND'] },
  ]),
  rightsCase(
    listTransactions,
    'of all producers',
    () => ({ stateFilters: [], producerIdFilters: [] }),
    [{ rights: [], codes: fine, hides: ({ txn }) => txn }],
    { before: initialize },
  ),
]
