/** The operators of a task in which records wait for answers, together. */
import type { ParkedDecision, ParkedKey, WaitingOperator } from '../../operators/operator.ts'

export interface NamedWaiting {
  readonly name: string
  readonly operator: WaitingOperator
  /** What the operators above hold back: the time at its input is the task's less this. */
  readonly inputDelayMs: number
}

export class WaitingOperators {
  private readonly operators: readonly NamedWaiting[]

  constructor(operators: readonly NamedWaiting[]) {
    this.operators = operators
  }

  get full(): boolean {
    for (let at = 0; at < this.operators.length; at++) if (this.operators[at]!.operator.full) return true
    return false
  }

  get busy(): boolean {
    return this.operators.some(({ operator }) => operator.busy)
  }

  get asking(): boolean {
    return this.operators.some(({ operator }) => operator.asking)
  }

  /** The stream time that the task is known to have had before a restart. */
  restoredMs(): number {
    const times = this.operators.map(({ operator, inputDelayMs }) => operator.restoredMs() + inputDelayMs)
    return Math.max(Number.NEGATIVE_INFINITY, ...times)
  }

  nextPollMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.operators.map(({ operator }) => operator.nextPollMs()))
  }

  /** In topological order, so that what one gives out is asked for below in the same round. */
  poll(wallClockMs: number): boolean {
    let moved = false
    for (const { operator } of this.operators) moved = operator.poll(wallClockMs) || moved
    return moved
  }

  get parkedCount(): number {
    return this.operators.reduce((count, { operator }) => count + operator.parkedCount, 0)
  }

  parked(most: number): readonly ParkedKey[] {
    const keys: ParkedKey[] = []
    for (const { operator } of this.operators) keys.push(...operator.parked(most - keys.length))
    return keys
  }

  decide(name: string, key: unknown, decision: ParkedDecision): number {
    let records = 0
    for (const one of this.operators) if (one.name === name) records += one.operator.decide(key, decision)
    return records
  }

  close(): void {
    for (const { operator } of this.operators) operator.close()
  }
}
