/**
 * DescribeQuorum (key 55), versions 0 to 2: describes the voters and observers of the metadata log (KIP-595).
 *
 * Flexible from the first version on.
 * v1  times of the last fetch and of the last catching up (KIP-836)
 * v2  error texts, directory ids, addresses (KIP-853)
 */
import { array, int16, int32, int64, string, struct, uint16, uuid } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

const replicaStateFields = {
  replicaId: int32(),
  replicaDirectoryId: uuid({ since: 2 }),
  logEndOffset: int64(),
  lastFetchTimestamp: int64({ since: 1, default: -1n, ignorable: true }),
  lastCaughtUpTimestamp: int64({ since: 1, default: -1n, ignorable: true }),
}

export const describeQuorum = defineApi({
  key: 55,
  name: 'DescribeQuorum',
  versions: [0, 2],
  flexibleFrom: 0,
  request: {
    topics: array(
      struct({
        topicName: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
          }),
        ),
      }),
    ),
  },
  response: {
    errorCode: int16(),
    errorMessage: string({ since: 2, nullable: true, ignorable: true }),
    topics: array(
      struct({
        topicName: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            errorMessage: string({ since: 2, nullable: true, ignorable: true }),
            leaderId: int32(),
            leaderEpoch: int32(),
            highWatermark: int64(),
            currentVoters: array(struct(replicaStateFields)),
            observers: array(struct(replicaStateFields)),
          }),
        ),
      }),
    ),
    nodes: array(
      struct({
        nodeId: int32(),
        listeners: array(
          struct({
            name: string(),
            host: string(),
            port: uint16(),
          }),
        ),
      }),
      { since: 2 },
    ),
  },
})
