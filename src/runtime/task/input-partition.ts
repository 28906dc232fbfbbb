/**
 * One topic-partition that a task reads, with its lanes, and the position that is committed for it.
 *
 * The lanes of an internal partition advance each at its own pace while the log has one order. A lane that is far
 * ahead must not fill the memory with records that wait for a slower one: past `laneBytesMax` its batches are not
 * kept; it notes from where, and once it runs dry asks to read again from there. The other lanes pass over what
 * they have had.
 *
 * A commit stores the smallest position of all lanes as the offset, and the lanes' own positions, times and states
 * as metadata: `{"t":time}` or `{"l":[[upstream,nextOffset,time,state,epoch],…]}` with null for a time that is not known.
 */
import { invariant } from '../../core/invariant.ts'
import { batchSizeBytes, HEADER_BYTES, lastOffsetOf } from '../../protocol/record-batch/layout.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { Lane } from './lane.ts'
import { type LaneState, readTimeMarker } from './time-marker.ts'

export interface CommitPosition {
  readonly offset: number
  readonly metadata: string
}

export class InputPartition {
  readonly topic: string
  readonly partition: number
  readonly lanes: readonly Lane[]
  private readonly laneBytesMax: number
  private readonly reader = new RecordBatchReader()
  /** Per lane: from where it must be read again; undefined when nothing was left out. */
  private readonly leftOut: (number | undefined)[]

  constructor(topic: string, partition: number, lanes: readonly Lane[], laneBytesMax: number) {
    invariant(lanes.length > 0, 'an input partition has lanes')
    this.topic = topic
    this.partition = partition
    this.lanes = lanes
    this.laneBytesMax = laneBytesMax
    this.leftOut = lanes.map(() => undefined)
  }

  get internal(): boolean {
    return this.lanes[0]!.upstreamPartition >= 0
  }

  /** Takes in fetched bytes: whole batches without control batches. They must not change afterwards. */
  accept(bytes: Buffer): void {
    for (let start = 0; start + HEADER_BYTES <= bytes.length; ) {
      const end = start + batchSizeBytes(bytes, start)
      invariant(end <= bytes.length, 'a task is given whole batches')
      this.acceptBatch(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
      start = end
    }
  }

  /** True when no lane has room, so that fetching should pause. */
  get full(): boolean {
    return this.lanes.every((lane) => lane.bufferedBytes >= this.laneBytesMax)
  }

  /** The offset to read from again, once: a lane ran dry behind which batches were left out. */
  takeRewind(): number | undefined {
    for (let at = 0; at < this.lanes.length; at++) {
      const from = this.leftOut[at]
      if (from === undefined || this.lanes[at]!.fill()) continue
      this.leftOut[at] = undefined
      return from
    }
    return undefined
  }

  position(): CommitPosition {
    const time = (timeMs: number): number | null => (Number.isFinite(timeMs) ? timeMs : null)
    if (!this.internal) {
      const lane = this.lanes[0]!
      return { offset: lane.nextOffset, metadata: JSON.stringify({ t: time(lane.timeMs) }) }
    }
    const lanes = this.lanes.map((lane) => [
      lane.upstreamPartition,
      lane.nextOffset,
      time(lane.timeMs),
      lane.said,
      lane.saidEpoch,
    ])
    const offset = Math.min(...this.lanes.map((lane) => lane.nextOffset))
    return { offset, metadata: JSON.stringify({ l: lanes }) }
  }

  /** Starts at a committed position; anything else in the metadata is taken for a position without times. */
  startAt(position: CommitPosition): void {
    const { t, l } = parseMetadata(position.metadata)
    for (const lane of this.lanes) {
      const own = l?.find(([upstream]) => upstream === lane.upstreamPartition)
      if (own === undefined) lane.startAt(position.offset, t ?? Number.NEGATIVE_INFINITY)
      else {
        lane.startAt(Math.max(own[1], position.offset), own[2] ?? Number.NEGATIVE_INFINITY)
        lane.say(own[3], own[4])
      }
    }
  }

  private acceptBatch(batch: Buffer): void {
    const at = this.internal ? this.laneOf(batch) : 0
    const lane = this.lanes[at]!
    if (this.internal && this.leftOut[at] !== undefined) return
    if (
      lane.bufferedBytes >= this.laneBytesMax &&
      this.internal &&
      lastOffsetOf(batch, 0) >= lane.receivedOffset
    ) {
      this.leftOut[at] = lane.receivedOffset
      return
    }
    lane.accept(batch)
  }

  private laneOf(batch: Buffer): number {
    this.reader.reset(batch, 0)
    const first = this.reader.next()
    invariant(first && this.reader.keyStart < 0, 'a batch of an internal topic starts with a time marker')
    const marker = readTimeMarker(this.reader.body, this.reader.valueStart, this.reader.valueEnd)
    const at = this.lanes.findIndex((lane) => lane.upstreamPartition === marker.upstreamPartition)
    invariant(at >= 0, `task ${marker.upstreamPartition} that wrote to ${this.topic} is part of the plan`)
    return at
  }
}

interface Metadata {
  readonly t?: number | null
  readonly l?: readonly (readonly [number, number, number | null, LaneState, number])[]
}

function parseMetadata(text: string): Metadata {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? parsed : {}
  } catch {
    return {}
  }
}
