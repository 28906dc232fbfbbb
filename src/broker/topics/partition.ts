/**
 * A partition as the broker serves it: its log, who waits for new records in it, and its counters.
 *
 * Everything that is appended goes through here, so that long polls wake up and the figures are right.
 */
import type { AppendControlOptions, AppendResult } from '../../log/log-types.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import type { Clock } from '../../platform/clock.ts'

/** Is told how many bytes more can be read; infinite when that is not known. It must not append itself. */
export type AppendListener = (bytes: number) => void

export class Partition {
  readonly topic: string
  readonly topicId: Buffer
  readonly index: number
  readonly log: PartitionLog
  bytesIn = 0
  bytesOut = 0
  recordsIn = 0
  /** Batches of clients, and how many of them were refused. */
  produces = 0
  failedProduces = 0
  fetches = 0
  failedFetches = 0
  private readonly clock: Clock
  private readonly listeners = new Set<AppendListener>()
  /** Appended, and not yet readable: with `flush` set, readers wait for the disk as well. */
  private unseenBytes = 0

  constructor(options: {
    readonly topic: string
    readonly topicId: Buffer
    readonly index: number
    readonly log: PartitionLog
    readonly clock: Clock
  }) {
    this.topic = options.topic
    this.topicId = options.topicId
    this.index = options.index
    this.log = options.log
    this.clock = options.clock
    options.log.onAppend(() => this.readable())
  }

  get leaderEpoch(): number {
    return this.log.leaderEpoch
  }

  /** @throws what `PartitionLog.append` throws */
  append(bytes: Buffer, origin: 'client' | 'coordinator'): AppendResult {
    const before = this.unseenBytes
    // Before the append: readers are told while it is under way.
    this.unseenBytes += bytes.length
    let written = false
    let taken = false
    if (origin === 'client') this.produces++
    try {
      const result = this.log.append(bytes, { origin, nowMs: this.clock.nowMs() })
      taken = true
      written = !result.duplicate
      if (written) {
        this.bytesIn += bytes.length
        this.recordsIn += result.lastOffset - result.baseOffset + 1
      }
      return result
    } finally {
      if (!written) this.unseenBytes = before
      if (!taken && origin === 'client') this.failedProduces++
    }
  }

  /** Ends a producer's transaction. @throws what `PartitionLog.appendControl` throws */
  appendMarker(options: Omit<AppendControlOptions, 'nowMs'>): AppendResult {
    // What the transaction wrote before becomes readable with it: nobody knows how much that is.
    this.unseenBytes = Number.POSITIVE_INFINITY
    return this.log.appendControl({ ...options, nowMs: this.clock.nowMs() })
  }

  /** Calls `listener` whenever readers may see more, until the returned function is called. */
  onAppend(listener: AppendListener): () => void {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }

  /** Wakes everyone who waits: the partition is about to go. */
  wakeAll(): void {
    this.unseenBytes = Number.POSITIVE_INFINITY
    this.readable()
  }

  private readable(): void {
    const bytes = this.unseenBytes
    this.unseenBytes = 0
    for (const listener of this.listeners) listener(bytes)
  }
}
