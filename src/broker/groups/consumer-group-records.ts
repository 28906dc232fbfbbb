/**
 * Consumer groups (KIP-848) as records of `__consumer_offsets`, in Kafka's format: of a group its epoch (key type 3)
 * and that of its target (6) and what its patterns find (16); of each member what it wants (5), its target (7) and
 * what it has (8).
 *
 * A group remembers what was written of it. After a request, `changedRecords` are those that are not as written;
 * they go into one batch, so that a log never holds half a change. Read back (`readConsumerGroup`) they are the
 * group: after a restart, or when a batch could not be written.
 *
 * Kafka's hash over the topics of a group is replaced by one of our own in the same place: a broker that finds
 * another than its own raises the epoch of the group once.
 */
import { crc32c } from '../../core/crc32c.ts'
import { murmur2 } from '../../core/murmur2.ts'
import { decodeMessage, decodeVersioned, encodeVersioned, versionOf } from '../../protocol/codec/message.ts'
import * as records from '../../protocol/coordinator-records/consumer-group.ts'
import type { CoordinatorRecord } from '../coordinator-log.ts'
import type { Assignment, ConsumerGroup, ConsumerMember, ConsumerMemberState } from './consumer-group.ts'
import type { TopicView } from './target-assignment.ts'

const GROUP_TYPE = 3
const MEMBER_TYPE = 5
const TARGET_TYPE = 6
const TARGET_MEMBER_TYPE = 7
const CURRENT_TYPE = 8
const REGEX_TYPE = 16
/** In the place of the epoch of a static member that said it would be back. */
const AWAY_EPOCH = -2

/** The records of a group that count, by the text of their keys. */
export type WrittenRecords = Map<string, CoordinatorRecord & { readonly value: Buffer }>

const states: readonly ConsumerMemberState[] = ['stable', 'revoking', 'waiting']

const groupKey = (groupId: string): Buffer =>
  encodeVersioned(records.consumerGroupMetadataKey, GROUP_TYPE, { groupId })
const targetKey = (groupId: string): Buffer =>
  encodeVersioned(records.consumerGroupTargetAssignmentMetadataKey, TARGET_TYPE, { groupId })
const memberKey = (groupId: string, memberId: string): Buffer =>
  encodeVersioned(records.consumerGroupMemberMetadataKey, MEMBER_TYPE, { groupId, memberId })
const targetMemberKey = (groupId: string, memberId: string): Buffer =>
  encodeVersioned(records.consumerGroupTargetAssignmentMemberKey, TARGET_MEMBER_TYPE, { groupId, memberId })
const currentKey = (groupId: string, memberId: string): Buffer =>
  encodeVersioned(records.consumerGroupCurrentMemberAssignmentKey, CURRENT_TYPE, { groupId, memberId })
const regexKey = (groupId: string, regularExpression: string): Buffer =>
  encodeVersioned(records.consumerGroupRegularExpressionKey, REGEX_TYPE, { groupId, regularExpression })

const textOf = (key: Buffer): string => key.toString('latin1')

/** A number that differs when the topics of a group do: others, made anew, or with more partitions. */
export function topicsHashOf(topics: Iterable<TopicView>): bigint {
  const texts = [...topics].map(({ name, id, partitionCount }) => `${name} ${id} ${partitionCount}`)
  if (texts.length === 0) return 0n
  const bytes = Buffer.from(texts.sort().join('\n'))
  return BigInt.asIntN(64, (BigInt(crc32c(bytes) >>> 0) << 32n) | BigInt(murmur2(bytes) >>> 0))
}

function partitionsOf(assignment: Assignment): { topicId: Buffer; partitions: number[] }[] {
  return [...assignment].map(([topicId, partitions]) => ({
    topicId: Buffer.from(topicId, 'hex'),
    partitions: [...partitions],
  }))
}

const groupValue = (group: ConsumerGroup): Buffer =>
  encodeVersioned(records.consumerGroupMetadataValue, 0, {
    epoch: group.epoch,
    metadataHash: group.topicsHash,
  })

const memberValue = (member: ConsumerMember): Buffer =>
  encodeVersioned(records.consumerGroupMemberMetadataValue, 0, {
    instanceId: member.instanceId,
    rackId: member.rackId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: [...member.topics],
    subscribedTopicRegex: member.regex,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    serverAssignor: member.assignor,
  })

const targetValue = (assignment: Assignment | undefined): Buffer =>
  encodeVersioned(records.consumerGroupTargetAssignmentMemberValue, 0, {
    topicPartitions: partitionsOf(assignment ?? new Map()),
  })

const currentValue = (member: ConsumerMember): Buffer =>
  encodeVersioned(records.consumerGroupCurrentMemberAssignmentValue, 0, {
    memberEpoch: member.away ? AWAY_EPOCH : member.epoch,
    // Of a member that is away the epoch it left with, by which it is known.
    previousMemberEpoch: member.away ? member.epoch : member.previousEpoch,
    state: states.indexOf(member.state),
    assignedPartitions: partitionsOf(member.assigned),
    partitionsPendingRevocation: partitionsOf(member.revoking),
  })

/** What has to be written after a change that concerned these members, which may have come or gone. */
export function changedRecords(group: ConsumerGroup, memberIds: Iterable<string>): CoordinatorRecord[] {
  const { id, written } = group
  const changed: CoordinatorRecord[] = []
  const expect = (key: Buffer, value: Buffer | null): void => {
    const present = written.get(textOf(key))?.value
    if (value === null ? present === undefined : present?.equals(value)) return
    changed.push({ key, value })
  }
  expect(groupKey(id), groupValue(group))
  const targets = new Set<string>()
  for (const memberId of memberIds) {
    const member = group.member(memberId)
    expect(memberKey(id, memberId), member === undefined ? null : memberValue(member))
    expect(currentKey(id, memberId), member === undefined ? null : currentValue(member))
    targets.add(memberId)
  }
  const targetEpoch = encodeVersioned(records.consumerGroupTargetAssignmentMetadataValue, 0, {
    assignmentEpoch: group.targetEpoch,
  })
  if (!written.get(textOf(targetKey(id)))?.value.equals(targetEpoch)) {
    changed.push({ key: targetKey(id), value: targetEpoch })
    for (const member of group.members) targets.add(member.id)
  }
  for (const memberId of targets) {
    const assignment = group.target.get(memberId)
    const gone = group.member(memberId) === undefined
    expect(targetMemberKey(id, memberId), gone ? null : targetValue(assignment))
  }
  changed.push(...changedPatterns(group))
  return changed
}

function changedPatterns({ id, found, foundWritten, written }: ConsumerGroup): CoordinatorRecord[] {
  if (found === foundWritten) return []
  const changed: CoordinatorRecord[] = []
  for (const regex of foundWritten.keys()) {
    if (!found.has(regex)) changed.push({ key: regexKey(id, regex), value: null })
  }
  for (const [regex, topics] of found) {
    const key = regexKey(id, regex)
    // Without a time: who reads it looks again.
    const value = encodeVersioned(records.consumerGroupRegularExpressionValue, 0, {
      topics: [...topics].sort(),
      version: 0n,
      timestamp: 0n,
    })
    if (!written.get(textOf(key))?.value.equals(value)) changed.push({ key, value })
  }
  return changed
}

/** Takes note of records in the log. */
export function noteWritten(written: WrittenRecords, changed: readonly CoordinatorRecord[]): void {
  for (const { key, value } of changed) {
    if (value === null) written.delete(textOf(key))
    else written.set(textOf(key), { key, value })
  }
}

/** The record of a group that begins with this epoch. */
export function consumerGroupRecord(groupId: string, epoch: number): CoordinatorRecord {
  return {
    key: groupKey(groupId),
    value: encodeVersioned(records.consumerGroupMetadataValue, 0, { epoch }),
  }
}

/** Takes a group away. */
export function consumerGroupTombstones({ written }: ConsumerGroup): CoordinatorRecord[] {
  return [...written.values()].map(({ key }) => ({ key, value: null }))
}

/** The consumer group that a record belongs to; undefined for a record of another kind. */
export function consumerGroupOf(key: Buffer): string | undefined {
  const type = versionOf(key)
  const body = key.subarray(2)
  switch (type) {
    case GROUP_TYPE:
      return decodeMessage(records.consumerGroupMetadataKey, type, body).groupId
    case MEMBER_TYPE:
      return decodeMessage(records.consumerGroupMemberMetadataKey, type, body).groupId
    case TARGET_TYPE:
      return decodeMessage(records.consumerGroupTargetAssignmentMetadataKey, type, body).groupId
    case TARGET_MEMBER_TYPE:
      return decodeMessage(records.consumerGroupTargetAssignmentMemberKey, type, body).groupId
    case CURRENT_TYPE:
      return decodeMessage(records.consumerGroupCurrentMemberAssignmentKey, type, body).groupId
    case REGEX_TYPE:
      return decodeMessage(records.consumerGroupRegularExpressionKey, type, body).groupId
    default:
      return undefined
  }
}

/** A member as it is kept. */
export interface KeptConsumerMember
  extends Pick<
    ConsumerMember,
    'id' | 'instanceId' | 'rackId' | 'clientId' | 'clientHost' | 'rebalanceTimeoutMs' | 'topics' | 'regex'
  > {
  readonly assignor: string | null
  readonly epoch: number
  readonly previousEpoch: number
  readonly away: boolean
  readonly state: ConsumerMemberState
  readonly assigned: Assignment
  readonly revoking: Assignment
}

/** A consumer group as its records tell it. */
export interface KeptConsumerGroup {
  readonly epoch: number
  readonly topicsHash: bigint
  readonly targetEpoch: number
  readonly target: ReadonlyMap<string, Assignment>
  readonly members: readonly KeptConsumerMember[]
  readonly found: ReadonlyMap<string, ReadonlySet<string>>
}

function assignmentOf(
  parts: readonly { readonly topicId: Buffer; readonly partitions: readonly number[] }[],
): Assignment {
  return new Map(parts.map(({ topicId, partitions }) => [topicId.toString('hex'), new Set(partitions)]))
}

/** Reads a group; undefined when there is no record of the group itself. */
export function readConsumerGroup(groupId: string, written: WrittenRecords): KeptConsumerGroup | undefined {
  const group = written.get(textOf(groupKey(groupId)))?.value
  if (group === undefined) return undefined
  const { epoch, metadataHash } = decodeVersioned(records.consumerGroupMetadataValue, group)
  const target = new Map<string, Assignment>()
  const members: KeptConsumerMember[] = []
  const found = new Map<string, ReadonlySet<string>>()
  for (const { key, value } of written.values()) {
    const type = versionOf(key)
    const body = key.subarray(2)
    if (type === MEMBER_TYPE) {
      const { memberId } = decodeMessage(records.consumerGroupMemberMetadataKey, type, body)
      members.push(readMember(groupId, memberId, value, written))
    } else if (type === TARGET_MEMBER_TYPE) {
      const { memberId } = decodeMessage(records.consumerGroupTargetAssignmentMemberKey, type, body)
      const read = decodeVersioned(records.consumerGroupTargetAssignmentMemberValue, value)
      target.set(memberId, assignmentOf(read.topicPartitions))
    } else if (type === REGEX_TYPE) {
      const { regularExpression } = decodeMessage(records.consumerGroupRegularExpressionKey, type, body)
      const read = decodeVersioned(records.consumerGroupRegularExpressionValue, value)
      found.set(regularExpression, new Set(read.topics))
    }
  }
  const targetRecord = written.get(textOf(targetKey(groupId)))?.value
  const targetEpoch =
    targetRecord === undefined
      ? epoch
      : decodeVersioned(records.consumerGroupTargetAssignmentMetadataValue, targetRecord).assignmentEpoch
  return { epoch, topicsHash: metadataHash, targetEpoch, target, members, found }
}

function readMember(groupId: string, id: string, value: Buffer, written: WrittenRecords): KeptConsumerMember {
  const wants = decodeVersioned(records.consumerGroupMemberMetadataValue, value)
  const bytes = written.get(textOf(currentKey(groupId, id)))?.value
  const has =
    bytes === undefined
      ? undefined
      : decodeVersioned(records.consumerGroupCurrentMemberAssignmentValue, bytes)
  const away = has?.memberEpoch === AWAY_EPOCH
  const previousEpoch = has?.previousMemberEpoch ?? 0
  return {
    id,
    instanceId: wants.instanceId,
    rackId: wants.rackId,
    clientId: wants.clientId,
    clientHost: wants.clientHost,
    rebalanceTimeoutMs: wants.rebalanceTimeoutMs,
    topics: wants.subscribedTopicNames,
    regex: wants.subscribedTopicRegex,
    assignor: wants.serverAssignor,
    epoch: away ? previousEpoch : (has?.memberEpoch ?? 0),
    previousEpoch,
    away,
    state: states[has?.state ?? 0] ?? 'stable',
    assigned: assignmentOf(has?.assignedPartitions ?? []),
    revoking: assignmentOf(has?.partitionsPendingRevocation ?? []),
  }
}
