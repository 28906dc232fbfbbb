/**
 * Classic groups and offsets as records of `__consumer_offsets`, in Kafka's format. Those of consumer groups are in
 * consumer-group-records.ts.
 *
 * A classic group is one record: its generation, and its members with what they subscribed to and what they read,
 * so that after a restart they go on with the next heartbeat as if nothing had happened.
 */
import { ByteReader } from '../../core/byte-reader.ts'
import { decodeMessage, encodeVersioned, readMessage, versionOf } from '../../protocol/codec/message.ts'
import { groupMetadataKey, groupMetadataValue } from '../../protocol/coordinator-records/group-metadata.ts'
import { offsetCommitKey, offsetCommitValue } from '../../protocol/coordinator-records/offset-commit.ts'
import type { CoordinatorRecord } from '../coordinator-log.ts'
import type { CommittedOffset } from './offsets.ts'

const OFFSET_KEY_TYPE = 1
const GROUP_KEY_TYPE = 2
/** The last non-flexible versions: what Kafka 3 and 4 write as well. */
const OFFSET_VALUE_VERSION = 3
const OFFSET_VALUE_VERSION_WITH_EXPIRY = 1
const GROUP_VALUE_VERSION = 3

export interface OffsetName {
  readonly group: string
  readonly topic: string
  readonly partition: number
}

const offsetKey = ({ group, topic, partition }: OffsetName): Buffer =>
  encodeVersioned(offsetCommitKey, OFFSET_KEY_TYPE, { group, topic, partition })

export function offsetRecord(
  name: OffsetName,
  committed: Omit<CommittedOffset, 'logOffset'>,
): CoordinatorRecord {
  const expires = committed.expireMs >= 0
  const value = encodeVersioned(
    offsetCommitValue,
    expires ? OFFSET_VALUE_VERSION_WITH_EXPIRY : OFFSET_VALUE_VERSION,
    {
      offset: committed.offset,
      leaderEpoch: committed.leaderEpoch,
      metadata: committed.metadata,
      commitTimestamp: BigInt(committed.commitMs),
      expireTimestamp: BigInt(committed.expireMs),
    },
  )
  return { key: offsetKey(name), value }
}

export function offsetTombstone(name: OffsetName): CoordinatorRecord {
  return { key: offsetKey(name), value: null }
}

/** A member of a classic group as it is kept: of what it can speak only the protocol that was chosen. */
export interface KeptMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly subscription: Buffer
  readonly assignment: Buffer
}

/** What is kept of a classic group. */
export interface KeptGroup {
  readonly protocolType: string
  readonly generation: number
  readonly protocolName: string | null
  readonly leaderId: string | null
  readonly stateSinceMs: number
  readonly members: readonly KeptMember[]
}

const groupKey = (group: string): Buffer => encodeVersioned(groupMetadataKey, GROUP_KEY_TYPE, { group })

export function groupRecord(group: string, kept: KeptGroup): CoordinatorRecord {
  return {
    key: groupKey(group),
    value: encodeVersioned(groupMetadataValue, GROUP_VALUE_VERSION, {
      protocolType: kept.protocolType,
      generation: kept.generation,
      protocol: kept.protocolName,
      leader: kept.leaderId,
      currentStateTimestamp: BigInt(kept.stateSinceMs),
      members: kept.members.map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: member.subscription,
        assignment: member.assignment,
      })),
    }),
  }
}

export function groupTombstone(group: string): CoordinatorRecord {
  return { key: groupKey(group), value: null }
}

export type GroupRecord =
  | {
      readonly kind: 'offset'
      readonly name: OffsetName
      readonly committed: Omit<CommittedOffset, 'logOffset'> | null
    }
  | { readonly kind: 'classic'; readonly group: string; readonly kept: KeptGroup | null }

/** Reads a record; undefined for one of another kind. */
export function readGroupRecord(key: Buffer, value: Buffer | null): GroupRecord | undefined {
  const type = versionOf(key)
  const body = key.subarray(2)
  if (type === 0 || type === OFFSET_KEY_TYPE) {
    const name = decodeMessage(offsetCommitKey, type, body)
    return { kind: 'offset', name, committed: value === null ? null : readOffset(value) }
  }
  if (type === GROUP_KEY_TYPE) {
    const { group } = decodeMessage(groupMetadataKey, type, body)
    return { kind: 'classic', group, kept: value === null ? null : readGroup(value) }
  }
  return undefined
}

function readOffset(value: Buffer): Omit<CommittedOffset, 'logOffset'> {
  const reader = new ByteReader(value)
  const read = readMessage(offsetCommitValue, reader.int16(), reader)
  return {
    offset: read.offset,
    leaderEpoch: read.leaderEpoch,
    metadata: read.metadata,
    commitMs: Number(read.commitTimestamp),
    expireMs: Number(read.expireTimestamp),
  }
}

function readGroup(value: Buffer): KeptGroup {
  const reader = new ByteReader(value)
  const read = readMessage(groupMetadataValue, reader.int16(), reader)
  return {
    protocolType: read.protocolType,
    generation: read.generation,
    protocolName: read.protocol,
    leaderId: read.leader,
    stateSinceMs: Number(read.currentStateTimestamp),
    members: read.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeout < 0 ? member.sessionTimeout : member.rebalanceTimeout,
      sessionTimeoutMs: member.sessionTimeout,
      // Copies: a view would hold on to all that was read with it.
      subscription: Buffer.from(member.subscription),
      assignment: Buffer.from(member.assignment),
    })),
  }
}
