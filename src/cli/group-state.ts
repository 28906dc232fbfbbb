/** What the commands of consumer groups share: groups that do not exist, groups in use, and how far they have come. */
import type { Admin } from '../client/admin/admin.ts'
import type { GroupDescription, GroupMember } from '../client/admin/groups.ts'
import type { Cluster } from '../client/cluster.ts'
import { nearestName } from '../core/did-you-mean.ts'
import { isMillraceError, MillraceError } from '../core/errors.ts'
import { partitionName, type TopicPartition } from '../core/record.ts'
import type { KafkaErrorName } from '../protocol/error-codes.ts'
import { countOf } from './terminal/text.ts'
import { boundsOf } from './topic-offsets.ts'

/** How brokers describe a group that they do not have. */
const ABSENT = 'Dead'
const MEMBERS_NAMED_MAX = 3

/** @throws MR_GROUP_UNKNOWN with the group that was probably meant */
export async function requireGroups(
  admin: Admin,
  groups: readonly string[],
): Promise<readonly GroupDescription[]> {
  const described = await admin.describeGroups(groups)
  const absent = described.find(({ state }) => state === ABSENT)
  if (absent === undefined) return described
  const listed = await admin.listGroups()
  const found = listed.find(({ group }) => group === absent.group)
  if (found !== undefined && found.type !== 'classic' && found.type !== 'consumer') {
    throw new MillraceError('MR_USAGE', `"${absent.group}" is not a consumer group`, {
      hint: `It is of type "${found.type}".`,
      context: { group: absent.group },
    })
  }
  const names = listed.map(({ group }) => group)
  throw groupUnknown(absent.group, names)
}

function groupUnknown(group: string, known: readonly string[]): MillraceError {
  const nearest = nearestName(group, known)
  return new MillraceError('MR_GROUP_UNKNOWN', `group "${group}" does not exist`, {
    hint:
      nearest === undefined ? '`millrace groups list` shows what there is.' : `Did you mean "${nearest}"?`,
    context: { group },
  })
}

/** `billing-1 at 10.0.0.7`: brokers write a slash before the address. */
export function memberName({ clientId, host }: GroupMember): string {
  return `${clientId} at ${host.replace(/^\//, '')}`
}

/** @throws MR_GROUP_ACTIVE with the members that it has */
export function refuseMembers({ group, members }: GroupDescription): void {
  if (members.length === 0) return
  const named = members.slice(0, MEMBERS_NAMED_MAX).map(memberName)
  if (members.length > MEMBERS_NAMED_MAX) named.push('…')
  const has = `${countOf(members.length, 'member')} (${named.join(', ')})`
  throw new MillraceError('MR_GROUP_ACTIVE', `group "${group}" has ${has}`, {
    hint: `Stop them first; \`millrace groups describe ${group}\` shows what they read.`,
    context: { group },
  })
}

/** What brokers answer when a member has joined, or the group has gone, since it was described. */
const joinedSince: readonly KafkaErrorName[] = [
  'NON_EMPTY_GROUP',
  'UNKNOWN_MEMBER_ID',
  'ILLEGAL_GENERATION',
  'STALE_MEMBER_EPOCH',
  'REBALANCE_IN_PROGRESS',
]

/** Runs what changes a group without members. @throws MR_GROUP_ACTIVE, MR_GROUP_UNKNOWN */
export async function changeGroup(group: string, change: () => Promise<void>): Promise<void> {
  try {
    await change()
  } catch (error) {
    if (!isMillraceError(error)) throw error
    const name = error.context['kafkaName'] as KafkaErrorName
    if (name === 'GROUP_ID_NOT_FOUND') throw groupUnknown(group, [])
    if (!joinedSince.includes(name)) throw error
    throw new MillraceError('MR_GROUP_ACTIVE', `group "${group}" has members`, {
      hint: `Stop them first; \`millrace groups describe ${group}\` shows them.`,
      context: { group },
      cause: error,
    })
  }
}

export interface GroupPosition extends TopicPartition {
  /** Null for a partition that a member reads without having committed. */
  readonly committed: number | null
  /** Null for a partition that does not exist any more, or has no leader. */
  readonly end: number | null
  /** Who reads it; null while nobody does. */
  readonly member: GroupMember | null
}

/** Every partition that the group has committed or reads, by topic and number. */
export async function positionsOf(
  cluster: Cluster,
  admin: Admin,
  { group, members }: GroupDescription,
): Promise<readonly GroupPosition[]> {
  const committed = await admin.groupOffsets(group)
  const readers = new Map(
    members.flatMap((member) =>
      member.assignment.map((one) => [partitionName(one.topic, one.partition), { ...one, member }] as const),
    ),
  )
  const names = new Set([...committed.keys(), ...readers.keys()])
  const partitions = [...names].map((name) => readers.get(name) ?? { ...partitionNamed(name), member: null })
  await cluster.refresh([...new Set(partitions.map(({ topic }) => topic))])
  const bounds = await boundsOf(
    cluster,
    partitions.map(({ topic, partition }) => {
      const leader = cluster.metadata.partition(topic, partition)?.leader ?? -1
      return { topic, partition, leader }
    }),
  )
  return partitions
    .map(({ topic, partition, member }) => {
      const name = partitionName(topic, partition)
      const end = bounds.get(name)?.endOffset ?? null
      return { topic, partition, member, end, committed: committed.get(name)?.offset ?? null }
    })
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

/** How many records lie between position and end; null when one of them is not known. */
export function lagOf({ committed, end }: Pick<GroupPosition, 'committed' | 'end'>): number | null {
  return committed === null || end === null ? null : Math.max(0, end - committed)
}

/** The partition of a `partitionName`. */
function partitionNamed(name: string): TopicPartition {
  const at = name.lastIndexOf('/')
  return { topic: name.slice(0, at), partition: Number(name.slice(at + 1)) }
}
