/** `roundrobin`: all partitions in a row are dealt out one by one to the members that are subscribed to their topic. */
import type { TopicPartition } from '../../../core/record.ts'
import type { Assignor, AssignorInput, AssignorOutput } from '../assignor.ts'

function assign({ members, partitionCounts }: AssignorInput): ReadonlyMap<string, AssignorOutput> {
  const target = new Map<string, TopicPartition[]>(members.map(({ memberId }) => [memberId, []]))
  let next = 0
  for (const [topic, count] of [...partitionCounts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!members.some(({ topics }) => topics.includes(topic))) continue
    for (let partition = 0; partition < count; partition++) {
      while (!members[next % members.length]!.topics.includes(topic)) next++
      target.get(members[next++ % members.length]!.memberId)?.push({ topic, partition })
    }
  }
  return new Map([...target].map(([memberId, partitions]) => [memberId, { partitions }]))
}

export const roundRobinAssignor: Assignor = { name: 'roundrobin', protocol: 'eager', assign }
