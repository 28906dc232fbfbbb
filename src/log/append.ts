/**
 * What is done with batches before they are written: every rule of the topic is checked, and what the broker
 * sets is set, in place where possible.
 *
 * 1. Format, checksum, attributes, counts (`validateBatch`); records too, when they are not compressed or the
 *    topic needs their keys or names a codec: what comes out of a batch is bounded then.
 * 2. Timestamps: within the topic's bounds, or the time of the append.
 * 3. Compression: batches in another codec than the topic's are compressed anew.
 * 4. Offsets and leader epoch.
 */

import { isMillraceError } from '../core/errors.ts'
import { type CompressionCodec, codecNumber, codecOfNumber } from '../protocol/compression/codec.ts'
import { compress, decompress } from '../protocol/compression/compression.ts'
import {
  attributesOf,
  baseSequenceOf,
  CODEC_MASK,
  HEADER_BYTES,
  LOG_APPEND_TIME_BIT,
  lastOffsetDelta,
  maxTimestampOf,
  PREFIX_BYTES,
  producerEpochOf,
  producerIdOf,
  setAttributes,
  setBaseOffset,
  setBatchLength,
  setMaxTimestamp,
  setPartitionLeaderEpoch,
  TRANSACTIONAL_BIT,
  writeCrc,
} from '../protocol/record-batch/layout.ts'
import { checkStoredBatch, validateBatch } from '../protocol/record-batch/validate-batch.ts'
import { codecLevel, isCompacted, type LogConfig, requiredCodec, segmentBytesMax } from './log-config.ts'
import { logError } from './log-error.ts'
import type { AppendOptions } from './log-types.ts'

/** A batch as it will be written. */
export interface PreparedBatch {
  readonly start: number
  readonly end: number
  readonly maxTimestampMs: number
  readonly lastOffsetDelta: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly transactional: boolean
}

export interface PreparedAppend {
  readonly bytes: Buffer
  readonly batches: readonly PreparedBatch[]
  readonly recordCount: number
}

const GROWTH_MAX = 16

/**
 * Checks all batches in `bytes` and sets what the topic sets, but not yet offsets.
 *
 * @throws MR_CHECKSUM, MR_BYTES_TRUNCATED, MR_BYTES_INVALID, MR_RECORD_TOO_LARGE, MR_COMPRESSION_INVALID,
 *   MR_COMPRESSION_UNSUPPORTED, MR_LOG_APPEND_REFUSED; each with its `context.kafkaCode`
 */
export function prepareAppend(bytes: Buffer, config: LogConfig, options: AppendOptions): PreparedAppend {
  if (bytes.length === 0)
    throw logError('MR_LOG_APPEND_REFUSED', 'INVALID_RECORD', 'an append without a batch')
  const stored = options.origin === 'client' ? recompressed(bytes, config) : bytes
  const batches: PreparedBatch[] = []
  let recordCount = 0
  for (let start = 0; start < stored.length; ) {
    const batch = prepareBatch(stored, start, config, options)
    batches.push(batch)
    recordCount += batch.lastOffsetDelta + 1
    start = batch.end
  }
  if (stored.length > segmentBytesMax(config)) {
    const message = `${stored.length} bytes do not fit in a segment of ${segmentBytesMax(config)}`
    throw logError('MR_RECORD_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', message)
  }
  return { bytes: stored, batches, recordCount }
}

/** Sets offsets, one after the other, and the leader epoch. Both lie outside of the checksum. */
export function assignOffsets(append: PreparedAppend, baseOffset: number, leaderEpoch: number): void {
  let offset = baseOffset
  for (const batch of append.batches) {
    setBaseOffset(append.bytes, batch.start, offset)
    setPartitionLeaderEpoch(append.bytes, batch.start, leaderEpoch)
    offset += batch.lastOffsetDelta + 1
  }
}

function prepareBatch(
  bytes: Buffer,
  start: number,
  config: LogConfig,
  options: AppendOptions,
): PreparedBatch {
  const { end, maxTimestampMs } =
    options.origin === 'client' ? checkClient(bytes, start, config, options) : checkOwn(bytes, start)
  const appendTime = config['message.timestamp.type'] === 'LogAppendTime'
  const finalMs = appendTime ? options.nowMs : maxTimestampMs
  const attributes = attributesOf(bytes, start)
  if (appendTime) setAttributes(bytes, start, attributes | LOG_APPEND_TIME_BIT)
  if (appendTime || finalMs !== maxTimestampOf(bytes, start)) {
    setMaxTimestamp(bytes, start, finalMs)
    writeCrc(bytes, start, end)
  }
  return {
    start,
    end,
    maxTimestampMs: finalMs,
    lastOffsetDelta: lastOffsetDelta(bytes, start),
    producerId: producerIdOf(bytes, start),
    producerEpoch: producerEpochOf(bytes, start),
    baseSequence: baseSequenceOf(bytes, start),
    transactional: (attributes & TRANSACTIONAL_BIT) !== 0,
  }
}

interface Checked {
  readonly end: number
  readonly maxTimestampMs: number
}

function checkOwn(bytes: Buffer, start: number): Checked {
  return { end: checkStoredBatch(bytes, start, bytes.length), maxTimestampMs: maxTimestampOf(bytes, start) }
}

function checkClient(bytes: Buffer, start: number, config: LogConfig, options: AppendOptions): Checked {
  const createTime = config['message.timestamp.type'] === 'CreateTime'
  const beforeMaxMs = config['message.timestamp.before.max.ms']
  const plain = bytes.length - start >= HEADER_BYTES && (attributesOf(bytes, start) & CODEC_MASK) === 0
  // A topic that names a codec promises what comes out of its batches, whoever compressed them.
  const named = requiredCodec(config) !== undefined
  const facts = validateBatch(bytes, start, bytes.length, {
    batchBytesMax: config['max.message.bytes'],
    walk: plain || named || (createTime && beforeMaxMs !== Number.POSITIVE_INFINITY),
    keysRequired: isCompacted(config),
  })
  if (createTime) {
    checkTime(facts.maxTimestampMs - options.nowMs, config['message.timestamp.after.max.ms'], 'ahead of')
    // A record without a timestamp is not too old.
    if (facts.minTimestampMs >= 0) checkTime(options.nowMs - facts.minTimestampMs, beforeMaxMs, 'behind')
  }
  return facts
}

function checkTime(differenceMs: number, allowedMs: number, where: string): void {
  if (differenceMs <= allowedMs) return
  const message = `a timestamp is ${differenceMs} ms ${where} the broker’s clock, allowed are ${allowedMs}`
  throw logError('MR_LOG_APPEND_REFUSED', 'INVALID_TIMESTAMP', message)
}

/** The same batches in the codec that the topic asks for. */
function recompressed(bytes: Buffer, config: LogConfig): Buffer {
  const codec = requiredCodec(config)
  if (codec === undefined) return bytes
  const batchBytesMax = config['max.message.bytes']
  const parts: Buffer[] = []
  for (let start = 0; start < bytes.length; ) {
    const { end } = validateBatch(bytes, start, bytes.length, { batchBytesMax })
    const attributes = attributesOf(bytes, start)
    const batch = bytes.subarray(start, end)
    start = end
    if ((attributes & CODEC_MASK) === codecNumber(codec)) {
      parts.push(batch)
      continue
    }
    const from = codecOfNumber(attributes & CODEC_MASK)
    const payload = decompressed(from, batch.subarray(HEADER_BYTES), batchBytesMax * GROWTH_MAX)
    const made = Buffer.concat([
      batch.subarray(0, HEADER_BYTES),
      compress(codec, payload, codecLevel(config, codec)),
    ])
    setBatchLength(made, 0, made.length - PREFIX_BYTES)
    setAttributes(made, 0, (attributes & ~CODEC_MASK) | codecNumber(codec))
    writeCrc(made, 0, made.length)
    parts.push(made)
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

/** @throws MR_COMPRESSION_INVALID (CORRUPT_MESSAGE) */
function decompressed(codec: CompressionCodec, bytes: Buffer, bytesMax: number): Buffer {
  try {
    return decompress(codec, bytes, bytesMax)
  } catch (cause) {
    if (!isMillraceError(cause, 'MR_COMPRESSION_INVALID')) throw cause
    throw logError(cause.code, 'CORRUPT_MESSAGE', cause.message, { cause })
  }
}
