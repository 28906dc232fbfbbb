/**
 * `cooperative-sticky` (KIP-429): balanced, and members keep what they have while the group rebalances.
 *
 * A partition that goes to another member is not handed over in the round in which somebody still owns it: the owner
 * gives it up after this round and joins again, and the next round hands it over.
 */
import { partitionName } from '../../../core/record.ts'
import type { Assignor, AssignorInput, AssignorOutput } from '../assignor.ts'
import { balance } from './balance.ts'

function assign({ members, partitionCounts }: AssignorInput): ReadonlyMap<string, AssignorOutput> {
  const claims = members.map((member) => ({
    member,
    partitions: member.owned,
    generation: member.generation,
  }))
  const owners = new Map<string, Set<string>>()
  for (const { memberId, owned } of members) {
    for (const { topic, partition } of owned) {
      const name = partitionName(topic, partition)
      owners.set(name, (owners.get(name) ?? new Set()).add(memberId))
    }
  }
  const target = balance(claims, partitionCounts)
  const isFree = (name: string, memberId: string): boolean => {
    const present = owners.get(name)
    return present === undefined || (present.size === 1 && present.has(memberId))
  }
  return new Map(
    [...target].map(([memberId, partitions]) => [
      memberId,
      {
        partitions: partitions.filter(({ topic, partition }) =>
          isFree(partitionName(topic, partition), memberId),
        ),
      },
    ]),
  )
}

export const cooperativeStickyAssignor: Assignor = {
  name: 'cooperative-sticky',
  protocol: 'cooperative',
  assign,
}
