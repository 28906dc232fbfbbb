/**
 * Groups and offsets as records of `__consumer_offsets`, in Kafka's format.
 *
 * Of a group only what must outlive the process is written: generation (or epoch) and protocol, not its members,
 * who join anew after a restart.
 */
import { ByteReader } from '../../core/byte-reader.ts'
import { decodeMessage, encodeVersioned, readMessage, versionOf } from '../../protocol/codec/message.ts'
import {
  consumerGroupMetadataKey,
  consumerGroupMetadataValue,
} from '../../protocol/coordinator-records/consumer-group.ts'
import { groupMetadataKey, groupMetadataValue } from '../../protocol/coordinator-records/group-metadata.ts'
import { offsetCommitKey, offsetCommitValue } from '../../protocol/coordinator-records/offset-commit.ts'
import type { CoordinatorRecord } from '../coordinator-log.ts'
import type { CommittedOffset } from './offsets.ts'

const OFFSET_KEY_TYPE = 1
const GROUP_KEY_TYPE = 2
const CONSUMER_GROUP_KEY_TYPE = 3
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

/** What is kept of a classic group. */
export interface KeptGroup {
  readonly protocolType: string
  readonly generation: number
  readonly protocolName: string | null
  readonly leaderId: string | null
  readonly stateSinceMs: number
}

const groupKey = (group: string): Buffer => encodeVersioned(groupMetadataKey, GROUP_KEY_TYPE, { group })
const consumerGroupKey = (groupId: string): Buffer =>
  encodeVersioned(consumerGroupMetadataKey, CONSUMER_GROUP_KEY_TYPE, { groupId })

export function groupRecord(group: string, kept: KeptGroup): CoordinatorRecord {
  return {
    key: groupKey(group),
    value: encodeVersioned(groupMetadataValue, GROUP_VALUE_VERSION, {
      protocolType: kept.protocolType,
      generation: kept.generation,
      protocol: kept.protocolName,
      leader: kept.leaderId,
      currentStateTimestamp: BigInt(kept.stateSinceMs),
      members: [],
    }),
  }
}

export function groupTombstone(group: string): CoordinatorRecord {
  return { key: groupKey(group), value: null }
}

/** The epoch of a group of the consumer protocol. */
export function consumerGroupRecord(group: string, epoch: number): CoordinatorRecord {
  return { key: consumerGroupKey(group), value: encodeVersioned(consumerGroupMetadataValue, 0, { epoch }) }
}

export function consumerGroupTombstone(group: string): CoordinatorRecord {
  return { key: consumerGroupKey(group), value: null }
}

export type GroupRecord =
  | {
      readonly kind: 'offset'
      readonly name: OffsetName
      readonly committed: Omit<CommittedOffset, 'logOffset'> | null
    }
  | { readonly kind: 'classic'; readonly group: string; readonly kept: KeptGroup | null }
  | { readonly kind: 'consumer'; readonly group: string; readonly epoch: number | null }

/** Reads a record; undefined for a kind that is not kept here. */
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
  if (type === CONSUMER_GROUP_KEY_TYPE) {
    const { groupId } = decodeMessage(consumerGroupMetadataKey, type, body)
    return { kind: 'consumer', group: groupId, epoch: value === null ? null : readEpoch(value) }
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
  }
}

function readEpoch(value: Buffer): number {
  const reader = new ByteReader(value)
  return readMessage(consumerGroupMetadataValue, reader.int16(), reader).epoch
}
