/**
 * A committed position in `__consumer_offsets`. Key types 0 and 1, which are the same; 1 is written.
 *
 * v1  a time after which the offset expires, written by old clients that gave a retention time
 * v3  leader epoch (KIP-320)
 * v4  flexible (KIP-915); topic id
 */
import { int32, int64, string, uuid } from '../schema/fields.ts'
import { defineMessage } from '../schema/message.ts'

export const offsetCommitKey = defineMessage({
  name: 'OffsetCommitKey',
  versions: [0, 1],
  flexibleFrom: 'never',
  fields: {
    group: string(),
    topic: string(),
    partition: int32(),
  },
})

export const offsetCommitValue = defineMessage({
  name: 'OffsetCommitValue',
  versions: [0, 4],
  flexibleFrom: 4,
  fields: {
    offset: int64(),
    leaderEpoch: int32({ since: 3, default: -1, ignorable: true }),
    metadata: string(),
    commitTimestamp: int64(),
    expireTimestamp: int64({ since: 1, until: 1, default: -1n, ignorable: true }),
    topicId: uuid({ since: 4, tag: 0, ignorable: true }),
  },
})
