/**
 * Metadata (key 3), versions 0 to 13: lists brokers, topics and partition leaders.
 *
 * v0  an empty list of topics means all of them
 * v1  null means all topics, empty none; racks, controller, internal topics
 * v2  cluster id
 * v3  throttle time
 * v4  auto creation can be switched off
 * v5  offline replicas
 * v7  leader epochs (KIP-320)
 * v8  authorized operations on request (KIP-430)
 * v9  flexible
 * v10 topic ids in the answer (KIP-516)
 * v11 cluster operations moved to DescribeCluster (KIP-700)
 * v12 topics can be asked for by id
 * v13 an error for the whole answer (KIP-1102)
 */
import { array, bool, int16, int32, string, struct, uuid } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const metadata = defineApi({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexibleFrom: 9,
  request: {
    topics: array(
      struct({
        topicId: uuid({ since: 10, ignorable: true }),
        name: string({ nullableSince: 10 }),
      }),
      { nullableSince: 1 },
    ),
    allowAutoTopicCreation: bool({ since: 4, default: true }),
    includeClusterAuthorizedOperations: bool({ since: 8, until: 10 }),
    includeTopicAuthorizedOperations: bool({ since: 8 }),
  },
  response: {
    throttleTimeMs: int32({ since: 3, default: 0, ignorable: true }),
    brokers: array(
      struct({
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ since: 1, nullable: true, default: null, ignorable: true }),
      }),
    ),
    clusterId: string({ since: 2, nullable: true, default: null, ignorable: true }),
    controllerId: int32({ since: 1, default: -1, ignorable: true }),
    topics: array(
      struct({
        errorCode: int16(),
        name: string({ nullableSince: 12 }),
        topicId: uuid({ since: 10, ignorable: true }),
        isInternal: bool({ since: 1, default: false, ignorable: true }),
        partitions: array(
          struct({
            errorCode: int16(),
            partitionIndex: int32(),
            leaderId: int32(),
            leaderEpoch: int32({ since: 7, default: -1, ignorable: true }),
            replicaNodes: array(int32()),
            isrNodes: array(int32()),
            offlineReplicas: array(int32(), { since: 5, ignorable: true }),
          }),
        ),
        topicAuthorizedOperations: int32({ since: 8, default: -0x8000_0000 }),
      }),
    ),
    clusterAuthorizedOperations: int32({ since: 8, until: 10, default: -0x8000_0000 }),
    errorCode: int16({ since: 13, ignorable: true }),
  },
})
