/**
 * Brings the positions of consumer groups to the target.
 *
 * 1. Positions of the source's groups in mirrored topics are read, with members or without.
 * 2. Each becomes the target's offset of the record that it stands for (`offset-runs.ts`). One that is ahead of what
 *    was copied becomes the end of the copy: the group reads on there, and misses nothing.
 * 3. They are committed for the group of the same name at the target, but only while it has no members there, which
 *    would commit over it, and never backwards: a group that has already gone on at the target is left where it is.
 *
 * The group of a pipeline stays behind: its positions belong to state that is not copied.
 */
import { isMillraceError } from '../../core/errors.ts'
import { partitionName } from '../../core/record.ts'
import { type Admin, createAdmin } from '../admin/admin.ts'
import type { Cluster } from '../cluster.ts'
import type { CommittedOffset } from '../consumer/consumer.ts'
import type { OffsetToCommit } from '../group-metadata.ts'
import { isMirrorGroup, type MirrorNames } from './mirror-names.ts'
import { Translation } from './offset-runs.ts'
import { readRuns } from './offset-topic.ts'

export interface GroupMove {
  readonly group: string
  /** Why no position was changed; null when some were. */
  readonly kept: GroupKept | null
  /** Partitions whose position was changed. */
  readonly partitions: number
}

export type GroupKept =
  /** It has members at the target. */
  | 'has members'
  /** Its positions at the target are as far or further. */
  | 'up to date'
  | 'pipeline'
  /** The offsets topic does not tell where its records are. */
  | 'offsets unknown'

/** By name, the ids of the target's topics. */
export type MirroredTopics = ReadonlyMap<string, string>

interface SourceGroup {
  readonly group: string
  /** By `partitionName`. */
  readonly positions: ReadonlyMap<string, CommittedOffset>
}

/** Brokers answer a commit of somebody who is not a member so when there are members. */
const joinedSince = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'])

/** The groups of the source that have positions in the topics. */
export async function groupsOf(source: Cluster, topics: Iterable<string>): Promise<readonly SourceGroup[]> {
  const admin = createAdmin(source)
  const mirrored = new Set(topics)
  const groups: SourceGroup[] = []
  for (const { group, protocolType, type } of await admin.listGroups()) {
    const consumers = protocolType === 'consumer' || protocolType === ''
    if (!consumers || type === 'share' || type === 'streams' || isMirrorGroup(group)) continue
    const committed = await admin.groupOffsets(group)
    const positions = new Map([...committed].filter(([name]) => mirrored.has(topicOf(name))))
    if (positions.size > 0) groups.push({ group, positions })
  }
  return groups
}

/** What would become of each group, as far as that is known before anything is copied. */
export async function planGroups(target: Cluster, groups: readonly SourceGroup[]): Promise<GroupMove[]> {
  const admin = createAdmin(target)
  const moves: GroupMove[] = []
  for (const { group, positions } of groups) {
    const kept = isPipeline(positions) ? 'pipeline' : (await hasMembers(admin, group)) ? 'has members' : null
    moves.push({ group, kept, partitions: kept === null ? positions.size : 0 })
  }
  return moves
}

/** Moves them. @throws what a broker answers, other than that a group has members */
export async function moveGroups(
  target: Cluster,
  names: MirrorNames,
  { groups, topics }: { readonly groups: readonly SourceGroup[]; readonly topics: MirroredTopics },
): Promise<GroupMove[]> {
  const translations = await translationsFor(target, names, { groups, topics })
  const admin = createAdmin(target)
  const moves: GroupMove[] = []
  for (const one of groups) {
    const wanted: OffsetToCommit[] = []
    for (const [name, { offset, metadata }] of one.positions) {
      const translated = translations.get(name)?.translation.of(offset)
      if (translated === undefined) continue
      const at = name.lastIndexOf('/')
      wanted.push({
        topic: topicOf(name),
        partition: Number(name.slice(at + 1)),
        offset: translated,
        metadata,
      })
    }
    moves.push(await move(admin, one, wanted))
  }
  return moves
}

async function move(
  admin: Admin,
  { group, positions }: SourceGroup,
  wanted: readonly OffsetToCommit[],
): Promise<GroupMove> {
  const kept = (reason: GroupKept): GroupMove => ({ group, kept: reason, partitions: 0 })
  if (isPipeline(positions)) return kept('pipeline')
  if (wanted.length === 0) return kept('offsets unknown')
  if (await hasMembers(admin, group)) return kept('has members')
  const there = await admin.groupOffsets(group, wanted)
  const ahead = wanted.filter(
    ({ topic, partition, offset }) => offset > (there.get(partitionName(topic, partition))?.offset ?? -1),
  )
  if (ahead.length === 0) return kept('up to date')
  try {
    await admin.alterGroupOffsets(group, ahead)
  } catch (error) {
    if (!isMillraceError(error) || !joinedSince.has(String(error.context['kafkaName']))) throw error
    return kept('has members')
  }
  return { group, kept: null, partitions: ahead.length }
}

async function translationsFor(
  target: Cluster,
  { offsetsTopic }: MirrorNames,
  { groups, topics }: { readonly groups: readonly SourceGroup[]; readonly topics: MirroredTopics },
): Promise<ReadonlyMap<string, { readonly topicId: string; readonly translation: Translation }>> {
  const wanted = new Map<string, number[]>()
  for (const { positions } of groups) {
    for (const [name, { offset }] of positions) {
      const known = wanted.get(name)
      if (known === undefined) wanted.set(name, [offset])
      else known.push(offset)
    }
  }
  const translations = new Map(
    [...wanted].map(([name, offsets]) => {
      const topicId = topics.get(topicOf(name)) ?? ''
      return [name, { topicId, translation: new Translation(offsets) }]
    }),
  )
  if (translations.size > 0) await readRuns(target, offsetsTopic, translations)
  return translations
}

async function hasMembers(admin: Admin, group: string): Promise<boolean> {
  const [description] = await admin.describeGroups([group])
  return (description?.members.length ?? 0) > 0
}

/** The threads of a pipeline commit JSON with the times of their lanes. */
function isPipeline(positions: SourceGroup['positions']): boolean {
  return [...positions.values()].some(({ metadata }) => /^\{"[tl]":/.test(metadata))
}

function topicOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'))
}
