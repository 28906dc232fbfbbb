/**
 * `range`: per topic, neighbouring partitions go to each member, the first members getting one more where it does not
 * divide. Topics with as many partitions each are spread alike, so that partition n of all of them meets in one member.
 */
import type { TopicPartition } from '../../../core/record.ts'
import type { Assignor, AssignorInput, AssignorOutput } from '../assignor.ts'

function assign({ members, partitionCounts }: AssignorInput): ReadonlyMap<string, AssignorOutput> {
  const target = new Map<string, TopicPartition[]>(members.map(({ memberId }) => [memberId, []]))
  for (const [topic, count] of partitionCounts) {
    const subscribed = members.filter(({ topics }) => topics.includes(topic))
    if (subscribed.length === 0) continue
    const each = Math.floor(count / subscribed.length)
    const more = count % subscribed.length
    let next = 0
    for (const [index, { memberId }] of subscribed.entries()) {
      const share = each + (index < more ? 1 : 0)
      for (let end = next + share; next < end; next++) target.get(memberId)?.push({ topic, partition: next })
    }
  }
  return new Map([...target].map(([memberId, partitions]) => [memberId, { partitions }]))
}

export const rangeAssignor: Assignor = { name: 'range', protocol: 'eager', assign }
