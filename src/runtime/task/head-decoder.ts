/**
 * Turns record bytes into the head of a lane: decodes, validates, and finds the event time. A record that cannot be
 * read is put aside by the policy of its source.
 */
import { MillraceError, messageOf } from '../../core/errors.ts'
import { noHeaders } from '../../core/record.ts'
import type { SourceNode } from '../../plan/graph.ts'
import type { PlannedSource } from '../../plan/plan.ts'
import type { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { HeadDecoder, InvalidRecords, Lane } from './lane.ts'
import { readTimeMarker } from './time-marker.ts'

/** The decoder for the lanes of one source. */
export function headDecoder(source: PlannedSource, invalid: InvalidRecords): HeadDecoder {
  const { node } = source
  if (node.kind === 'repartition') return (lane, reader) => decodeInternal(lane, reader, node, source.lagMs)
  return (lane, reader) => {
    try {
      decodeExternal(lane, reader, node)
      return true
    } catch (error) {
      invalid.put(node.onInvalid, 'deserialise', error, lane, reader)
      return false
    }
  }
}

type Codecs = Pick<SourceNode, 'keySerde' | 'valueSerde'>

function decodeInternal(lane: Lane, reader: RecordBatchReader, node: Codecs, lagMs: number): boolean {
  if (reader.keyStart < 0) {
    const marker = readTimeMarker(reader.body, reader.valueStart, reader.valueEnd)
    lane.headMarker = true
    lane.headTimestampMs = marker.timeMs
    lane.timeMs = Math.max(lane.timeMs, marker.timeMs)
    lane.say(marker.state, marker.epoch)
    return true
  }
  lane.headMarker = false
  lane.headKey = node.keySerde.read(reader.body, reader.keyStart, reader.keyEnd)
  lane.headValue =
    reader.valueStart < 0 ? null : node.valueSerde.read(reader.body, reader.valueStart, reader.valueEnd)
  lane.headTimestampMs = reader.timestampMs
  // Where markers stand depends on where batches end: what moves time here must be in the records themselves.
  lane.timeMs = Math.max(lane.timeMs, reader.timestampMs - lagMs)
  lane.headHeaders = reader.hasHeaders ? reader.headers() : noHeaders
  return true
}

function decodeExternal(lane: Lane, reader: RecordBatchReader, node: SourceNode): void {
  lane.headMarker = false
  lane.headKey = reader.keyStart < 0 ? null : node.keySerde.read(reader.body, reader.keyStart, reader.keyEnd)
  if (reader.valueStart < 0) {
    if (!node.nullValues) throw new MillraceError('MR_RECORD_INVALID', 'the value is null')
    lane.headValue = null
  } else {
    lane.headValue = node.valueSerde.read(reader.body, reader.valueStart, reader.valueEnd)
  }
  if (node.timeless) lane.headTimestampMs = 0
  else
    lane.headTimestampMs =
      node.eventTime === undefined || lane.headValue === null ? reader.timestampMs : eventTime(lane, node)
  lane.headHeaders = reader.hasHeaders ? reader.headers() : noHeaders
  lane.timeMs = Math.max(lane.timeMs, lane.headTimestampMs - node.latenessMs)
}

function eventTime(lane: Lane, node: SourceNode): number {
  let timeMs: unknown
  try {
    timeMs = node.eventTime?.(lane.headValue, lane.headKey)
  } catch (cause) {
    throw new MillraceError('MR_RECORD_INVALID', `its event time cannot be told: ${messageOf(cause)}`, {
      cause,
    })
  }
  // Kafka has no times before 1970: what follows from such a record could be written nowhere.
  if (typeof timeMs === 'number' && Number.isSafeInteger(timeMs) && timeMs >= 0) return timeMs
  const message = `its event time is ${String(timeMs)}, not whole milliseconds since 1970`
  throw new MillraceError('MR_RECORD_INVALID', message)
}
