/**
 * The tasks that a thread holds: made when partitions are assigned, restored, fed, and given up again.
 */
import { invariant } from '../../core/invariant.ts'
import type { Logger } from '../../core/logger.ts'
import { partitionName, type TopicPartition } from '../../core/record.ts'
import type { PhysicalPlan, SubTopology } from '../../plan/plan.ts'
import type { CommitPosition, InputPartition } from '../task/input-partition.ts'
import { Task, taskName } from '../task/task.ts'
import type { OutputTransport } from '../task/task-output.ts'
import { taskCount, tasksOf } from '../task-assignor.ts'

export interface HeldInput {
  readonly task: Task
  readonly input: InputPartition
  /** When the input last gave something, on the monotonic clock. */
  lastDataMs: number
  paused: boolean
  /** The end of the partition when it was first known, of a source that bootstraps. */
  firstEndOffset?: number
}

export interface ThreadTasksOptions {
  readonly plan: PhysicalPlan
  readonly partitionCounts: ReadonlyMap<string, number>
  readonly transport: OutputTransport
  readonly logger: Logger
}

export class ThreadTasks {
  readonly tasks = new Map<string, Task>()
  readonly inputs = new Map<string, HeldInput>()
  private readonly options: ThreadTasksOptions

  constructor(options: ThreadTasksOptions) {
    this.options = options
  }

  /** Makes the tasks whose partitions were assigned and that are not held yet. */
  add(assigned: readonly TopicPartition[], nowMs: number): Task[] {
    const names = new Set(assigned.map(({ topic, partition }) => partitionName(topic, partition)))
    const made: Task[] = []
    for (const id of tasksOf(this.options.plan, this.options.partitionCounts)) {
      const name = taskName(id)
      const part = this.options.plan.subTopologies[id.subTopology] as SubTopology
      const wanted = part.sources.some((source) => names.has(partitionName(source.topic, id.partition)))
      if (!wanted || this.tasks.has(name)) continue
      const task = this.make(part, id.partition)
      this.tasks.set(name, task)
      for (const input of task.partitions) {
        this.inputs.set(partitionName(input.topic, input.partition), {
          task,
          input,
          lastDataMs: nowMs,
          paused: false,
        })
      }
      made.push(task)
    }
    return made
  }

  /** Drops the tasks that read any of the partitions. Their state must have been committed before. */
  remove(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const held = this.inputs.get(partitionName(topic, partition))
      if (held === undefined) continue
      this.closeTask(held.task)
      this.tasks.delete(taskName(held.task.id))
      for (const input of held.task.partitions)
        this.inputs.delete(partitionName(input.topic, input.partition))
    }
  }

  /** Drops all tasks, with what they did since the last commit. */
  clear(): void {
    this.close()
    this.tasks.clear()
    this.inputs.clear()
  }

  /** Lets the tasks go of what they have open outside; what they know can still be read. */
  close(): void {
    for (const task of this.tasks.values()) this.closeTask(task)
  }

  /** A processor that cannot close must not keep others from it, nor hide why the tasks are given up. */
  private closeTask(task: Task): void {
    try {
      task.close()
    } catch (err) {
      this.options.logger.error({ task: taskName(task.id), err }, 'a processor failed to close')
    }
  }

  /** The input that reads a partition. */
  input(topic: string, partition: number): HeldInput | undefined {
    return this.inputs.get(partitionName(topic, partition))
  }

  /** Where each of the inputs stands: what a commit stores. */
  positions(): (TopicPartition & CommitPosition)[] {
    return [...this.inputs.values()].map(({ input }) => ({
      topic: input.topic,
      partition: input.partition,
      ...input.position(),
    }))
  }

  private make(part: SubTopology, partition: number): Task {
    const { plan, partitionCounts, transport } = this.options
    return new Task({
      plan,
      part,
      partition,
      transport,
      reads: (topic) => partition < (partitionCounts.get(topic) ?? 0),
      upstreamTasks: (topic) => {
        const writer = plan.subTopologies.find((other) => other.sinks.some((sink) => sink.topic === topic))
        invariant(writer !== undefined, `a sub-topology writes ${topic}`)
        return taskCount(writer, partitionCounts)
      },
    })
  }
}
