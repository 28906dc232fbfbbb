/** A group for tests: its offsets, and a member that can join it. */
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { joinGroup } from '../../protocol/apis/join-group.ts'
import { offsetCommit } from '../../protocol/apis/offset-commit.ts'
import { offsetFetch } from '../../protocol/apis/offset-fetch.ts'
import { syncGroup } from '../../protocol/apis/sync-group.ts'
import { encodeVersioned } from '../../protocol/codec/message.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { consumerProtocolSubscription } from '../../protocol/messages/consumer-protocol.ts'
import { TestBroker } from '../broker-fixture.ts'
import type { BrokerConfig } from '../config/broker-config.ts'

/** The last version that names topics. */
export const NAMES = { version: 9 }

/** A broker with the topics `t` and `u`. */
export async function open(config: BrokerConfig = {}): Promise<TestBroker> {
  const broker = await TestBroker.open(config)
  await broker.send(createTopics, {
    topics: ['t', 'u'].map((name) => ({
      name,
      numPartitions: 3,
      replicationFactor: 1,
      assignments: [],
      configs: [],
    })),
  })
  return broker
}

export interface Claim {
  readonly memberId?: string
  readonly generationIdOrMemberEpoch?: number
  readonly groupInstanceId?: string
}

export async function commit(
  broker: TestBroker,
  offset: bigint,
  changes: Claim & {
    group?: string
    topic?: string
    metadata?: string
    retentionMs?: bigint
    partition?: number
  } = {},
): Promise<number> {
  const { group = 'g', topic = 't', metadata = '', retentionMs, partition = 0, ...claim } = changes
  const answer = await broker.send(
    offsetCommit,
    {
      groupId: group,
      memberId: '',
      generationIdOrMemberEpoch: -1,
      ...claim,
      ...(retentionMs !== undefined && { retentionTimeMs: retentionMs }),
      topics: [
        {
          name: topic,
          partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: metadata }],
        },
      ],
    },
    { version: retentionMs === undefined ? 9 : 4 },
  )
  return answer.topics[0]!.partitions[0]!.errorCode
}

export async function committed(
  broker: TestBroker,
  changes: { group?: string; topic?: string; requireStable?: boolean } = {},
): Promise<bigint | string> {
  const { group = 'g', topic = 't', requireStable = false } = changes
  const topics = [{ name: topic, partitionIndexes: [0] }]
  const answer = await broker.send(
    offsetFetch,
    { groups: [{ groupId: group, topics }], requireStable },
    NAMES,
  )
  const found = answer.groups[0]!.topics[0]!.partitions[0]!
  return found.errorCode === ErrorCodes.UNSTABLE_OFFSET_COMMIT ? 'unstable' : found.committedOffset
}

const subscription = (...topics: string[]): Buffer =>
  encodeVersioned(consumerProtocolSubscription, 1, { topics })

export interface Member {
  readonly memberId: string
  readonly generation: number
}

/** Joins as the leader of a group, and hands out the assignment; static members in the version that they need. */
export async function joined(
  broker: TestBroker,
  group = 'g',
  metadata = subscription('t'),
  sessionTimeoutMs = 1_800_000,
  groupInstanceId: string | null = null,
): Promise<Member> {
  const version = groupInstanceId === null ? 3 : 5
  const join = await broker.send(
    joinGroup,
    {
      groupId: group,
      sessionTimeoutMs,
      rebalanceTimeoutMs: 60_000,
      memberId: '',
      groupInstanceId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata }],
    },
    { version },
  )
  const { memberId, generationId } = join
  await broker.send(syncGroup, {
    groupId: group,
    generationId,
    memberId,
    groupInstanceId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId, assignment: Buffer.from('all') }],
  })
  return { memberId, generation: generationId }
}

export const claimOf = ({ memberId, generation }: Member): Claim => ({
  memberId,
  generationIdOrMemberEpoch: generation,
})
