/** What the broker counts, as plain data: for the server's metrics page and the console. */
import type { ApiMetrics } from './dispatcher.ts'

export interface PartitionMetrics {
  readonly topic: string
  readonly partition: number
  readonly internal: boolean
  readonly logStartOffset: number
  readonly endOffset: number
  readonly sizeBytes: number
  /** Since the broker started. */
  readonly recordsIn: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Why it takes no records, if so. */
  readonly fault: string | undefined
}

export interface BrokerMetrics {
  readonly partitions: readonly PartitionMetrics[]
  readonly apis: readonly Readonly<ApiMetrics>[]
  readonly connections: {
    readonly open: number
    readonly inProcess: number
    readonly accepted: number
    readonly refused: number
  }
  readonly groups: number
  readonly transactionalIds: number
  readonly fetchSessions: number
  readonly waitingFetches: number
  readonly requestMemoryBytes: number
  readonly responseMemoryBytes: number
}
