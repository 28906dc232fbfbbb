/**
 * OffsetForLeaderEpoch: v2–v4
 *
 * Behaviour: where a leader epoch ended, so that a consumer sees whether the log went back behind what it has read
 * (KIP-320). The epoch of a Millrace broker goes up with every start after an unclean end.
 */
import { offsetForLeaderEpoch } from '../../protocol/apis/offset-for-leader-epoch.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import { topicResource } from '../request-context.ts'
import { leaderEpochFault } from '../topics/leader-epoch.ts'
import type { Partition } from '../topics/partition.ts'
import { defineHandler } from './handler.ts'

type Wanted = RequestOf<typeof offsetForLeaderEpoch>['topics'][number]['partitions'][number]
type Found = ResponseInput<typeof offsetForLeaderEpoch>['topics'][number]['partitions'][number]

const refused = ({ partition }: Wanted, errorCode: number): Found => ({ partition, errorCode })

function find(partition: Partition, wanted: Wanted): Found {
  const fault = leaderEpochFault(partition, wanted.currentLeaderEpoch)
  if (fault !== undefined) return refused(wanted, fault)
  const { leaderEpoch, endOffset } = partition.log.epochEndOffset(wanted.leaderEpoch)
  const { partition: index } = wanted
  if (leaderEpoch < 0) return refused(wanted, ErrorCodes.NONE)
  return { partition: index, errorCode: ErrorCodes.NONE, leaderEpoch, endOffset: BigInt(endOffset) }
}

export const handler = defineHandler({
  api: offsetForLeaderEpoch,
  handle(broker, context, request) {
    const topics = request.topics.map(({ topic: name, partitions }) => {
      const allowed = context.authorize('describe', topicResource(name))
      const topic = broker.topics.find(name)
      return {
        topic: name,
        partitions: partitions.map((wanted) => {
          if (!allowed) return refused(wanted, ErrorCodes.TOPIC_AUTHORIZATION_FAILED)
          const partition = topic?.partition(wanted.partition)
          if (partition !== undefined) return find(partition, wanted)
          return refused(
            wanted,
            topic?.missingCode(wanted.partition) ?? ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION,
          )
        }),
      }
    })
    return { topics }
  },
})
