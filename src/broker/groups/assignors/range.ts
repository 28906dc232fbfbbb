/**
 * The assignor `range`: each topic on its own is cut into as many ranges as it has readers. Topics with as many
 * partitions are cut alike, so that one member has the same partitions of them, as joins want it.
 *
 * Readers are ordered by instance id where they have one, else by member id; the first ones get one more.
 */
import { type AssignableMember, type GroupAssignor, give } from './assignor.ts'

function byName(a: AssignableMember, b: AssignableMember): number {
  const [nameA, nameB] = [a.instanceId ?? a.id, b.instanceId ?? b.id]
  if (nameA !== nameB) return nameA < nameB ? -1 : 1
  return a.id < b.id ? -1 : 1
}

export const rangeAssignor: GroupAssignor = {
  name: 'range',
  assign({ members, partitionCounts }) {
    const assigned = new Map(members.map(({ id }) => [id, new Map<string, Set<number>>()]))
    const ordered = [...members].sort(byName)
    for (const [topicId, count] of partitionCounts) {
      const readers = ordered.filter(({ topicIds }) => topicIds.has(topicId))
      const least = Math.floor(count / readers.length)
      const more = count % readers.length
      let partition = 0
      readers.forEach(({ id }, i) => {
        const end = partition + least + (i < more ? 1 : 0)
        for (; partition < end; partition++) give(assigned.get(id)!, topicId, partition)
      })
    }
    return assigned
  },
}
