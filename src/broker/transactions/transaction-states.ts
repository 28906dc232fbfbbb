/**
 * The states of a transactional id.
 *
 * ```
 *                        add                      commit                     marked
 *   ┌───────┐ ─────────────────────► ┌─────────┐ ────────► ┌───────────────┐ ──────► ┌────────────────┐
 *   │ Empty │                        │ Ongoing │           │ PrepareCommit │         │ CompleteCommit │
 *   └───────┘ ◄──┐                   └─────────┘           └───────────────┘         └────────────────┘
 *       │        │ initialize          │  ▲  │ abort, fence                               │  │  │
 *       │        └─────────────────────│──│──│─────────────────────────────────────────────  │  │
 *       │                              │  └──│──────────────────── add ─────────────────────────┤
 *       │ abortNothing                 │     ▼                   marked                         │
 *       └──────────────────────────────┴─► ┌──────────────┐ ──────────────► ┌───────────────┐   │ expire
 *                                          │ PrepareAbort │                 │ CompleteAbort │ ──► Dead
 *                                          └──────────────┘                 └───────────────┘
 * ```
 * CompleteAbort goes on as CompleteCommit does. `abortNothing` is the abort of a transaction to which nothing was
 * added; only producers of transaction version 2 (KIP-890) may, because it raises their epoch.
 *
 * Invariants: a state is in the transaction log before it counts (transaction-coordinator.ts); markers are
 * written only in the two Prepare states, and a Prepare state is left only when all are written
 * (transaction-end.ts); a transaction past its timeout is fenced: its producer's epoch goes up with the abort.
 */
import { invariant } from '../../core/invariant.ts'

/** The names are those that clients see; the order is that of the status numbers in the transaction log. */
export const transactionStates = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
] as const

export type TransactionState = (typeof transactionStates)[number]

export type TransactionEvent =
  /** A producer asked for an id and epoch. */
  | 'initialize'
  /** A partition or a group joined the transaction. */
  | 'add'
  | 'commit'
  | 'abort'
  | 'abortNothing'
  /** The transaction timed out, or a new producer took over. */
  | 'fence'
  /** Every marker is written. */
  | 'marked'
  /** The id was not used for long. */
  | 'expire'

const no = undefined

export const transactionTransitions: Readonly<
  Record<TransactionState, Readonly<Record<TransactionEvent, TransactionState | undefined>>>
> = {
  Empty: {
    initialize: 'Empty',
    add: 'Ongoing',
    commit: no,
    abort: no,
    abortNothing: 'PrepareAbort',
    fence: no,
    marked: no,
    expire: 'Dead',
  },
  Ongoing: {
    initialize: no,
    add: 'Ongoing',
    commit: 'PrepareCommit',
    abort: 'PrepareAbort',
    abortNothing: no,
    fence: 'PrepareAbort',
    marked: no,
    expire: no,
  },
  PrepareCommit: {
    initialize: no,
    add: no,
    commit: no,
    abort: no,
    abortNothing: no,
    fence: no,
    marked: 'CompleteCommit',
    expire: no,
  },
  PrepareAbort: {
    initialize: no,
    add: no,
    commit: no,
    abort: no,
    abortNothing: no,
    fence: no,
    marked: 'CompleteAbort',
    expire: no,
  },
  CompleteCommit: {
    initialize: 'Empty',
    add: 'Ongoing',
    commit: no,
    abort: no,
    abortNothing: 'PrepareAbort',
    fence: no,
    marked: no,
    expire: 'Dead',
  },
  CompleteAbort: {
    initialize: 'Empty',
    add: 'Ongoing',
    commit: no,
    abort: no,
    abortNothing: 'PrepareAbort',
    fence: no,
    marked: no,
    expire: 'Dead',
  },
  Dead: {
    initialize: no,
    add: no,
    commit: no,
    abort: no,
    abortNothing: no,
    fence: no,
    marked: no,
    expire: no,
  },
}

/** The state after `event`. */
export function nextTransactionState(state: TransactionState, event: TransactionEvent): TransactionState {
  const next = transactionTransitions[state][event]
  invariant(next !== undefined, `a transaction that is ${state} does not see "${event}"`)
  return next
}
