/**
 * A record batch as it stands in another log, to be sent on as it is: its records keep their bytes, compressed or not,
 * and only the header is written anew.
 */
import type { CompressionCodec } from '../../protocol/compression/codec.ts'
import { codecOfNumber } from '../../protocol/compression/codec.ts'
import {
  attributesOf,
  baseOffsetOf,
  batchSizeBytes,
  CODEC_MASK,
  lastOffsetDelta,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  recordCountOf,
  setAttributes,
  setBaseOffset,
  setPartitionLeaderEpoch,
  setProducer,
  TRANSACTIONAL_BIT,
  writeCrc,
} from '../../protocol/record-batch/layout.ts'
import type { SealOptions } from '../../protocol/record-batch/record-batch-builder.ts'
import type { BatchToSend } from '../producer/pending-batch.ts'

export class StoredBatch implements BatchToSend {
  readonly baseOffset: number
  readonly recordCount: number
  readonly compression: CompressionCodec
  private readonly bytes: Buffer

  /** @param bytes of which the batch is a view; they must not change until it is acknowledged */
  constructor(bytes: Buffer, start: number) {
    this.bytes = bytes.subarray(start, start + batchSizeBytes(bytes, start))
    this.baseOffset = baseOffsetOf(bytes, start)
    this.recordCount = recordCountOf(bytes, start)
    this.compression = codecOfNumber(attributesOf(bytes, start) & CODEC_MASK)
  }

  /**
   * Whether the batch at `start` could have been sent by a producer as it is: it has all the records that it had
   * (compaction takes some out and leaves the offsets of the others), and its records have times of their own.
   */
  static isWhole(bytes: Buffer, start: number): boolean {
    const flags = attributesOf(bytes, start) & ~(CODEC_MASK | TRANSACTIONAL_BIT)
    return flags === 0 && recordCountOf(bytes, start) === lastOffsetDelta(bytes, start) + 1
  }

  get sizeBytes(): number {
    return this.bytes.length
  }

  seal(options: SealOptions): Buffer {
    const batch = Buffer.from(this.bytes)
    const codec = attributesOf(batch, 0) & CODEC_MASK
    setBaseOffset(batch, 0, options.baseOffset ?? 0)
    setPartitionLeaderEpoch(batch, 0, options.partitionLeaderEpoch ?? -1)
    setAttributes(batch, 0, codec | (options.transactional === true ? TRANSACTIONAL_BIT : 0))
    setProducer(batch, 0, {
      id: options.producerId ?? NO_PRODUCER_ID,
      epoch: options.producerEpoch ?? NO_PRODUCER_EPOCH,
      baseSequence: options.baseSequence ?? NO_SEQUENCE,
    })
    writeCrc(batch, 0, batch.length)
    return batch
  }
}
