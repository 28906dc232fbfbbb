/** What a thread is doing, as plain data that crosses threads: for the live picture, logs and metrics. */

import type { Consumer } from '../../client/consumer/consumer.ts'
import { partitionName } from '../../core/record.ts'
import { taskName } from '../task/task.ts'
import type { ThreadTasks } from './thread-tasks.ts'

export interface TaskSnapshot {
  readonly name: string
  readonly subTopology: number
  readonly partition: number
  /** null before the first record and after the end of bounded input. */
  readonly streamTimeMs: number | null
  readonly processedRecords: number
  readonly badRecords: number
  readonly lateRecords: number
  readonly lateByOperator: Readonly<Record<string, number>>
  readonly ended: boolean
  /** Nothing happened since the last commit. */
  readonly committed: boolean
  /** Records that each node gave out, by node name. */
  readonly nodeRecords: Readonly<Record<string, number>>
  /** Entries of each store, by store name. */
  readonly storeEntries: Readonly<Record<string, number>>
}

export interface InputSnapshot {
  readonly topic: string
  readonly partition: number
  readonly position: number
  readonly endOffset: number
}

export interface ThreadSnapshot {
  readonly tasks: readonly TaskSnapshot[]
  readonly inputs: readonly InputSnapshot[]
  readonly restoredRecords: number
  readonly commits: number
}

export function threadSnapshot(
  held: ThreadTasks,
  consumer: Consumer,
  counters: { readonly restoredRecords: number; readonly commits: number },
): ThreadSnapshot {
  const tasks = [...held.tasks.values()].map((task) => ({
    name: taskName(task.id),
    subTopology: task.id.subTopology,
    partition: task.id.partition,
    streamTimeMs: Number.isFinite(task.streamTimeMs) ? task.streamTimeMs : null,
    processedRecords: task.processed,
    badRecords: task.badRecords,
    lateRecords: task.lateRecords,
    lateByOperator: Object.fromEntries(task.lateByOperator),
    ended: task.ended,
    committed: !task.dirty,
    nodeRecords: Object.fromEntries(
      [...task.nodeOutputs].map(([node, output]) => [node.name, output.records]),
    ),
    storeEntries: Object.fromEntries([...task.stores].map(([name, store]) => [name, store.entryCount])),
  }))
  const inputs: InputSnapshot[] = []
  for (const { input } of held.inputs.values()) {
    const lag = consumer.lag(input.topic, input.partition)
    if (lag === undefined) continue
    // Behind the last record may be marks of transactions, which a task never sees.
    const dry = input.lanes.every((lane) => !lane.fill())
    const position = dry ? lag.position : input.position().offset
    inputs.push({ topic: input.topic, partition: input.partition, position, endOffset: lag.endOffset })
  }
  inputs.sort((a, b) => (partitionName(a.topic, a.partition) < partitionName(b.topic, b.partition) ? -1 : 1))
  return { tasks, inputs, ...counters }
}
