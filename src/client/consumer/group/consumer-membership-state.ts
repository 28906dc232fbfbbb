/**
 * The states of a member of a group of the consumer protocol (KIP-848), as a total table.
 *
 * ```
 *   joining ──answered──▶ stable ──target──▶ reconciling ──reconciled──▶ stable
 *      ▲                    │                     │
 *      └──── rejoin ── fenced ◀───── lost ────────┘          every state ──leave──▶ left, ──fail──▶ failed
 * ```
 * `reconciling` waits for the caller's poll to give up and take partitions; a newer target that comes meanwhile is
 * taken up after it. `fenced` waits for the poll to drop what was lost. Heartbeats are sent in all but `fenced`, `left`
 * and `failed`.
 */
import { invariant } from '../../../core/invariant.ts'

export const consumerMembershipStates = [
  'joining',
  'stable',
  'reconciling',
  'fenced',
  'left',
  'failed',
] as const
export const consumerMembershipEvents = [
  'answered',
  'target',
  'reconciled',
  'lost',
  'rejoin',
  'leave',
  'fail',
] as const

export type ConsumerMembershipState = (typeof consumerMembershipStates)[number]
export type ConsumerMembershipEvent = (typeof consumerMembershipEvents)[number]

type Row = Readonly<Record<ConsumerMembershipEvent, ConsumerMembershipState | 'never'>>

export const consumerMembershipTable: Readonly<Record<ConsumerMembershipState, Row>> = {
  joining: {
    answered: 'stable',
    target: 'never',
    reconciled: 'never',
    lost: 'fenced',
    rejoin: 'never',
    leave: 'left',
    fail: 'failed',
  },
  stable: {
    answered: 'stable',
    target: 'reconciling',
    reconciled: 'never',
    lost: 'fenced',
    rejoin: 'never',
    leave: 'left',
    fail: 'failed',
  },
  reconciling: {
    answered: 'reconciling',
    target: 'reconciling',
    reconciled: 'stable',
    lost: 'fenced',
    rejoin: 'never',
    leave: 'left',
    fail: 'failed',
  },
  fenced: {
    answered: 'fenced',
    target: 'fenced',
    reconciled: 'fenced',
    lost: 'fenced',
    rejoin: 'joining',
    leave: 'left',
    fail: 'failed',
  },
  left: {
    answered: 'left',
    target: 'left',
    reconciled: 'left',
    lost: 'left',
    rejoin: 'left',
    leave: 'left',
    fail: 'left',
  },
  failed: {
    answered: 'failed',
    target: 'failed',
    reconciled: 'failed',
    lost: 'failed',
    rejoin: 'failed',
    leave: 'left',
    fail: 'failed',
  },
}

export function nextConsumerMembershipState(
  state: ConsumerMembershipState,
  event: ConsumerMembershipEvent,
): ConsumerMembershipState {
  const next = consumerMembershipTable[state][event]
  invariant(next !== 'never', `a member that is ${state} is not ${event}`)
  return next
}
