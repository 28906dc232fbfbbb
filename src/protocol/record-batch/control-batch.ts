/**
 * Control batches: one record that ends a producer's transaction on a partition.
 *
 * Key: version int16 = 0, type int16 (0 abort, 1 commit). Value: version int16 = 0, coordinator epoch int32.
 */
import { MillraceError } from '../../core/errors.ts'
import { readInt16, readInt32 } from '../../core/integer-fields.ts'
import { RecordBatchBuilder } from './record-batch-builder.ts'
import { RecordBatchReader } from './record-batch-reader.ts'

export type ControlType = 'commit' | 'abort'

export interface ControlBatchOptions {
  readonly type: ControlType
  readonly producerId: number
  readonly producerEpoch: number
  /** The epoch of the coordinator that decided. */
  readonly coordinatorEpoch: number
  readonly timestampMs: number
  readonly baseOffset?: number
  readonly partitionLeaderEpoch?: number
}

export interface ControlMarker {
  readonly type: ControlType
  readonly coordinatorEpoch: number
}

const typeNumbers: Readonly<Record<ControlType, number>> = { abort: 0, commit: 1 }

/** The batch with the marker that ends a transaction. */
export function controlBatch(options: ControlBatchOptions): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(typeNumbers[options.type], 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(options.coordinatorEpoch, 2)
  const builder = new RecordBatchBuilder({ initialBytes: 256 })
  builder.append(options.timestampMs, key, value)
  return builder.seal({
    producerId: options.producerId,
    producerEpoch: options.producerEpoch,
    transactional: true,
    control: true,
    baseOffset: options.baseOffset ?? 0,
    partitionLeaderEpoch: options.partitionLeaderEpoch ?? -1,
  })
}

/**
 * The marker in the control batch at `start`, or undefined when it is of a type that does not end a transaction
 * (such as the leader changes that a Raft log holds).
 *
 * @throws MR_BYTES_INVALID when the batch holds no marker that can be read
 */
export function readControlMarker(bytes: Buffer, start: number): ControlMarker | undefined {
  const reader = new RecordBatchReader()
  reader.reset(bytes, start)
  // Compaction may leave a batch without its record.
  if (!reader.next()) return undefined
  if (reader.keyStart < 0 || reader.keyEnd - reader.keyStart < 4) throw fault(start)
  const type = readInt16(reader.body, reader.keyStart + 2)
  if (type !== typeNumbers.abort && type !== typeNumbers.commit) return undefined
  if (reader.valueStart < 0 || reader.valueEnd - reader.valueStart < 6) throw fault(start)
  return {
    type: type === typeNumbers.commit ? 'commit' : 'abort',
    coordinatorEpoch: readInt32(reader.body, reader.valueStart + 2),
  }
}

/** The type of the marker in the control batch at `start`; see `readControlMarker`. */
export function readControlType(bytes: Buffer, start: number): ControlType | undefined {
  return readControlMarker(bytes, start)?.type
}

function fault(start: number): MillraceError {
  return new MillraceError('MR_BYTES_INVALID', `the control batch at byte ${start} holds no marker`)
}
