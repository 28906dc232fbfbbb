/** Topologies as data: steps that read the results of earlier ones. StreamsPrograms.java has the same steps. */

/** What it does and, in `in`, the steps that it reads. */
export type Step = Readonly<Record<string, unknown>> & {
  readonly op: string
  readonly in?: readonly number[]
}

/** Milliseconds. */
export interface WindowStep {
  readonly kind: 'time' | 'sliding' | 'session'
  readonly size: number
  readonly every: number
  readonly grace: number
  readonly emit: 'update' | 'close'
}

/** Steps, and which of them are written to `out0`, `out1`, … */
export interface Program {
  readonly steps: readonly Step[]
  readonly outputs: readonly number[]
}

/** How two sides' results are alike: `set` in any order, `timeless` without timestamps too, `last` per key. */
export type Order = 'same' | 'set' | 'timeless' | 'last'

/** A program with what its inputs may be and how its outputs are compared. */
export interface RandomProgram {
  readonly program: Program
  /** Of each output. */
  readonly promises: readonly Promised[]
  readonly topics: readonly string[]
  readonly tables: readonly string[]
  readonly versioned: boolean
  readonly lateMs: number
}

/** What is promised of an output. */
export interface Promised {
  readonly order: Order
  /** Its records have the headers of those that caused them. */
  readonly headers: boolean
}
