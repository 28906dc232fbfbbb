/** A question to the tasks of one thread about a store, and their answers: plain data that crosses threads. */
import type { TopicPartition } from '../../core/record.ts'
import { readRows, type StoreQuery, type StoreRow } from '../../state/store-query.ts'
import type { Task } from '../task/task.ts'

export interface TaskQuery extends StoreQuery {
  readonly store: string
  readonly subTopology: number
  /** Only the task of this number. */
  readonly partition?: number
}

/** How far the state goes: records of the partition before `offset` are in it. */
export interface InputPosition extends TopicPartition {
  readonly offset: number
}

export interface TaskAnswer {
  readonly partition: number
  readonly rows: readonly StoreRow[]
  readonly position: readonly InputPosition[]
  /** True when nothing of the state can be undone by a crash. */
  readonly committed: boolean
}

/**
 * The answers of the tasks that are there and whose stores are restored. Between two records a task's state is whole;
 * this is called between slices only.
 *
 * @throws MR_STORE_KIND
 */
export function answerQuery(tasks: Iterable<Task>, query: TaskQuery): TaskAnswer[] {
  const answers: TaskAnswer[] = []
  for (const task of tasks) {
    const { subTopology, partition } = task.id
    if (subTopology !== query.subTopology || !task.ready) continue
    if (query.partition !== undefined && query.partition !== partition) continue
    const shown = task.part.stores.find(({ spec }) => spec.name === query.store)?.spec.queried
    const store = task.stores.get(query.store)
    if (shown === undefined || store === undefined) continue
    const position = task.partitions.map((input) => ({
      topic: input.topic,
      partition: input.partition,
      offset: input.position().offset,
    }))
    // Copied, since what is shown may be what the task goes on to change.
    const rows = structuredClone(readRows(store, shown, query))
    answers.push({ partition, rows, position, committed: !task.dirty })
  }
  return answers
}
