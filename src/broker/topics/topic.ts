/** A topic: its identity, settings and partitions. A partition whose log cannot be opened is offline. */
import type { LogConfig } from '../../log/log-config.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { Partition } from './partition.ts'

export class Topic {
  readonly name: string
  readonly id: Buffer
  /** Kept by the broker itself: clients may read it only. */
  readonly internal: boolean
  /** Settings of its own, as texts. */
  overrides: ReadonlyMap<string, string>
  config: LogConfig
  partitionCount = 0
  /** The id as hex text. */
  readonly hexId: string
  private readonly byIndex = new Map<number, Partition>()

  constructor(options: Pick<Topic, 'name' | 'id' | 'internal' | 'overrides' | 'config'>) {
    this.name = options.name
    this.id = options.id
    this.hexId = options.id.toString('hex')
    this.internal = options.internal
    this.overrides = options.overrides
    this.config = options.config
  }

  /** The partitions that are online, in order. */
  get partitions(): readonly Partition[] {
    return [...this.byIndex.values()]
  }

  partition(index: number): Partition | undefined {
    return this.byIndex.get(index)
  }

  /** What a client is told that asks for a partition which is not online. */
  missingCode(index: number): number {
    const offline = index >= 0 && index < this.partitionCount
    return offline ? ErrorCodes.KAFKA_STORAGE_ERROR : ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION
  }

  /** Adds the next partition; undefined for one that is offline. */
  addPartition(partition: Partition | undefined): void {
    if (partition !== undefined) this.byIndex.set(this.partitionCount, partition)
    this.partitionCount++
  }
}
