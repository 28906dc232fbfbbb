/**
 * The states of a member of a classic consumer group, as a total table.
 *
 * ```
 *   unjoined ──join──▶ preparing ──prepared──▶ joining ──joined──▶ syncing ──synced──▶ assigning ──assigned──▶ stable
 *      ▲                   │                      │                   │                    │                    │
 *      └───────────────────┴──── lost, rebalance ─┴───────────────────┴──────── lost ──────┴── rebalance, lost ─┘
 *   every state ──leave──▶ left      every state but left ──fail──▶ failed
 * ```
 * `preparing` waits for the caller's poll to give up partitions before the member joins (eager protocol, or when it
 * has lost them); `assigning` waits for it to take the new ones. Heartbeats are sent in `unjoined`, `preparing`,
 * `assigning` and `stable`, as long as the member has a generation; `joining` and `syncing` wait at the broker.
 * Invariants: a generation is known from `syncing` on; partitions are added in `assigning` only.
 */
import { invariant } from '../../../core/invariant.ts'

export const membershipStates = [
  'unjoined',
  'preparing',
  'joining',
  'syncing',
  'assigning',
  'stable',
  'left',
  'failed',
] as const

export const membershipEvents = [
  'join',
  'prepared',
  'joined',
  'synced',
  'assigned',
  'rebalance',
  'lost',
  'leave',
  'fail',
] as const

export type MembershipState = (typeof membershipStates)[number]
export type MembershipEvent = (typeof membershipEvents)[number]

/** `never`: the program does not let it happen. */
type Row = Readonly<Record<MembershipEvent, MembershipState | 'never'>>

const common = {
  join: 'never',
  prepared: 'never',
  joined: 'never',
  synced: 'never',
  assigned: 'never',
} as const
const exits = { lost: 'unjoined', leave: 'left', fail: 'failed' } as const

export const membershipTable: Readonly<Record<MembershipState, Row>> = {
  unjoined: { ...common, ...exits, join: 'preparing', rebalance: 'unjoined' },
  preparing: { ...common, ...exits, prepared: 'joining', rebalance: 'preparing' },
  joining: { ...common, ...exits, joined: 'syncing', rebalance: 'unjoined' },
  syncing: { ...common, ...exits, synced: 'assigning', rebalance: 'unjoined' },
  assigning: { ...common, ...exits, assigned: 'stable', rebalance: 'assigning' },
  stable: { ...common, ...exits, rebalance: 'unjoined' },
  left: {
    join: 'left',
    prepared: 'left',
    joined: 'left',
    synced: 'left',
    assigned: 'left',
    rebalance: 'left',
    lost: 'left',
    leave: 'left',
    fail: 'left',
  },
  failed: {
    join: 'failed',
    prepared: 'failed',
    joined: 'failed',
    synced: 'failed',
    assigned: 'failed',
    rebalance: 'failed',
    lost: 'failed',
    leave: 'left',
    fail: 'failed',
  },
}

export function nextMembershipState(state: MembershipState, event: MembershipEvent): MembershipState {
  const next = membershipTable[state][event]
  invariant(next !== 'never', `a member that is ${state} is not ${event}`)
  return next
}

/** Whether the member must show the broker that it is alive. */
export function sendsHeartbeats(state: MembershipState): boolean {
  return state === 'unjoined' || state === 'preparing' || state === 'assigning' || state === 'stable'
}
