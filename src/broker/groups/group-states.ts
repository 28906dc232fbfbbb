/**
 * The states of a classic consumer group.
 *
 * ```
 *                 join / leave / expiry             all members joined
 *   ┌─────────┐ ───────────────────► ┌─────────────┐ ───────────► ┌──────────────┐
 *   │  Empty  │                      │  Preparing  │              │  Completing  │
 *   │         │ ◄─────────────────── │  Rebalance  │ ◄─────────── │  Rebalance   │
 *   └─────────┘   nobody joined      └─────────────┘  join/leave  └──────────────┘
 *        │                                  ▲                            │ leader's assignment
 *        │ deleted, or                      │ join / leave / expiry      ▼
 *        │ offsets expired                  │                     ┌──────────────┐
 *        ▼                                  └──────────────────── │    Stable    │
 *   ┌─────────┐                                                   └──────────────┘
 *   │  Dead   │   (a group of any state dies when it is replaced by one of the consumer protocol)
 *   └─────────┘
 * ```
 * Invariants: the generation goes up exactly with `generation` and `emptied` (rebalance.ts); members wait for a
 * JoinGroup answer only in PreparingRebalance and for a SyncGroup answer only in CompletingRebalance
 * (assignment.ts); an Empty group has no members (membership.ts); a Dead group is in no register
 * (group-coordinator.ts).
 */
import { invariant } from '../../core/invariant.ts'

/** The names are those that clients see. */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

export type GroupEvent =
  /** Members or their metadata changed: all have to join again. */
  | 'rebalance'
  /** The join phase ended with members: a new generation begins. */
  | 'generation'
  /** The join phase ended without members. */
  | 'emptied'
  /** The leader handed in the assignment. */
  | 'assignment'
  /** The group was deleted, expired, or replaced. */
  | 'removal'

const impossible = undefined

export const groupTransitions: Readonly<
  Record<GroupState, Readonly<Record<GroupEvent, GroupState | undefined>>>
> = {
  Empty: {
    rebalance: 'PreparingRebalance',
    generation: impossible,
    emptied: impossible,
    assignment: impossible,
    removal: 'Dead',
  },
  PreparingRebalance: {
    rebalance: impossible,
    generation: 'CompletingRebalance',
    emptied: 'Empty',
    assignment: impossible,
    removal: 'Dead',
  },
  CompletingRebalance: {
    rebalance: 'PreparingRebalance',
    generation: impossible,
    emptied: impossible,
    assignment: 'Stable',
    removal: 'Dead',
  },
  Stable: {
    rebalance: 'PreparingRebalance',
    generation: impossible,
    emptied: impossible,
    assignment: impossible,
    removal: 'Dead',
  },
  Dead: {
    rebalance: impossible,
    generation: impossible,
    emptied: impossible,
    assignment: impossible,
    removal: impossible,
  },
}

/** The state after `event`. */
export function nextGroupState(state: GroupState, event: GroupEvent): GroupState {
  const next = groupTransitions[state][event]
  invariant(next !== undefined, `a group that is ${state} does not see "${event}"`)
  return next
}
