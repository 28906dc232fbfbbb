/**
 * A lane: records of one origin in the order in which they were written.
 *
 * A partition of a user's topic is one lane. A partition of an internal topic has one lane per task that writes
 * to it. A lane keeps fetched batches as bytes and decodes one record ahead, the head, because the task merges its
 * lanes by the heads' event times.
 *
 * Position: `nextOffset` is the first record that was not taken yet; it is what a commit stores. Batches may come
 * again from further back (after a restart, or because another lane of the same partition had to go back): records
 * below `nextOffset` and batches below `receivedOffset` are passed over.
 */
import { invariant } from '../../core/invariant.ts'
import type { Headers, StoredRecord } from '../../core/record.ts'
import { noHeaders } from '../../core/record.ts'
import type { InvalidPolicy } from '../../plan/graph.ts'
import { lastOffsetOf } from '../../protocol/record-batch/layout.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { LaneState } from './time-marker.ts'

/** Where records go that a source or an operator could not take. */
export interface InvalidRecords {
  /** @throws the error itself when the policy is `fail` */
  put(
    policy: InvalidPolicy,
    stage: 'deserialise' | 'process',
    error: unknown,
    lane: Lane,
    reader: RecordBatchReader,
  ): void
}

/** Turns the record under the cursor into the lane's head. False: it was put aside, go on with the next. */
export type HeadDecoder = (lane: Lane, reader: RecordBatchReader) => boolean

export class Lane {
  readonly topic: string
  readonly partition: number
  /** The task that writes this lane of an internal topic; -1 for a partition of a user's topic. */
  readonly upstreamPartition: number
  /** How far behind the largest event time the lane's own time stays. */
  readonly latenessMs: number

  /** The next record, when `hasHead`. */
  hasHead = false
  headKey: unknown = null
  headValue: unknown = null
  headTimestampMs = 0
  headOffset = -1
  headHeaders: Headers = noHeaders
  /** The head only carries time. */
  headMarker = false

  /** The lane's time: the largest seen, less lateness; of an internal lane, what its markers say. */
  timeMs = Number.NEGATIVE_INFINITY
  /** Internal lanes: what was said in an epoch before this one does not count any more. */
  epoch = 0
  /** What was said last of the lane, and in which epoch. */
  said: LaneState = 'active'
  saidEpoch = 0
  /** It is read to its end before the others. */
  bootstrapping = false
  /** Of lanes with records, that with the highest goes first. */
  readonly priority: number
  nextOffset = 0
  /** The offset behind the last batch that was taken in. */
  receivedOffset = 0
  bufferedBytes = 0

  private readonly decode: HeadDecoder
  private readonly reader = new RecordBatchReader()
  private readonly batches: Buffer[] = []
  private reading: Buffer | undefined

  constructor(
    place: {
      readonly topic: string
      readonly partition: number
      readonly upstreamPartition: number
      readonly latenessMs: number
      readonly bootstrap?: boolean
      readonly priority?: number
    },
    decode: HeadDecoder,
  ) {
    this.topic = place.topic
    this.partition = place.partition
    this.upstreamPartition = place.upstreamPartition
    this.latenessMs = place.latenessMs
    this.bootstrapping = place.bootstrap ?? false
    this.priority = place.priority ?? 0
    this.decode = decode
  }

  /** Whether the task has to wait for the lane when it has no head. */
  get state(): LaneState {
    return this.saidEpoch >= this.epoch ? this.said : 'active'
  }

  /** Notes what is known of the lane: of an internal one by a marker, with its epoch. */
  say(state: LaneState, epoch = this.epoch): void {
    this.said = state
    this.saidEpoch = epoch
  }

  /** Starts at a committed position. */
  startAt(nextOffset: number, timeMs: number): void {
    this.nextOffset = nextOffset
    this.receivedOffset = nextOffset
    this.timeMs = timeMs
  }

  /** Takes in one whole batch. The bytes must not change afterwards. */
  accept(batch: Buffer): void {
    const end = lastOffsetOf(batch, 0) + 1
    if (end <= this.receivedOffset) return
    this.receivedOffset = end
    this.batches.push(batch)
    this.bufferedBytes += batch.length
    if (this.upstreamPartition < 0 && this.said === 'idle') this.say('active')
  }

  /** True when there is a head now. */
  fill(): boolean {
    if (this.hasHead) return true
    for (;;) {
      while (this.reading !== undefined && this.reader.next()) {
        if (this.reader.offset < this.nextOffset) continue
        this.headOffset = this.reader.offset
        if (this.decode(this, this.reader)) {
          this.hasHead = true
          return true
        }
        this.nextOffset = this.headOffset + 1
      }
      this.finishBatch()
      const batch = this.batches.shift()
      if (batch === undefined) return false
      this.reading = batch
      this.reader.reset(batch, 0)
    }
  }

  /** The head was taken. */
  pop(): void {
    invariant(this.hasHead, 'a lane is popped only when it has a head')
    this.hasHead = false
    this.nextOffset = this.headOffset + 1
  }

  /** Puts the head aside as a record that could not be processed. */
  putAside(invalid: InvalidRecords, policy: InvalidPolicy, error: unknown): void {
    invalid.put(policy, 'process', error, this, this.reader)
  }

  /** A copy of the head as it lies in its topic. */
  storedHead(): StoredRecord {
    invariant(this.hasHead, 'a record is copied while it is the head')
    const { body, keyStart, keyEnd, valueStart, valueEnd, timestampMs } = this.reader
    return {
      topic: this.topic,
      partition: this.partition,
      offset: this.headOffset,
      timestampMs,
      key: keyStart < 0 ? null : Buffer.from(body.subarray(keyStart, keyEnd)),
      value: valueStart < 0 ? null : Buffer.from(body.subarray(valueStart, valueEnd)),
      headers: this.headHeaders,
    }
  }

  private finishBatch(): void {
    if (this.reading === undefined) return
    this.bufferedBytes -= this.reading.length
    // Compaction may have removed the last records of a batch: the position still moves behind it.
    this.nextOffset = Math.max(this.nextOffset, this.reader.lastOffset + 1)
    this.reading = undefined
  }
}
