/**
 * How a member of a consumer group gets from what it has to what it should have (KIP-848).
 *
 * ```
 *              something to give up                 given up
 *   stable ───────────────────────────► revoking ─────────────► stable, waiting
 *      │  ▲
 *      │  │ the last one is free           some are held by others
 *      │  └───────────────────────────── waiting ◄───────────── stable, revoking
 * ```
 * A member first gives up what it should not have; only then does it move to the epoch of the target, and gets
 * what is free. Whatever others still hold it gets with a later heartbeat. So no partition has two readers.
 */
import {
  type Assignment,
  type ConsumerGroup,
  type ConsumerMember,
  nothingAssigned,
} from './consumer-group.ts'

/** Partitions by topic that are in `a` and, if `inside`, in `b`; if not, not in `b`. */
function select(a: Assignment, b: Assignment, inside: boolean): Assignment {
  const selected = new Map<string, ReadonlySet<number>>()
  for (const [topicId, partitions] of a) {
    const others = b.get(topicId)
    const kept = new Set([...partitions].filter((partition) => (others?.has(partition) === true) === inside))
    if (kept.size > 0) selected.set(topicId, kept)
  }
  return selected
}

function merge(a: Assignment, b: Assignment): Assignment {
  const merged = new Map(a)
  for (const [topicId, partitions] of b)
    merged.set(topicId, new Set([...(a.get(topicId) ?? []), ...partitions]))
  return merged
}

/** True when every partition of `a` is in `b`. */
export function isWithin(a: Assignment, b: Assignment): boolean {
  return select(a, b, false).size === 0
}

export function isSame(a: Assignment, b: Assignment): boolean {
  return isWithin(a, b) && isWithin(b, a)
}

/** Has the member given up all that it was to? `owned` is what it says it has; null for no news. */
function hasGivenUp(member: ConsumerMember, owned: Assignment | null): boolean {
  return owned !== null && select(member.revoking, owned, true).size === 0
}

/**
 * Takes the member as far as it can go now. Returns whether what it may read has changed.
 */
export function reconcile(group: ConsumerGroup, member: ConsumerMember, owned: Assignment | null): boolean {
  if (member.state === 'revoking') {
    if (!hasGivenUp(member, owned)) return false
    group.hold(member, { assigned: member.assigned, revoking: nothingAssigned })
  } else if (member.state === 'stable' && member.epoch === group.targetEpoch) return false
  const before = member.assigned
  advance(group, member, owned)
  return !isSame(before, member.assigned)
}

function advance(group: ConsumerGroup, member: ConsumerMember, owned: Assignment | null): void {
  const target = group.target.get(member.id) ?? nothingAssigned
  const kept = select(member.assigned, target, true)
  const surplus = select(member.assigned, target, false)
  // A member that says it does not have them has nothing to give up.
  const stillOwned = owned === null || select(surplus, owned, true).size > 0
  if (surplus.size > 0 && stillOwned) {
    group.hold(member, { assigned: kept, revoking: surplus })
    member.state = 'revoking'
    return
  }
  group.hold(member, { assigned: kept, revoking: nothingAssigned })
  const missing = select(target, kept, false)
  const free = freeOf(group, missing)
  group.hold(member, { assigned: merge(kept, free), revoking: nothingAssigned })
  if (member.epoch !== group.targetEpoch) {
    member.previousEpoch = member.epoch
    member.epoch = group.targetEpoch
  }
  member.state = isWithin(missing, free) ? 'stable' : 'waiting'
}

function freeOf(group: ConsumerGroup, wanted: Assignment): Assignment {
  const free = new Map<string, ReadonlySet<number>>()
  for (const [topicId, partitions] of wanted) {
    const unheld = new Set(
      [...partitions].filter((partition) => group.holderOf(topicId, partition) === undefined),
    )
    if (unheld.size > 0) free.set(topicId, unheld)
  }
  return free
}
