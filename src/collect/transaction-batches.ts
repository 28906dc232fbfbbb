/**
 * The record batches of one transaction. They are kept until it is committed, so that it can be done again as a whole
 * under another producer.
 */
import { invariant } from '../core/invariant.ts'
import { partitionOf } from '../core/murmur2.ts'
import type { Headers } from '../core/record.ts'
import type { CompressionCodec } from '../protocol/compression/codec.ts'
import { RecordBatchBuilder, recordBytesMax } from '../protocol/record-batch/record-batch-builder.ts'

const BATCH_INITIAL_BYTES = 4096
/** A batch is closed before it gets larger, unless one record is. */
const BATCH_BYTES_MAX = 256 * 1024

export interface TransactionBatch {
  readonly channel: number
  readonly topic: string
  readonly partition: number
  readonly builder: RecordBatchBuilder
}

interface ChannelBatches {
  readonly topic: string
  readonly partitionCount: number
  /** For records without a key; another one with each transaction. */
  keylessPartition: number
  readonly open: Map<number, TransactionBatch>
}

export class TransactionBatches {
  /** Of all records that were added, uncompressed. */
  bytes = 0
  records = 0
  /** By number of channel. */
  readonly recordsOf: number[]
  readonly bytesOf: number[]
  /** Channels that must have their records for the transaction to count. */
  private readonly requiredChannels = new Set<number>()
  private readonly channels: ChannelBatches[]
  private readonly compression: CompressionCodec
  /** In the order in which they are sent: batches that are closed. */
  private closed: TransactionBatch[] = []

  constructor(channels: readonly { topic: string; partitionCount: number }[], compression: CompressionCodec) {
    this.compression = compression
    this.channels = channels.map(({ topic, partitionCount }) => {
      return { topic, partitionCount, keylessPartition: 0, open: new Map() }
    })
    this.recordsOf = channels.map(() => 0)
    this.bytesOf = channels.map(() => 0)
  }

  /** Adds a record. Returns the batch that had to be closed for it, if one had. */
  add(
    channelNumber: number,
    timestampMs: number,
    record: { readonly key: Uint8Array | null; readonly value: Uint8Array; readonly headers: Headers },
    required: boolean,
  ): TransactionBatch | undefined {
    const { key, value, headers } = record
    const channel = this.channels[channelNumber]!
    const { partitionCount } = channel
    const partition =
      key === null ? channel.keylessPartition % partitionCount : partitionOf(key, partitionCount)
    const size = recordBytesMax(key?.length ?? 0, value.length, headers)
    let batch = channel.open.get(partition)
    let full: TransactionBatch | undefined
    if (batch !== undefined && batch.builder.sizeBytes + size > BATCH_BYTES_MAX) {
      full = batch
      this.closed.push(batch)
      batch = undefined
    }
    if (batch === undefined) {
      const builder = new RecordBatchBuilder({
        compression: this.compression,
        initialBytes: BATCH_INITIAL_BYTES,
      })
      batch = { channel: channelNumber, topic: channel.topic, partition, builder }
      channel.open.set(partition, batch)
    }
    const before = batch.builder.sizeBytes
    batch.builder.append(timestampMs, key, value, headers)
    const added = batch.builder.sizeBytes - before
    this.bytes += added
    this.records++
    this.recordsOf[channelNumber]!++
    this.bytesOf[channelNumber]! += added
    if (required) this.requiredChannels.add(channelNumber)
    return full
  }

  /** Closes the batches that are open and returns them. */
  closeAll(): readonly TransactionBatch[] {
    const open = this.channels.flatMap((channel) => [...channel.open.values()])
    for (const channel of this.channels) channel.open.clear()
    this.closed.push(...open)
    return open
  }

  /** All batches, closed. */
  all(): readonly TransactionBatch[] {
    this.closeAll()
    return this.closed
  }

  /** True when the topic has records, all of them of optional channels. */
  isOptional(topic: string): boolean {
    const channel = this.channels.findIndex((candidate) => candidate.topic === topic)
    return channel >= 0 && !this.requiredChannels.has(channel) && this.recordsOf[channel]! > 0
  }

  /** Takes back what an optional channel was to get. Returns how many records. */
  dropOptional(topic: string): number {
    invariant(this.isOptional(topic), 'only records of optional channels are given up')
    const channel = this.channels.findIndex((candidate) => candidate.topic === topic)
    const dropped = this.recordsOf[channel]!
    this.closeAll()
    this.closed = this.closed.filter((batch) => batch.channel !== channel)
    this.records -= dropped
    this.bytes -= this.bytesOf[channel]!
    this.recordsOf[channel] = 0
    this.bytesOf[channel] = 0
    return dropped
  }

  /** Starts the next transaction. */
  clear(): void {
    this.bytes = 0
    this.records = 0
    this.recordsOf.fill(0)
    this.bytesOf.fill(0)
    this.requiredChannels.clear()
    this.closed = []
    for (const channel of this.channels) {
      channel.keylessPartition++
      channel.open.clear()
    }
  }
}
