/**
 * The header of Kafka's record batch, format v2 (KIP-98), as positions and accessors on (bytes, start).
 *
 * ```
 *  0 baseOffset int64          21 attributes int16        43 producerId int64
 *  8 batchLength int32         23 lastOffsetDelta int32   51 producerEpoch int16
 * 12 partitionLeaderEpoch i32  27 baseTimestamp int64     53 baseSequence int32
 * 16 magic int8 (= 2)          35 maxTimestamp int64      57 recordCount int32
 * 17 crc uint32 (from 21 on)                              61 records
 * ```
 * `batchLength` counts what follows it. Accessors read without checking: first know that HEADER_BYTES are there.
 * 64-bit fields are read as numbers; values beyond 2^53 are refused by `validateBatch` before they are used.
 */
import { crc32c } from '../../core/crc32c.ts'
import {
  readInt16,
  readInt32,
  readInt64,
  writeInt16,
  writeInt32,
  writeInt64,
} from '../../core/integer-fields.ts'

/** Bytes before the first record. */
export const HEADER_BYTES = 61
/** Bytes before what `batchLength` counts. */
export const PREFIX_BYTES = 12
export const MAGIC_AT = 16
export const CRC_AT = 17
export const ATTRIBUTES_AT = 21
export const MAGIC = 2

export const NO_PRODUCER_ID = -1
export const NO_PRODUCER_EPOCH = -1
export const NO_SEQUENCE = -1
export const NO_TIMESTAMP = -1

export const CODEC_MASK = 0x07
export const LOG_APPEND_TIME_BIT = 0x08
export const TRANSACTIONAL_BIT = 0x10
export const CONTROL_BIT = 0x20
/** The base timestamp is the time from which tombstones and markers of the batch may go (KIP-534). */
export const DELETE_HORIZON_BIT = 0x40

export const baseOffsetOf = (bytes: Uint8Array, start: number): number => readInt64(bytes, start)
/** What follows the length field, as the field says. */
export const batchLength = (bytes: Uint8Array, start: number): number => readInt32(bytes, start + 8)
/** The whole batch from `start`, as its length field says. */
export const batchSizeBytes = (bytes: Uint8Array, start: number): number =>
  PREFIX_BYTES + readInt32(bytes, start + 8)
export const partitionLeaderEpochOf = (bytes: Uint8Array, start: number): number =>
  readInt32(bytes, start + 12)
export const magicOf = (bytes: Uint8Array, start: number): number => (bytes[start + MAGIC_AT]! << 24) >> 24
export const crcOf = (bytes: Uint8Array, start: number): number => readInt32(bytes, start + CRC_AT) >>> 0
export const attributesOf = (bytes: Uint8Array, start: number): number =>
  readInt16(bytes, start + ATTRIBUTES_AT)
export const lastOffsetDelta = (bytes: Uint8Array, start: number): number => readInt32(bytes, start + 23)
export const lastOffsetOf = (bytes: Uint8Array, start: number): number =>
  readInt64(bytes, start) + readInt32(bytes, start + 23)
export const baseTimestampOf = (bytes: Uint8Array, start: number): number => readInt64(bytes, start + 27)
export const maxTimestampOf = (bytes: Uint8Array, start: number): number => readInt64(bytes, start + 35)
export const producerIdOf = (bytes: Uint8Array, start: number): number => readInt64(bytes, start + 43)
export const producerEpochOf = (bytes: Uint8Array, start: number): number => readInt16(bytes, start + 51)
export const baseSequenceOf = (bytes: Uint8Array, start: number): number => readInt32(bytes, start + 53)
export const recordCountOf = (bytes: Uint8Array, start: number): number => readInt32(bytes, start + 57)

export const setBaseOffset = (bytes: Uint8Array, start: number, value: number): void =>
  writeInt64(bytes, start, value)
/** The leader epoch is outside of the checksum, like the offset: the broker sets both in place. */
export const setPartitionLeaderEpoch = (bytes: Uint8Array, start: number, value: number): void =>
  writeInt32(bytes, start + 12, value)
export const setBatchLength = (bytes: Uint8Array, start: number, value: number): void =>
  writeInt32(bytes, start + 8, value)
/** Changes what the checksum covers: call `writeCrc` afterwards. */
export const setAttributes = (bytes: Uint8Array, start: number, value: number): void =>
  writeInt16(bytes, start + ATTRIBUTES_AT, value)
/** Changes what the checksum covers: call `writeCrc` afterwards. */
export const setLastOffsetDelta = (bytes: Uint8Array, start: number, value: number): void =>
  writeInt32(bytes, start + 23, value)
/** Changes what the checksum covers: call `writeCrc` afterwards. */
export const setBaseTimestamp = (bytes: Uint8Array, start: number, value: number): void =>
  writeInt64(bytes, start + 27, value)
/** Changes what the checksum covers: call `writeCrc` afterwards. */
export const setMaxTimestamp = (bytes: Uint8Array, start: number, value: number): void =>
  writeInt64(bytes, start + 35, value)
/** Changes what the checksum covers: call `writeCrc` afterwards. */
export const setRecordCount = (bytes: Uint8Array, start: number, value: number): void =>
  writeInt32(bytes, start + 57, value)

export const isTransactional = (attributes: number): boolean => (attributes & TRANSACTIONAL_BIT) !== 0
export const isControl = (attributes: number): boolean => (attributes & CONTROL_BIT) !== 0

/** Writes producer id, epoch and first sequence; call `writeCrc` afterwards. */
export function setProducer(
  bytes: Uint8Array,
  start: number,
  producer: { readonly id: number; readonly epoch: number; readonly baseSequence: number },
): void {
  writeInt64(bytes, start + 43, producer.id)
  writeInt16(bytes, start + 51, producer.epoch)
  writeInt32(bytes, start + 53, producer.baseSequence)
}

/** The checksum that a batch should have: CRC-32C from the attributes to the end. */
export function computeCrc(bytes: Uint8Array, start: number, end: number): number {
  return crc32c(bytes, start + ATTRIBUTES_AT, end)
}

export function writeCrc(bytes: Uint8Array, start: number, end: number): void {
  writeInt32(bytes, start + CRC_AT, computeCrc(bytes, start, end) | 0)
}
