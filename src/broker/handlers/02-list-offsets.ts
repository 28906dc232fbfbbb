/**
 * ListOffsets: v1–v11
 *
 * Behaviour: the first offset (-2), the end (-1), the offset of the largest timestamp (-3), or the first record
 * at or after a timestamp. With `read_committed` the end is the last stable offset, and a timestamp beyond it
 * finds nothing.
 *
 * Version notes
 * v4     leader epochs (KIP-320)
 * v7     -3 (KIP-734)
 * v8     -4, the first local offset: all offsets are local (KIP-405)
 * v9     -5, the last tiered offset: there is none (KIP-1005)
 * v11    -6, the first offset to be tiered: there is none (KIP-1023)
 *
 * Not supported: tiered storage.
 */
import type { TimestampOffset } from '../../log/log-types.ts'
import { listOffsets } from '../../protocol/apis/list-offsets.ts'
import { ErrorCodes, kafkaCodeOf } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import { topicResource } from '../request-context.ts'
import { leaderEpochFault } from '../topics/leader-epoch.ts'
import type { Partition } from '../topics/partition.ts'
import { defineHandler } from './handler.ts'

type Wanted = RequestOf<typeof listOffsets>['topics'][number]['partitions'][number]
type Found = ResponseInput<typeof listOffsets>['topics'][number]['partitions'][number]

const END = -1n
const START = -2n
const MAX_TIMESTAMP = -3n
const LOCAL_START = -4n
const TIERED_END = -5n
const TIERED_NEXT = -6n
const READ_COMMITTED = 1
const EPOCHS_FROM_VERSION = 4
/** The version that a special timestamp came with. */
const sinceVersion: ReadonlyMap<bigint, number> = new Map([
  [MAX_TIMESTAMP, 7],
  [LOCAL_START, 8],
  [TIERED_END, 9],
  [TIERED_NEXT, 11],
])

function answer(
  wanted: Wanted,
  code: number,
  found?: { offset: number; timestampMs: number; leaderEpoch: number },
): Found {
  return {
    partitionIndex: wanted.partitionIndex,
    errorCode: code,
    timestamp: BigInt(found?.timestampMs ?? -1),
    offset: BigInt(found?.offset ?? -1),
    leaderEpoch: found?.leaderEpoch ?? -1,
  }
}

function lookUp(partition: Partition, timestamp: bigint, committed: boolean): TimestampOffset | undefined {
  const { log, leaderEpoch } = partition
  const at = (offset: number): TimestampOffset => ({ offset, timestampMs: -1, leaderEpoch })
  const end = committed ? log.lastStableOffset : log.highWatermark
  switch (timestamp) {
    case END:
      return at(end)
    case START:
    case LOCAL_START:
      return at(log.logStartOffset)
    case TIERED_END:
    case TIERED_NEXT:
      return undefined
    default: {
      const found =
        timestamp === MAX_TIMESTAMP ? log.offsetForMaxTimestamp() : log.offsetForTimestamp(Number(timestamp))
      return found !== undefined && found.offset < end ? found : undefined
    }
  }
}

function find(partition: Partition, wanted: Wanted, version: number, committed: boolean): Found {
  const fault = leaderEpochFault(partition, wanted.currentLeaderEpoch)
  if (fault !== undefined) return answer(wanted, fault)
  const { timestamp } = wanted
  if (timestamp < TIERED_NEXT || version < (sinceVersion.get(timestamp) ?? 0)) {
    return answer(wanted, ErrorCodes.UNSUPPORTED_VERSION)
  }
  try {
    return answer(wanted, ErrorCodes.NONE, lookUp(partition, timestamp, committed))
  } catch (error) {
    return answer(wanted, kafkaCodeOf(error))
  }
}

/** Earlier versions have no place for the leader epoch. */
function told(found: Found, version: number): Found {
  return version < EPOCHS_FROM_VERSION ? { ...found, leaderEpoch: -1 } : found
}

export const handler = defineHandler({
  api: listOffsets,
  handle(broker, context, request) {
    const committed = request.isolationLevel === READ_COMMITTED
    const topics = request.topics.map(({ name, partitions }) => {
      const topic = broker.topics.find(name)
      const allowed = context.authorize('describe', topicResource(name))
      return {
        name,
        partitions: partitions.map((wanted) => {
          if (!allowed) return answer(wanted, ErrorCodes.TOPIC_AUTHORIZATION_FAILED)
          const partition = topic?.partition(wanted.partitionIndex)
          return partition === undefined
            ? answer(
                wanted,
                topic?.missingCode(wanted.partitionIndex) ?? ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION,
              )
            : told(find(partition, wanted, context.version, committed), context.version)
        }),
      }
    })
    return { topics }
  },
})
