/**
 * What is known of a cluster: brokers, topics, leaders. Filled from Metadata answers, and from the hints about new
 * leaders that Produce and Fetch answers carry (KIP-951).
 *
 * Rules: an answer with an older leader epoch than known does not count (KIP-320); a topic that comes back with
 * another id is another topic, of which nothing is known (KIP-516).
 */
import type { metadata } from '../../protocol/apis/metadata.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseOf } from '../../protocol/schema/message.ts'
import { formatUuid } from '../../protocol/uuid.ts'
import { type BrokerAddress, formatAddress } from '../connection/address.ts'

export interface BrokerInfo extends BrokerAddress {
  readonly nodeId: number
  readonly rack: string | null
}

export interface PartitionInfo {
  readonly partition: number
  /** -1 while there is none. */
  readonly leader: number
  /** -1 when the broker does not tell. */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
}

export interface TopicInfo {
  readonly topic: string
  /** All zero when the broker has no topic ids. */
  readonly topicId: Buffer
  /** The id as text: the key of maps. */
  readonly idText: string
  readonly internal: boolean
  /** By partition number. */
  readonly partitions: readonly PartitionInfo[]
}

export interface NewLeader {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly endpoints: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
}

type Answer = ResponseOf<typeof metadata>
type TopicAnswer = Answer['topics'][number]

export class MetadataCache {
  clusterId: string | null = null
  controllerId = -1
  readonly brokers = new Map<number, BrokerInfo>()
  readonly topics = new Map<string, TopicInfo>()
  /** Topic names by id text. */
  private readonly names = new Map<string, string>()
  /** Goes up with every change. */
  version = 0

  broker(nodeId: number): BrokerInfo | undefined {
    return this.brokers.get(nodeId)
  }

  topicOfId(id: Uint8Array): string | undefined {
    return this.names.get(formatUuid(id))
  }

  partition(topic: string, partition: number): PartitionInfo | undefined {
    return this.topics.get(topic)?.partitions[partition]
  }

  /** Takes an answer over. Returns the topics that it says do not exist. */
  merge(answer: Answer): ReadonlySet<string> {
    this.version++
    this.clusterId = answer.clusterId
    this.controllerId = answer.controllerId
    if (answer.brokers.length > 0) {
      this.brokers.clear()
      for (const { nodeId, host, port, rack } of answer.brokers) {
        this.brokers.set(nodeId, { nodeId, host, port, rack })
      }
    }
    const missing = new Set<string>()
    for (const topic of answer.topics) {
      if (topic.name === null) continue
      if (topic.errorCode === ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION) {
        missing.add(topic.name)
        this.forget(topic.name)
      } else if (topic.errorCode === ErrorCodes.NONE) this.mergeTopic(topic.name, topic)
    }
    return missing
  }

  /** A broker told of a new leader with its answer. Returns whether that was news. */
  mergeLeader(topic: string, partition: number, leader: NewLeader): boolean {
    const info = this.topics.get(topic)
    const known = info?.partitions[partition]
    if (info === undefined || known === undefined) return false
    if (leader.leaderId < 0 || leader.leaderEpoch <= known.leaderEpoch) return false
    const endpoint = leader.endpoints.find(({ nodeId }) => nodeId === leader.leaderId)
    if (endpoint !== undefined && this.brokers.get(leader.leaderId) === undefined) {
      this.brokers.set(leader.leaderId, { ...endpoint, rack: null })
    }
    if (!this.brokers.has(leader.leaderId)) return false
    const changed = { ...known, leader: leader.leaderId, leaderEpoch: leader.leaderEpoch }
    this.topics.set(topic, { ...info, partitions: info.partitions.with(partition, changed) })
    this.version++
    return true
  }

  forget(topic: string): void {
    const info = this.topics.get(topic)
    if (info === undefined) return
    this.topics.delete(topic)
    this.names.delete(info.idText)
  }

  /** All brokers, for texts. */
  describeBrokers(): string {
    return [...this.brokers.values()].map(formatAddress).join(', ')
  }

  private mergeTopic(name: string, answer: TopicAnswer): void {
    const idText = formatUuid(answer.topicId)
    const known = this.topics.get(name)
    const before = known?.idText === idText ? known.partitions : []
    if (known !== undefined && known.idText !== idText) this.names.delete(known.idText)
    const partitions: PartitionInfo[] = []
    for (const one of answer.partitions) {
      const fresh: PartitionInfo = {
        partition: one.partitionIndex,
        leader: one.errorCode === ErrorCodes.LEADER_NOT_AVAILABLE ? -1 : one.leaderId,
        leaderEpoch: one.leaderEpoch,
        replicas: one.replicaNodes,
        inSyncReplicas: one.isrNodes,
      }
      const old = before[one.partitionIndex]
      const stale = old !== undefined && fresh.leaderEpoch >= 0 && fresh.leaderEpoch < old.leaderEpoch
      partitions[one.partitionIndex] = stale ? old : fresh
    }
    this.topics.set(name, {
      topic: name,
      topicId: answer.topicId,
      idText,
      internal: answer.isInternal,
      partitions: dense(partitions),
    })
    this.names.set(idText, name)
  }
}

/** Partitions that an answer left out count as having no leader. */
function dense(partitions: readonly (PartitionInfo | undefined)[]): readonly PartitionInfo[] {
  return Array.from(
    partitions,
    (one, partition) => one ?? { partition, leader: -1, leaderEpoch: -1, replicas: [], inSyncReplicas: [] },
  )
}
