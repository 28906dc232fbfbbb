/** Questions and decisions about parked keys to the tasks of one thread, and their answers: data that crosses threads. */
import type { ParkedDecision, ParkedKey } from '../../operators/operator.ts'
import type { SubTopology } from '../../plan/plan.ts'
import type { Task } from '../task/task.ts'

/** What one task knows. */
export interface TaskParked {
  readonly subTopology: number
  readonly partition: number
  /** Failing records, each with those behind it. */
  readonly count: number
  /** The first of them, as many as were asked for. */
  readonly keys: readonly ParkedKey[]
}

export interface ParkedRequest {
  readonly operator: string
  readonly key: unknown
  readonly decision: ParkedDecision
}

/** What one task did. */
export interface TaskDecided {
  readonly subTopology: number
  readonly partition: number
  /** Failing records that were decided about. */
  readonly records: number
  /** It has come to the end of bounded input and takes no decisions any more. */
  readonly ended: boolean
}

/** The operators of a sub-topology in which keys may be parked. */
export function parkingOperators(part: SubTopology): readonly string[] {
  return part.operators.filter(({ spec }) => spec.parks === true).map(({ name }) => name)
}

/** The answers of the tasks that may park keys, that are there and whose stores are restored. */
export function answerParked(tasks: Iterable<Task>, most: number): TaskParked[] {
  const answers: TaskParked[] = []
  for (const task of tasks) {
    if (!task.ready || parkingOperators(task.part).length === 0) continue
    // Copied, since keys may be what the task goes on to use.
    answers.push({ ...task.id, count: task.parkedCount, keys: structuredClone(task.parked(most)) })
  }
  return answers
}

/** Has the tasks decide that have the operator, are there and whose stores are restored. */
export function decideParked(tasks: Iterable<Task>, request: ParkedRequest): TaskDecided[] {
  const answers: TaskDecided[] = []
  for (const task of tasks) {
    if (!task.ready || !parkingOperators(task.part).includes(request.operator)) continue
    const records = task.decide(request.operator, request.key, request.decision)
    answers.push({ ...task.id, records, ended: task.ended })
  }
  return answers
}
