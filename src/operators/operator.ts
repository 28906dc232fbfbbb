/**
 * What an operator is: it takes records one by one, synchronously, and pushes results to the next.
 *
 * An operator is pure: records, state and stream time go in, records come out. It does no input or output, reads
 * no clock and returns no promise. One file per operator exports a function that returns its `OperatorSpec`.
 *
 * The exception is an operator that asks something outside: it is a `WaitingOperator` besides, and gives out its answers
 * only when the task says that it may.
 */
import { MillraceError } from '../core/errors.ts'
import type { Headers, StoredRecord } from '../core/record.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import type { KeptError, Waiting } from '../state/waiting-store.ts'

/** Takes one record. */
export interface Receiver<K = unknown, V = unknown> {
  /** `before`, in the changes of a table: the value that is replaced, or `outOfOrder`; undefined when not told. */
  process(key: K, value: V, timestampMs: number, before?: unknown): void
}

/** In place of the replaced value: the change is older than the latest one of its key in a versioned table. */
export const outOfOrder: unique symbol = Symbol('out of order')

/**
 * Where the record that is being processed came from: a view that moves with each record, so that functions which do
 * not ask for it cost nothing. Read it during the call. Below an internal topic it is the record of that topic. For
 * a result that no record caused, such as a window that closed, `topic` is empty and `offset` is -1.
 */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly headers: Headers
}

/** What an operator gives out, or would have given out, because its time has come. */
export interface EmittedRecord {
  readonly key: unknown
  readonly value: unknown
  readonly timestampMs: number
}

/** What an operator may know of the task that it runs in. */
export interface OperatorContext {
  /** The task's stream time: -Infinity before the first record, Infinity after the end of bounded input. */
  streamTimeMs(): number
  /** The task's instance of a store that the operator's spec names. */
  store<S extends StateStore>(spec: StoreSpec<S>): S
  /** Hands over a record that came after its window had closed. */
  late(record: LateRecord): void
  /**
   * Puts aside what time would have brought forth, because a function of the user failed for it: there is no record
   * that could be blamed. Where it is left out the error is thrown on.
   *
   * @throws the error itself when the rule is `fail`
   */
  refused?(result: EmittedRecord, error: unknown): void
  /** The record that is being processed; a task that has none to show leaves it out. */
  readonly record?: RecordMetadata
  /**
   * Gives out what `act` gives out under these headers, instead of those of the record that is being processed. Below
   * an operator in which records wait they have those of the record in its topic again.
   */
  withHeaders?(headers: Headers, act: () => void): void
  /** Has the task's thread commit after this round, before its interval is over. */
  requestCommit?(): void
  /** The wall clock at the last tick; a task that gives no ticks leaves it out. */
  wallClockMs?(): number
  /** What an operator needs whose answers come later; a task that cannot wait leaves it out. */
  readonly answers?: AnswerContext
}

/** What happens to a record that a function cannot process. */
export type FailurePolicy = 'fail' | 'dead-letter' | 'skip'

/** What a task does for an operator whose answers come later. */
export interface AnswerContext {
  /** A copy of the record that is being processed, as it lies in its topic; undefined when time made it. */
  source(): StoredRecord | undefined
  /** Lets `act` give out results of a record that has waited: what is below sees that record's metadata. */
  resume(waiting: Waiting, act: () => void): void
  /**
   * Puts a record that has waited aside; undefined: by the rule of its source.
   *
   * @throws the error itself when the rule is `fail`
   */
  refuse(waiting: Waiting, failure: AnswerFailure, policy: FailurePolicy | undefined): void
  /** What the operator held back has become less: operators below may act on time. Not within `process`. */
  timeMoved(): void
}

/** How asking for a record came to nothing. */
export interface AnswerFailure {
  readonly operator: string
  readonly error: unknown
  readonly attempts: number
}

/** A key whose records wait for one that fails. */
export interface ParkedKey {
  readonly operator: string
  readonly key: unknown
  /** How many records of the key wait, the failing one included. */
  readonly records: number
  readonly attempts: number
  readonly error: KeptError
  readonly timestampMs: number
  /** Where the failing record lies; undefined when time made it. */
  readonly place: { readonly topic: string; readonly partition: number; readonly offset: number } | undefined
}

/** What is done with the failing record of a parked key: tried again at once, or given up in one of two ways. */
export type ParkedDecision = 'retry' | 'dead-letter' | 'skip'

/**
 * What an operator is besides when records wait in it. Everything but `heldMs` is called between records, never while
 * one is processed.
 */
export interface WaitingOperator {
  /** What is below must not see a later stream time than this; Infinity when nothing waits. */
  heldMs(): number
  /** The largest stream time at which a record came that a restart has brought back; -Infinity for none. */
  restoredMs(): number
  /** It takes no more records for now. */
  readonly full: boolean
  /** Records are under way: the task is neither idle nor at its end. Those of parked keys do not count. */
  readonly busy: boolean
  /** An answer may come at any moment. */
  readonly asking: boolean
  /** The wall clock at which `poll` has something to do though no answer has come; Infinity for none. */
  nextPollMs(): number
  /** Gives out the answers that have come and asks what is due; true when anything happened. */
  poll(wallClockMs: number): boolean
  /** How many failing records are parked, each with those behind it. */
  readonly parkedCount: number
  /** The first so many of them. */
  parked(most: number): readonly ParkedKey[]
  /**
   * Decides about a parked key, which may be given as it is or as JSON shows it: bytes as a text in base64, whole numbers
   * beyond 2^53 as a text. Returns how many failing records that was for.
   */
  decide(key: unknown, decision: ParkedDecision): number
  /** The task is given up: nothing more is asked, and no answer counts any more. */
  close(): void
}

/** What functions are given for the record's metadata where a task has none to show. */
const unknownRecord: RecordMetadata = {
  get topic(): never {
    return refuseMetadata()
  },
  get partition(): never {
    return refuseMetadata()
  },
  get offset(): never {
    return refuseMetadata()
  },
  get headers(): never {
    return refuseMetadata()
  },
}

function refuseMetadata(): never {
  throw new MillraceError('MR_PLAN_INVALID', 'where this pipeline runs, functions get no record metadata')
}

/** The metadata to hand to a function of the user. */
export function metadataOf(context: OperatorContext): RecordMetadata {
  return context.record ?? unknownRecord
}

export interface LateRecord {
  readonly operator: string
  readonly key: unknown
  readonly value: unknown
  readonly timestampMs: number
  /** The end of the window that it belonged to. */
  readonly windowEndMs: number
}

/** One instance of an operator in a task. */
export interface Operator {
  /** One receiver per input, in the order of the plan. */
  readonly inputs: readonly Receiver[]
  /** The stream time at which `advance` has something to do; Infinity when there is none. */
  nextDeadlineMs?(): number
  /** Stream time has come to `streamTimeMs`: emit what is due. */
  advance?(streamTimeMs: number): void
  /** The wall clock at which `tick` has something to do; Infinity when there is none. */
  nextTickMs?(): number
  /**
   * The wall clock shows `wallClockMs`. The task calls it between records, never within one. What it emits depends
   * on when it is called, so an operator has it only for a function of the user that asked for the wall clock.
   */
  tick?(wallClockMs: number): void
  /** Set by an operator in which records wait for answers. */
  readonly answering?: WaitingOperator
  /** The task is given up or ends: let go of what is open outside. Nothing may be emitted any more. */
  close?(): void
}

/** A value of a table with the timestamp of the change that set it. */
export interface Held {
  readonly value: unknown
  readonly timestampMs: number
}

/** A view within one task. */
export interface TableReader {
  latest(key: unknown): Held | undefined
  /** The value that held at a time; undefined when none did, or when it has left the history. */
  asOf(key: unknown, timeMs: number): Held | undefined
}

export interface TableView {
  /** It remembers its versions, so that joins ask for the value as of a time. */
  readonly versioned: boolean
  /** What it is looked up in: an operator that uses the view names them as its own. */
  readonly stores: readonly StoreSpec[]
  open(context: Pick<OperatorContext, 'store'>): TableReader
}

/** Set while a plan is written: somebody below needs to know what each change of a table replaced. */
export interface BeforeFlag {
  wanted: boolean
}

/** An operator as the plan holds it. */
export interface OperatorSpec {
  /** `filter`, `join`, …: the name of the operator's file. */
  readonly kind: string
  readonly stores: readonly StoreSpec[]
  /**
   * How far behind stream time a result's timestamp may be, milliseconds. The time that a task passes on
   * through an internal topic is held back by it.
   */
  readonly outputDelayMs: number
  /** A result's timestamp is never ahead of stream time, so that the tasks below may take time from it. */
  readonly timely?: true
  /** True when records of one key must meet in one task, so that all its inputs are partitioned alike. */
  readonly keyed: boolean
  /** Keys may be parked in it. */
  readonly parks?: true
  /** Of a table: its changes say what they replaced once this is set. */
  readonly before?: BeforeFlag
  /** Of a table that can be looked up in what the operator keeps itself. */
  readonly view?: TableView
  create(name: string, context: OperatorContext, output: Receiver): Operator
}

/** The spec of an operator without state that handles one record at a time. */
export function statelessOperator(
  kind: string,
  create: (output: Receiver, record: RecordMetadata) => Receiver,
): OperatorSpec {
  return {
    kind,
    stores: [],
    outputDelayMs: 0,
    timely: true,
    keyed: false,
    create: (_name, context, output) => ({ inputs: [create(output, metadataOf(context))] }),
  }
}

/** A function of the user over one record. */
export type RecordFunction<R> = (value: unknown, key: unknown, record: RecordMetadata) => R

/**
 * Calls a function of the user for a result that time brings forth. Where it fails, what the result would have been
 * made of is put aside.
 */
export function unlessRefused<T>(
  context: OperatorContext,
  make: () => T,
  madeOf: () => EmittedRecord,
): { readonly made: T } | undefined {
  try {
    return { made: make() }
  } catch (error) {
    if (context.refused === undefined) throw error
    context.refused(madeOf(), error)
    return undefined
  }
}
