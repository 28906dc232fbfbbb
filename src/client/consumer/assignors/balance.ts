/**
 * The common part of the sticky assignors: as balanced as the subscriptions allow, moving as little as possible.
 *
 * 1. Members keep what they held. Of two that claim the same partition, the one with the newer generation; neither,
 *    when it is the same (a claim that cannot be true).
 * 2. Partitions without an owner go to the member with the fewest among those subscribed to the topic.
 * 3. While some member has two more than another that could take one of them, it gives one over.
 * Members and partitions are taken in order, so that every leader computes the same.
 */
import { invariant } from '../../../core/invariant.ts'
import { partitionName, type TopicPartition } from '../../../core/record.ts'
import type { AssignorMember } from '../assignor.ts'

export interface Claim {
  readonly member: AssignorMember
  readonly partitions: readonly TopicPartition[]
  readonly generation: number
}

interface Holder {
  readonly memberId: string
  readonly topics: ReadonlySet<string>
  readonly held: Map<string, TopicPartition>
}

/** Partitions by member id. */
export function balance(
  claims: readonly Claim[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, TopicPartition[]> {
  const holders = claims.map(({ member }) => ({
    memberId: member.memberId,
    topics: new Set(member.topics),
    held: new Map<string, TopicPartition>(),
  }))
  const owners = keptOwners(claims, partitionCounts)
  const homeless: TopicPartition[] = []
  for (const [topic, count] of [...partitionCounts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (let partition = 0; partition < count; partition++) {
      const name = partitionName(topic, partition)
      const owner = owners.get(name)
      const holder = owner === undefined ? undefined : holders[owner]
      if (holder?.topics.has(topic)) holder.held.set(name, { topic, partition })
      else homeless.push({ topic, partition })
    }
  }
  for (const one of homeless) {
    const poorest = least(holders.filter(({ topics }) => topics.has(one.topic)))
    poorest?.held.set(partitionName(one.topic, one.partition), one)
  }
  evenOut(holders)
  return new Map(holders.map(({ memberId, held }) => [memberId, [...held.values()]]))
}

/** The index of the claim that each partition stays with. */
function keptOwners(
  claims: readonly Claim[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const best = new Map<
    string,
    { readonly claim: number; readonly generation: number; readonly unique: boolean }
  >()
  for (const [claim, { partitions, generation }] of claims.entries()) {
    for (const { topic, partition } of partitions) {
      if (partition >= (partitionCounts.get(topic) ?? 0)) continue
      const name = partitionName(topic, partition)
      const other = best.get(name)
      if (other === undefined || generation > other.generation)
        best.set(name, { claim, generation, unique: true })
      else if (generation === other.generation) best.set(name, { ...other, unique: false })
    }
  }
  return new Map([...best].filter(([, { unique }]) => unique).map(([name, { claim }]) => [name, claim]))
}

function evenOut(holders: readonly Holder[]): void {
  const moves = holders.reduce((sum, { held }) => sum + held.size, 0) * holders.length
  for (let move = 0; move <= moves; move++) {
    const step = nextMove(holders)
    if (step === undefined) return
    step.from.held.delete(step.name)
    step.to.held.set(step.name, step.partition)
  }
  invariant(false, 'evening out ends: each move makes the spread smaller')
}

/** A partition of the richest member that a member with at least two fewer can take. */
function nextMove(
  holders: readonly Holder[],
):
  | { readonly from: Holder; readonly to: Holder; readonly name: string; readonly partition: TopicPartition }
  | undefined {
  const richFirst = holders.toSorted((a, b) => b.held.size - a.held.size)
  for (const from of richFirst) {
    for (let index = richFirst.length - 1; index >= 0; index--) {
      const to = richFirst[index]!
      if (from.held.size - to.held.size < 2) break
      // The last that came is given away first: what was held longest stays.
      for (const [name, partition] of [...from.held].reverse()) {
        if (to.topics.has(partition.topic)) return { from, to, name, partition }
      }
    }
  }
  return undefined
}

function least(holders: readonly Holder[]): Holder | undefined {
  let found: Holder | undefined
  for (const holder of holders) if (found === undefined || holder.held.size < found.held.size) found = holder
  return found
}
