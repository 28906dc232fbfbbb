/**
 * What an operator is: it takes records one by one, synchronously, and pushes results to the next.
 *
 * An operator is pure: records, state and stream time go in, records come out. It does no input or output, reads
 * no clock and returns no promise. One file per operator exports a function that returns its `OperatorSpec`.
 */
import type { StateStore, StoreSpec } from '../state/store.ts'

/** Takes one record. */
export interface Receiver<K = unknown, V = unknown> {
  process(key: K, value: V, timestampMs: number): void
}

/** What an operator may know of the task that it runs in. */
export interface OperatorContext {
  /** The task's stream time: -Infinity before the first record, Infinity after the end of bounded input. */
  streamTimeMs(): number
  /** The task's instance of a store that the operator's spec names. */
  store<S extends StateStore>(spec: StoreSpec<S>): S
  /** Hands over a record that came after its window had closed. */
  late(record: LateRecord): void
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
  /** True when records of one key must meet in one task, so that all its inputs are partitioned alike. */
  readonly keyed: boolean
  create(name: string, context: OperatorContext, output: Receiver): Operator
}

/** The spec of an operator without state that handles one record at a time. */
export function statelessOperator(kind: string, create: (output: Receiver) => Receiver): OperatorSpec {
  return {
    kind,
    stores: [],
    outputDelayMs: 0,
    keyed: false,
    create: (_name, _context, output) => ({ inputs: [create(output)] }),
  }
}
