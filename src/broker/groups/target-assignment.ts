/**
 * What the members of a consumer group should have: subscriptions resolved to topics, then spread by an assignor.
 *
 * The assignor is the one that most members ask for, else the broker's first.
 */
import { invariant } from '../../core/invariant.ts'
import { LinearPattern } from '../linear-pattern.ts'
import type { GroupAssignor } from './assignors/assignor.ts'
import { type ConsumerGroup, type ConsumerMember, nothingAssigned } from './consumer-group.ts'

/** The topics there are, as groups see them. */
export interface TopicView {
  readonly name: string
  /** Hex text. */
  readonly id: string
  readonly partitionCount: number
}

export interface TopicsView {
  /** Goes up with every topic that is made, deleted or gets partitions. */
  readonly version: number
  find(name: string): TopicView | undefined
  all(): readonly TopicView[]
}

/** The topics that a member reads. */
function topicsOf(member: ConsumerMember, topics: TopicsView): readonly TopicView[] {
  const found = new Map<string, TopicView>()
  for (const name of member.topics) {
    const topic = topics.find(name)
    if (topic !== undefined) found.set(topic.id, topic)
  }
  const pattern = member.regex === null ? undefined : LinearPattern.tryParse(member.regex)
  if (pattern !== undefined) {
    for (const topic of topics.all()) {
      if (pattern.matches(topic.name) && member.mayDescribe?.(topic.name) !== false)
        found.set(topic.id, topic)
    }
  }
  return [...found.values()]
}

/** Partitions of all topics that the group reads, by name. */
export function countsOf(group: ConsumerGroup, topics: TopicsView): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const member of group.members) {
    for (const { name, partitionCount } of topicsOf(member, topics)) counts.set(name, partitionCount)
  }
  return counts
}

export function preferredAssignor(group: ConsumerGroup, assignors: readonly GroupAssignor[]): GroupAssignor {
  const votes = new Map<string, number>()
  for (const { assignor } of group.members) {
    if (assignor !== null) votes.set(assignor, (votes.get(assignor) ?? 0) + 1)
  }
  const [first] = assignors
  invariant(first !== undefined, 'the broker has an assignor')
  const most = assignors.reduce((best, next) =>
    (votes.get(next.name) ?? 0) > (votes.get(best.name) ?? 0) ? next : best,
  )
  return votes.size === 0 ? first : most
}

/** Makes the target of the group's present epoch. */
export function makeTarget(
  group: ConsumerGroup,
  topics: TopicsView,
  assignors: readonly GroupAssignor[],
): void {
  const partitionCounts = new Map<string, number>()
  const members = [...group.members].map((member) => {
    const read = topicsOf(member, topics)
    for (const { id, partitionCount } of read) partitionCounts.set(id, partitionCount)
    return {
      id: member.id,
      instanceId: member.instanceId,
      topicIds: new Set(read.map(({ id }) => id)),
      present: group.target.get(member.id) ?? nothingAssigned,
    }
  })
  group.target = preferredAssignor(group, assignors).assign({ members, partitionCounts })
  group.targetEpoch = group.epoch
}
