/**
 * The states of a transactional producer (KIP-98), as a total table.
 *
 * ```
 *          init                initialized         begin            commit                ended
 *   idle ───────▶ initializing ───────────▶ ready ───────▶ open ───────────▶ committing ───────▶ ready
 *                                             ▲             │ │ abort                │
 *                                             │        fail │ └──────▶ aborting ─────┼───ended──▶ ready
 *                                             │             ▼             ▲          │ fail
 *                                             └───────── abortable ───────┘ ◀────────┘
 *   every state ──fence──▶ fatal
 * ```
 * Invariants: batches go out in `open` and `committing` only; only `ready` begins; nothing leaves `fatal`.
 * A `commit` whose answer did not come stays in `committing`: it may have happened, so only another `commit` is legal.
 */
import { MillraceError } from '../../core/errors.ts'

export const transactionStates = [
  'idle',
  'initializing',
  'ready',
  'open',
  'committing',
  'aborting',
  'abortable',
  'fatal',
] as const

export const transactionEvents = [
  'init',
  'initialized',
  'begin',
  'commit',
  'abort',
  'ended',
  'fail',
  'fence',
] as const

export type TransactionState = (typeof transactionStates)[number]
export type TransactionEvent = (typeof transactionEvents)[number]

/** Why an event is refused: what the caller reads. */
interface Refusal {
  readonly refused: string
}

const refuse = (refused: string): Refusal => ({ refused })

const notInitialized = refuse('init was not called yet')
const alreadyInitialized = refuse('init was called before')
const noTransaction = refuse('no transaction is open')
const isOpen = refuse('a transaction is open already')
const isEnding = refuse('the transaction is ending')
const abortFirst = refuse('the transaction has failed and can only be aborted')
const isOver = refuse('the producer has failed for good')
const outOfTurn = refuse('it does not fit')

export const transactionTable: Readonly<
  Record<TransactionState, Readonly<Record<TransactionEvent, TransactionState | Refusal>>>
> = {
  idle: {
    init: 'initializing',
    initialized: outOfTurn,
    begin: notInitialized,
    commit: notInitialized,
    abort: notInitialized,
    ended: outOfTurn,
    fail: 'idle',
    fence: 'fatal',
  },
  initializing: {
    init: refuse('init is under way'),
    initialized: 'ready',
    begin: notInitialized,
    commit: notInitialized,
    abort: notInitialized,
    ended: outOfTurn,
    fail: 'idle',
    fence: 'fatal',
  },
  ready: {
    init: alreadyInitialized,
    initialized: outOfTurn,
    begin: 'open',
    commit: noTransaction,
    abort: noTransaction,
    ended: outOfTurn,
    fail: 'ready',
    fence: 'fatal',
  },
  open: {
    init: alreadyInitialized,
    initialized: outOfTurn,
    begin: isOpen,
    commit: 'committing',
    abort: 'aborting',
    ended: outOfTurn,
    fail: 'abortable',
    fence: 'fatal',
  },
  committing: {
    init: alreadyInitialized,
    initialized: outOfTurn,
    begin: isEnding,
    commit: 'committing',
    abort: isEnding,
    ended: 'ready',
    fail: 'abortable',
    fence: 'fatal',
  },
  aborting: {
    init: alreadyInitialized,
    initialized: outOfTurn,
    begin: isEnding,
    commit: isEnding,
    abort: 'aborting',
    ended: 'ready',
    fail: 'aborting',
    fence: 'fatal',
  },
  abortable: {
    init: alreadyInitialized,
    initialized: outOfTurn,
    begin: abortFirst,
    commit: abortFirst,
    abort: 'aborting',
    ended: outOfTurn,
    fail: 'abortable',
    fence: 'fatal',
  },
  fatal: {
    init: isOver,
    initialized: isOver,
    begin: isOver,
    commit: isOver,
    abort: isOver,
    ended: isOver,
    fail: 'fatal',
    fence: 'fatal',
  },
}

/** @throws MR_TRANSACTION_STATE with `cause` when the event is refused */
export function nextTransactionState(
  state: TransactionState,
  event: TransactionEvent,
  cause?: MillraceError,
): TransactionState {
  const next = transactionTable[state][event]
  if (typeof next === 'string') return next
  throw new MillraceError('MR_TRANSACTION_STATE', `cannot ${event}: ${next.refused}`, {
    context: { state, event },
    ...(cause === undefined ? {} : { cause }),
    hint:
      state === 'fatal'
        ? 'Close this producer and make a new one.'
        : 'The order is init, then begin, send and commit or abort, again and again.',
  })
}
