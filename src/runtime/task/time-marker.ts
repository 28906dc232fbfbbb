/**
 * Time markers: how a task passes its stream time on through an internal topic.
 *
 * A marker is a record with a null key, which no other record of a repartition topic has. Its value:
 * ```
 * version int8 = 1 | upstream partition int32 | state int8 (0 active, 1 idle, 2 ended) | time int64 | epoch int64
 * ```
 * Every batch that a task writes to an internal topic starts with one, so that a batch tells whose it is; at each
 * commit one more is written to every partition if the task's time moved.
 *
 * The epoch tells in which generation of the group the marker was written. That a task had nothing more to say counts
 * only until the group's members change: it may have been restarted since, with records that it has not read yet.
 */
import type { ByteWriter } from '../../core/byte-writer.ts'
import { MillraceError } from '../../core/errors.ts'
import { readInt64 } from '../../core/integer-fields.ts'

const VERSION = 1
const MARKER_BYTES = 22
/** -Infinity has no place among 64-bit numbers of milliseconds: it is written as this. */
const NEVER = Number.MIN_SAFE_INTEGER
const ALWAYS = Number.MAX_SAFE_INTEGER

/** `active`: more will come. `idle`: nothing has come for a while, do not wait. `ended`: nothing will come. */
export type LaneState = 'active' | 'idle' | 'ended'
const states: readonly LaneState[] = ['active', 'idle', 'ended']

export interface TimeMarker {
  readonly upstreamPartition: number
  readonly state: LaneState
  readonly timeMs: number
  /** Grows with each generation of the pipeline's group. */
  readonly epoch: number
}

export function writeTimeMarker(marker: TimeMarker, into: ByteWriter): void {
  into.clear()
  into.int8(VERSION)
  into.int32(marker.upstreamPartition)
  into.int8(states.indexOf(marker.state))
  into.int64Number(Math.max(NEVER, Math.min(ALWAYS, marker.timeMs)))
  into.int64Number(marker.epoch)
}

/** @throws MR_BYTES_INVALID when the bytes are not a marker of a known version */
export function readTimeMarker(body: Buffer, start: number, end: number): TimeMarker {
  const state = states[body[start + 5] ?? -1]
  if (end - start !== MARKER_BYTES || body[start] !== VERSION || state === undefined) {
    throw new MillraceError(
      'MR_BYTES_INVALID',
      'an internal topic holds a record that is not a time marker',
      {
        hint: 'The topic was written by another program or a newer Millrace.',
      },
    )
  }
  const timeMs = readInt64(body, start + 6)
  return {
    upstreamPartition: body.readInt32BE(start + 1),
    state,
    timeMs:
      timeMs === NEVER ? Number.NEGATIVE_INFINITY : timeMs === ALWAYS ? Number.POSITIVE_INFINITY : timeMs,
    epoch: readInt64(body, start + 14),
  }
}
