/** Spreads partitions over the members of a consumer group, on the server (KIP-848). */
import type { Assignment } from '../consumer-group.ts'

export interface AssignableMember {
  readonly id: string
  readonly instanceId: string | null
  /** Ids of the topics that the member reads, as hex text. */
  readonly topicIds: ReadonlySet<string>
  /** What it was to have so far. */
  readonly present: Assignment
}

export interface AssignmentInput {
  readonly members: readonly AssignableMember[]
  /** Partitions of each topic that anybody reads. */
  readonly partitionCounts: ReadonlyMap<string, number>
}

export interface GroupAssignor {
  readonly name: string
  /** What each member is to have; every partition of a topic goes to one of its readers. */
  assign(input: AssignmentInput): ReadonlyMap<string, Assignment>
}

/** Adds a partition to an assignment that is being made. */
export function give(to: Map<string, Set<number>>, topicId: string, partition: number): void {
  const partitions = to.get(topicId)
  if (partitions === undefined) to.set(topicId, new Set([partition]))
  else partitions.add(partition)
}
