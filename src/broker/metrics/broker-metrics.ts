/** What the broker counts, as plain data: for `/metrics` and the console. */
import type { BrokerParts } from '../broker-parts.ts'
import type { ApiMetrics } from '../dispatcher.ts'
import type { Listeners } from '../listener/listeners.ts'
import type { Endpoint } from '../request-context.ts'

export interface PartitionMetrics {
  readonly topic: string
  readonly partition: number
  readonly internal: boolean
  readonly logStartOffset: number
  readonly endOffset: number
  readonly sizeBytes: number
  /** Since the broker started, as all below. */
  readonly recordsIn: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Batches of clients, and how many of them were refused. */
  readonly produces: number
  readonly failedProduces: number
  readonly fetches: number
  readonly failedFetches: number
  /** Why it takes no records, if so. */
  readonly fault: string | undefined
}

export interface GroupOffsetMetrics {
  readonly topic: string
  readonly partition: number
  readonly committedOffset: number
  /** 0 for a partition that is gone, or whose records were deleted and written anew. */
  readonly lagRecords: number
}

export interface GroupMetrics {
  readonly group: string
  readonly members: number
  readonly offsets: readonly GroupOffsetMetrics[]
}

export interface ListenerMetrics {
  readonly listener: string
  readonly open: number
  readonly accepted: number
  readonly loggedIn: number
  readonly refusedLogins: number
}

export interface BrokerMetrics {
  readonly nodeId: number
  /** Where clients are told to connect; undefined while nobody listens. */
  readonly advertised: Endpoint | undefined
  readonly nowMs: number
  readonly partitions: readonly PartitionMetrics[]
  readonly apis: readonly Readonly<ApiMetrics>[]
  readonly listeners: readonly ListenerMetrics[]
  readonly connections: {
    readonly open: number
    readonly inProcess: number
    readonly accepted: number
    readonly refused: number
  }
  readonly groups: number
  readonly consumerGroups: readonly GroupMetrics[]
  readonly transactionalIds: number
  readonly fetchSessions: number
  readonly waitingFetches: number
  readonly requestMemoryBytes: number
  readonly responseMemoryBytes: number
}

/** Reads all counters. Its cost grows with partitions and with the offsets of groups. */
export function readMetrics(
  parts: BrokerParts,
  counted: {
    readonly apis: readonly Readonly<ApiMetrics>[]
    readonly listeners: Listeners
    readonly inProcess: number
  },
): BrokerMetrics {
  const { groups, transactions, fetchSessions, longPolls, responseBudget } = parts
  const { listeners, inProcess, apis } = counted
  return {
    nodeId: parts.nodeId,
    advertised: listeners.endpoints[0],
    nowMs: parts.platform.clock.monotonicMs(),
    partitions: partitionMetrics(parts),
    apis,
    listeners: listeners.metrics,
    connections: {
      open: listeners.connectionCount,
      inProcess,
      accepted: listeners.accepted,
      refused: listeners.refused,
    },
    groups: groups.register.size,
    consumerGroups: groupMetrics(parts),
    transactionalIds: transactions.size,
    fetchSessions: fetchSessions.size,
    waitingFetches: longPolls.size,
    requestMemoryBytes: listeners.requestMemoryBytes,
    responseMemoryBytes: responseBudget.usedBytes,
  }
}

function partitionMetrics({ topics }: BrokerParts): PartitionMetrics[] {
  return topics.all.flatMap((topic) =>
    topic.partitions.map((partition) => ({
      topic: topic.name,
      partition: partition.index,
      internal: topic.internal,
      logStartOffset: partition.log.logStartOffset,
      endOffset: partition.log.highWatermark,
      sizeBytes: partition.log.sizeBytes,
      recordsIn: partition.recordsIn,
      bytesIn: partition.bytesIn,
      bytesOut: partition.bytesOut,
      produces: partition.produces,
      failedProduces: partition.failedProduces,
      fetches: partition.fetches,
      failedFetches: partition.failedFetches,
      fault: partition.log.fault?.message,
    })),
  )
}

function groupMetrics({ groups, topics }: BrokerParts): GroupMetrics[] {
  const found: GroupMetrics[] = []
  for (const { id, size } of groups.register.all) {
    const offsets: GroupOffsetMetrics[] = []
    for (const [topic, numbers] of groups.offsets.ofGroup(id)) {
      const served = topics.find(topic)
      for (const [partition, { offset }] of numbers) {
        const committedOffset = Number(offset)
        const endOffset = served?.partition(partition)?.log.highWatermark ?? committedOffset
        const lagRecords = Math.max(0, endOffset - committedOffset)
        offsets.push({ topic, partition, committedOffset, lagRecords })
      }
    }
    found.push({ group: id, members: size, offsets })
  }
  return found
}
