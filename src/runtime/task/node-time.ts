/**
 * Stream time as one node of a task sees it: the task's, less what the operators above hold back by their delays, and
 * never past what is held by records that wait above for an answer.
 *
 * While something is held, the task's time runs ahead of the node's. When it is let go, the task goes through the time
 * in between once more, for the nodes that have not seen it (`Task.advanceOperators`): `sweepMs` is where it is then.
 */
import type { WaitingOperator } from '../../operators/operator.ts'

/** An operator above in which records wait, and the delay of what lies between. */
export interface Holder {
  readonly operator: Pick<WaitingOperator, 'heldMs'>
  readonly delayMs: number
}

export interface TaskTime {
  /** The task's stream time. */
  readonly timeMs: number
  /** The same, or earlier while nodes below a holder catch up. */
  readonly sweepMs: number
}

export class NodeTime {
  readonly delayMs: number
  private readonly task: TaskTime
  private readonly holders: readonly Holder[]
  private seenMs = Number.NEGATIVE_INFINITY

  constructor(task: TaskTime, delayMs: number, holders: readonly Holder[]) {
    this.task = task
    this.delayMs = delayMs
    this.holders = holders
  }

  /** The time that the node may not pass now; Infinity when nothing is held above it. */
  get limitMs(): number {
    let limitMs = Number.POSITIVE_INFINITY
    for (const { operator, delayMs } of this.holders) {
      const heldMs = operator.heldMs() - delayMs
      if (heldMs < limitMs) limitMs = heldMs
    }
    return limitMs
  }

  now(): number {
    if (this.holders.length === 0) return this.task.timeMs - this.delayMs
    const timeMs = Math.min(this.task.sweepMs - this.delayMs, this.limitMs)
    if (timeMs > this.seenMs) this.seenMs = timeMs
    return this.seenMs
  }
}
