/** Who commits: a member of a group in a generation. A commit of an older generation is refused, which fences it. */
export interface GroupMetadata {
  readonly group: string
  /** The generation, or the member epoch of KIP-848; -1 outside of a group. */
  readonly generation: number
  /** Empty outside of a group. */
  readonly memberId: string
  readonly groupInstanceId: string | null
}

/** A position to commit. */
export interface OffsetToCommit {
  readonly topic: string
  readonly partition: number
  /** The next record to read. */
  readonly offset: number
  readonly metadata?: string
  readonly leaderEpoch?: number
}

/** Positions by topic, as requests have them. */
export function offsetsByTopic(offsets: readonly OffsetToCommit[]): ReadonlyMap<string, OffsetToCommit[]> {
  const topics = new Map<string, OffsetToCommit[]>()
  for (const one of offsets) {
    const known = topics.get(one.topic)
    if (known === undefined) topics.set(one.topic, [one])
    else known.push(one)
  }
  return topics
}
