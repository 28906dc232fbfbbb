/**
 * Spreads a pipeline's tasks over the members of its consumer group, as Kafka Streams does inside the group protocol.
 *
 * A task is a sub-topology with a partition number; it reads that partition of each of the sub-topology's topics, so
 * those partitions always go to one member together.
 * 1. Tasks stay where they are as far as the balance allows: no member has more than its share.
 * 2. The rest goes to the members with the fewest.
 * 3. Cooperative rule (KIP-429): a partition that another member still owns is not handed over in this round; its
 *    owner gives it up, which starts the next round.
 * Every member computes the same from the same input: members and tasks are sorted first.
 *
 * With each assignment comes the epoch of the generation, the same for all members and larger than any before: the
 * leader's time, or one more than the largest that a member knows. Of two members that are the same thread of the
 * pipeline one gets nothing (`thread-claims.ts`).
 */

import type { Assignor, AssignorInput } from '../client/consumer/assignor.ts'
import { partitionName, type TopicPartition } from '../core/record.ts'
import type { PhysicalPlan, SubTopology } from '../plan/plan.ts'
import { type TaskId, taskName } from './task/task.ts'
import {
  assignmentData,
  epochOf,
  holderOf,
  refusedMembers,
  subscriptionData,
  type ThreadClaim,
} from './thread-claims.ts'

/** How many tasks a sub-topology has: the partitions of its widest topic. */
export function taskCount(part: SubTopology, partitionCounts: ReadonlyMap<string, number>): number {
  return Math.max(0, ...part.sources.map((source) => partitionCounts.get(source.topic) ?? 0))
}

/** All tasks of a plan, sub-topology by sub-topology. */
export function tasksOf(plan: PhysicalPlan, partitionCounts: ReadonlyMap<string, number>): TaskId[] {
  return plan.subTopologies.flatMap((part) =>
    Array.from({ length: taskCount(part, partitionCounts) }, (_, partition) => ({
      subTopology: part.index,
      partition,
    })),
  )
}

/** The partitions that a task reads. */
export function partitionsOf(
  plan: PhysicalPlan,
  task: TaskId,
  partitionCounts: ReadonlyMap<string, number>,
): TopicPartition[] {
  const part = plan.subTopologies[task.subTopology] as SubTopology
  return part.sources
    .filter((source) => task.partition < (partitionCounts.get(source.topic) ?? 0))
    .map((source) => ({ topic: source.topic, partition: task.partition }))
}

export interface TaskAssignorOptions {
  readonly plan: PhysicalPlan
  readonly nowMs: () => number
  /** Called in every member when a generation begins. */
  readonly onEpoch: (epoch: number) => void
  /** Which thread this is; none where several may have the same number. */
  readonly claim?: ThreadClaim | undefined
  /** Called when another member, whose id is given, holds the thread: this one gets nothing. */
  readonly onRefused?: (holder: string) => void
}

/** The assignor of one pipeline. */
export function taskAssignor(options: TaskAssignorOptions): Assignor {
  const { plan, nowMs, onEpoch, claim, onRefused } = options
  let known = 0
  return {
    name: 'millrace-tasks',
    protocol: 'cooperative',
    metadata: () => subscriptionData(known, claim),
    assign(input) {
      const epoch = Math.max(nowMs(), 1 + Math.max(...input.members.map(({ userData }) => epochOf(userData))))
      const refused = refusedMembers(input.members)
      const members = input.members.filter(({ memberId }) => !refused.has(memberId))
      const assigned = assignTasks(plan, { ...input, members })
      return new Map(
        input.members.map(({ memberId }) => {
          const userData = assignmentData(epoch, refused.get(memberId))
          return [memberId, { partitions: assigned.get(memberId)?.partitions ?? [], userData }]
        }),
      )
    },
    onAssignment({ userData }) {
      known = epochOf(userData)
      const holder = holderOf(userData)
      if (holder !== undefined) onRefused?.(holder)
      onEpoch(known)
    },
  }
}

function assignTasks(
  plan: PhysicalPlan,
  input: AssignorInput,
): ReadonlyMap<string, { readonly partitions: readonly TopicPartition[] }> {
  const { partitionCounts } = input
  const members = input.members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const tasks = tasksOf(plan, partitionCounts)
  const owner = new Map<string, string>()
  for (const { memberId, owned } of members) {
    for (const { topic, partition } of owned) owner.set(partitionName(topic, partition), memberId)
  }
  const ownerOf = (task: TaskId): string | undefined => {
    const first = partitionsOf(plan, task, partitionCounts)[0]
    return first === undefined ? undefined : owner.get(partitionName(first.topic, first.partition))
  }

  const target = new Map<string, TaskId[]>(members.map(({ memberId }) => [memberId, []]))
  const share = Math.ceil(tasks.length / members.length)
  const homeless: TaskId[] = []
  for (const task of tasks) {
    const held = target.get(ownerOf(task) ?? '')
    if (held !== undefined && held.length < share) held.push(task)
    else homeless.push(task)
  }
  for (const task of homeless) {
    let least: TaskId[] | undefined
    for (const held of target.values()) if (least === undefined || held.length < least.length) least = held
    least?.push(task)
  }
  evenOut(target, tasks.length)

  const assignments = new Map<string, { partitions: TopicPartition[] }>()
  for (const [memberId, held] of target) {
    const partitions = held
      .toSorted((a, b) => (taskName(a) < taskName(b) ? -1 : 1))
      .flatMap((task) => partitionsOf(plan, task, partitionCounts))
      .filter(({ topic, partition }) => {
        const before = owner.get(partitionName(topic, partition))
        return before === undefined || before === memberId
      })
    assignments.set(memberId, { partitions })
  }
  return assignments
}

/** Members may hold one task more than others, never two: the fullest give to the emptiest. */
function evenOut(target: Map<string, TaskId[]>, taskTotal: number): void {
  const floor = Math.floor(taskTotal / target.size)
  for (const poor of target.values()) {
    while (poor.length < floor) {
      let richest = poor
      for (const held of target.values()) if (held.length > richest.length) richest = held
      poor.push(richest.pop() as TaskId)
    }
  }
}
