/**
 * The assignor `uniform`: members get as many partitions as each other, as far as what they read allows, and keep
 * what they have as far as that allows.
 *
 * 1. Members keep partitions that they had and still read.
 * 2. Partitions without a member go to the reader that has fewest.
 * 3. While a partition can go from one member to another that then still has fewer, it goes.
 * Each step of 3 makes the loads more even, so it ends; with equal subscriptions loads differ by one at most.
 */
import { type AssignableMember, type AssignmentInput, type GroupAssignor, give } from './assignor.ts'

interface Load {
  readonly member: AssignableMember
  readonly partitions: Map<string, Set<number>>
  count: number
}

function keepPresent(
  loads: readonly Load[],
  { partitionCounts }: AssignmentInput,
): ReadonlyMap<string, Set<number>> {
  const taken = new Map<string, Set<number>>()
  for (const load of loads) {
    for (const [topicId, partitions] of load.member.present) {
      const count = load.member.topicIds.has(topicId) ? (partitionCounts.get(topicId) ?? 0) : 0
      for (const partition of partitions) {
        if (partition >= count || taken.get(topicId)?.has(partition) === true) continue
        give(taken, topicId, partition)
        give(load.partitions, topicId, partition)
        load.count++
      }
    }
  }
  return taken
}

function leastOf(readers: readonly Load[]): Load {
  return readers.reduce((least, load) => (load.count < least.count ? load : least))
}

function move(from: Load, to: Load, topicId: string, partition: number): void {
  const partitions = from.partitions.get(topicId)!
  partitions.delete(partition)
  if (partitions.size === 0) from.partitions.delete(topicId)
  from.count--
  give(to.partitions, topicId, partition)
  to.count++
}

/** One pass over all partitions; returns whether any moved. */
function even(loads: readonly Load[], readersOf: ReadonlyMap<string, readonly Load[]>): boolean {
  let moved = false
  for (const load of loads) {
    for (const [topicId, partitions] of [...load.partitions]) {
      for (const partition of [...partitions].reverse()) {
        const least = leastOf(readersOf.get(topicId)!)
        if (least.count + 1 >= load.count) break
        move(load, least, topicId, partition)
        moved = true
      }
    }
  }
  return moved
}

export const uniformAssignor: GroupAssignor = {
  name: 'uniform',
  assign(input) {
    const loads: Load[] = input.members.map((member) => ({ member, partitions: new Map(), count: 0 }))
    const readersOf = new Map<string, readonly Load[]>()
    for (const topicId of input.partitionCounts.keys()) {
      readersOf.set(
        topicId,
        loads.filter(({ member }) => member.topicIds.has(topicId)),
      )
    }
    const taken = keepPresent(loads, input)
    // Topics with few readers first: the others can still make up for them.
    const topics = [...input.partitionCounts].sort(
      ([a], [b]) => readersOf.get(a)!.length - readersOf.get(b)!.length,
    )
    for (const [topicId, count] of topics) {
      const readers = readersOf.get(topicId)!
      for (let partition = 0; partition < count && readers.length > 0; partition++) {
        if (taken.get(topicId)?.has(partition) === true) continue
        const least = leastOf(readers)
        give(least.partitions, topicId, partition)
        least.count++
      }
    }
    let goOn = true
    while (goOn) goOn = even(loads, readersOf)
    return new Map(loads.map(({ member, partitions }) => [member.id, partitions]))
  },
}
