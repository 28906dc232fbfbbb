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

/** The topics that each pattern of the group's members finds. */
export function foundByPatterns(
  group: ConsumerGroup,
  topics: TopicsView,
): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>()
  for (const member of group.members) {
    if (member.regex === null) continue
    const names = found.get(member.regex) ?? new Set()
    for (const { name } of matching(member, topics)) names.add(name)
    found.set(member.regex, names)
  }
  return found
}

function matching({ regex, mayDescribe }: ConsumerMember, topics: TopicsView): readonly TopicView[] {
  const pattern = regex === null ? undefined : LinearPattern.tryParse(regex)
  if (pattern === undefined) return []
  return topics.all().filter(({ name }) => pattern.matches(name) && mayDescribe?.(name) !== false)
}

/** The topics that a member reads. */
function topicsOf(member: ConsumerMember, topics: TopicsView): readonly TopicView[] {
  const found = new Map<string, TopicView>()
  for (const name of member.topics) {
    const topic = topics.find(name)
    if (topic !== undefined) found.set(topic.id, topic)
  }
  for (const topic of matching(member, topics)) found.set(topic.id, topic)
  return [...found.values()]
}

/** All topics that the group reads, by name. */
export function topicsRead(group: ConsumerGroup, topics: TopicsView): ReadonlyMap<string, TopicView> {
  const read = new Map<string, TopicView>()
  for (const member of group.members) {
    for (const topic of topicsOf(member, topics)) read.set(topic.name, topic)
  }
  return read
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
