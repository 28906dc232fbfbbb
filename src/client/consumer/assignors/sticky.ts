/**
 * `sticky`: balanced, and members get back what they had before, in the eager protocol.
 *
 * Members give everything up before they join, so what they had travels in the user data of the subscription, in the
 * form of Java's assignor: a list of topics with partitions, then the generation.
 */
import type { TopicPartition } from '../../../core/record.ts'
import { decodeMessage, encodeMessage } from '../../../protocol/codec/message.ts'
import { array, int32, string, struct } from '../../../protocol/schema/fields.ts'
import { defineMessage } from '../../../protocol/schema/message.ts'
import type { Assignor, AssignorMember } from '../assignor.ts'
import { balance, type Claim } from './balance.ts'

const stickyUserData = defineMessage({
  name: 'StickyAssignorUserData',
  versions: [0, 1],
  flexibleFrom: 'never',
  fields: {
    previousAssignment: array(struct({ topic: string(), partitions: array(int32()) })),
    generation: int32({ since: 1, default: -1, ignorable: true }),
  },
})

/** Remembers what its member had: each consumer needs one of its own. */
export function stickyAssignor(): Assignor {
  let held: readonly TopicPartition[] = []
  let generation = -1
  return {
    name: 'sticky',
    protocol: 'eager',
    metadata() {
      const topics = Map.groupBy(held, ({ topic }) => topic)
      return encodeMessage(stickyUserData, 1, {
        previousAssignment: [...topics].map(([topic, list]) => ({
          topic,
          partitions: list.map(({ partition }) => partition),
        })),
        generation,
      })
    },
    assign({ members, partitionCounts }) {
      const target = balance(members.map(claimOf), partitionCounts)
      return new Map([...target].map(([memberId, partitions]) => [memberId, { partitions }]))
    },
    onAssignment(assignment) {
      held = assignment.partitions
      generation = assignment.generation
    },
  }
}

function claimOf(member: AssignorMember): Claim {
  if (member.userData.length === 0) return { member, partitions: member.owned, generation: member.generation }
  const data = decodeUserData(member.userData)
  const partitions = data.previousAssignment.flatMap(({ topic, partitions: list }) =>
    list.map((partition) => ({ topic, partition })),
  )
  return { member, partitions, generation: data.generation }
}

/** A member of before version 1 does not tell its generation, and the bytes do not tell their version. */
function decodeUserData(bytes: Buffer): ReturnType<typeof decodeMessage<typeof stickyUserData>> {
  try {
    return decodeMessage(stickyUserData, 1, bytes)
  } catch {
    return decodeMessage(stickyUserData, 0, bytes)
  }
}
