/**
 * One partition that a consumer reads.
 *
 * It can be fetched when its position is known, nothing waits to be polled, and it is neither paused, held (its
 * assignment or revocation is not through) nor pausing after a failure.
 */
import { partitionName } from '../../core/record.ts'
import type { FetchedBatches } from './fetched-batches.ts'

/** Where a partition starts when nobody has said so. */
export type StartAt = 'committed' | 'earliest' | 'latest' | 'reset'

export class AssignedPartition {
  readonly topic: string
  readonly partition: number
  readonly name: string
  /** The offset of the next record to be polled; -1 while it is looked up. */
  position = -1
  /** The leader epoch of the last record before the position; -1 when not known. */
  positionEpoch = -1
  /** What to look up while there is no position. */
  start: StartAt
  /** Goes up whenever the position is set from outside: what was fetched before does not count any more. */
  version = 0
  paused = false
  /** Nothing is fetched: callbacks about the partition have not run yet. */
  held = false
  /** Fetched, and not polled yet. */
  data: FetchedBatches | undefined
  /** A request with it is under way. */
  fetching = false
  /** Nothing is fetched before this time. */
  notBeforeMs = 0
  /** The leader epoch against which the position was checked. */
  validatedEpoch = -1
  /** The end of what can be read, as last seen; -1 before the first answer. */
  endOffset = -1
  /** A replica to read from in place of the leader (KIP-392), until a time. */
  replica: { readonly nodeId: number; readonly untilMs: number } | undefined
  /** When a broker answered about it last, or it was polled. */
  lastAnswerMs: number
  warned = false

  constructor(topic: string, partition: number, start: StartAt, nowMs: number) {
    this.topic = topic
    this.partition = partition
    this.name = partitionName(topic, partition)
    this.start = start
    this.lastAnswerMs = nowMs
  }

  canFetch(nowMs: number): boolean {
    return (
      this.position >= 0 &&
      this.data === undefined &&
      !this.fetching &&
      !this.paused &&
      !this.held &&
      this.notBeforeMs <= nowMs
    )
  }

  /** Goes on at `offset`. */
  seek(offset: number, epoch = -1): void {
    this.position = offset
    this.positionEpoch = epoch
    this.validatedEpoch = -1
    this.forgetData()
  }

  /** The position has to be looked up. */
  lookUp(start: StartAt): void {
    this.position = -1
    this.positionEpoch = -1
    this.start = start
    this.forgetData()
  }

  private forgetData(): void {
    this.data = undefined
    this.version++
    this.replica = undefined
    this.notBeforeMs = 0
  }
}
