/**
 * DescribeLogDirs (key 35), versions 1 to 5: describes the log directories of a broker and what they hold.
 *
 * v2  flexible
 * v3  an error for the whole answer
 * v4  total and usable bytes (KIP-827)
 * v5  cordoned directories (KIP-1066)
 */
import { array, bool, int16, int32, int64, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const describeLogDirs = defineApi({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 5],
  flexibleFrom: 2,
  request: {
    topics: array(
      struct({
        topic: string(),
        partitions: array(int32()),
      }),
      { nullable: true },
    ),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ since: 3, ignorable: true }),
    results: array(
      struct({
        errorCode: int16(),
        logDir: string(),
        topics: array(
          struct({
            name: string(),
            partitions: array(
              struct({
                partitionIndex: int32(),
                partitionSize: int64(),
                offsetLag: int64(),
                isFutureKey: bool(),
              }),
            ),
          }),
        ),
        totalBytes: int64({ since: 4, default: -1n, ignorable: true }),
        usableBytes: int64({ since: 4, default: -1n, ignorable: true }),
        isCordoned: bool({ since: 5, default: false, ignorable: true }),
      }),
    ),
  },
})
