/**
 * Turns records into batches: encodes key and value, chooses the partition, and fills one open batch per partition
 * until it has `batchBytesMax`. A record that cannot be placed yet is parked (`parking.ts`).
 */
import { ByteWriter } from '../../core/byte-writer.ts'
import { MillraceError } from '../../core/errors.ts'
import { type Headers, noHeaders } from '../../core/record.ts'
import type { Clock } from '../../platform/clock.ts'
import { RecordBatchBuilder, recordBytesMax } from '../../protocol/record-batch/record-batch-builder.ts'
import { type Cluster, noPartition } from '../cluster.ts'
import { asMillraceError, closedError } from '../errors.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { ProducerSettings } from './options.ts'
import type { Outstanding } from './outstanding.ts'
import { Parking } from './parking.ts'
import { PartitionQueue } from './partition-queue.ts'
import { Partitioner } from './partitioner.ts'
import { type BatchToSend, PendingBatch } from './pending-batch.ts'
import { allWritten, BatchReceipt, type RecordMetadata, RecordReceipt, RecordReceipts } from './receipt.ts'
import type { Sender } from './sender.ts'

export interface RecordToSend {
  readonly topic: string
  /** Chosen by the key, or by chance without one, if not given. */
  readonly partition?: number
  /** Texts are sent as UTF-8. */
  readonly key?: Uint8Array | string | null
  readonly value: Uint8Array | string | null
  readonly headers?: Headers
  /** Milliseconds since the epoch; now if not given. */
  readonly timestampMs?: number
}

const BUILDER_BYTES_MIN = 1024
/** Less than so much under way: who sends it looks at each record, more often than not. */
const PROMISE_BYTES_MAX = 1024 * 1024
/** `sendBatch` refuses when this many times the memory budget is used: the caller does not wait for `room`. */
const OVERRUN_FACTOR = 4

export interface AccumulatorParts {
  readonly cluster: Cluster
  readonly settings: ProducerSettings
  readonly budget: MemoryBudget
  readonly outstanding: Outstanding
  readonly sender: Sender
}

export class Accumulator {
  private readonly parts: AccumulatorParts
  private readonly clock: Clock
  private readonly partitioner: Partitioner
  private readonly queues = new Map<string, PartitionQueue[]>()
  private readonly parking: Parking
  private readonly keyBytes = new ByteWriter(256)
  private readonly valueBytes = new ByteWriter(1024)
  private wakeScheduled = false

  constructor(parts: AccumulatorParts) {
    this.parts = parts
    this.clock = parts.cluster.platform.clock
    this.partitioner = new Partitioner(parts.cluster.platform.random)
    const { budget, cluster, outstanding, settings } = parts
    this.parking = new Parking({
      cluster,
      budget,
      outstanding,
      timeoutMs: settings.deliveryTimeoutMs,
      place: (record) => this.place(record),
    })
  }

  /** Takes a record; resolves when it is acknowledged. */
  add(record: RecordToSend): Promise<RecordMetadata> {
    if (this.parts.budget.full || this.parking.hasQueue) return this.parking.untilRoom(record)
    return this.place(record)
  }

  /** Takes records in their order; resolves when all are acknowledged. */
  addAll(records: readonly RecordToSend[]): Promise<RecordMetadata[]> {
    const { budget } = this.parts
    return allWritten(
      records.map((record) =>
        budget.full || this.parking.hasQueue ? this.parking.untilRoom(record) : this.place(record, true),
      ),
    )
  }

  /** Takes a batch; resolves with its base offset when it is acknowledged. */
  addBatch(topic: string, partition: number, builder: BatchToSend): Promise<number> {
    const { budget, settings } = this.parts
    if (budget.usedBytes > settings.memoryBytesMax * OVERRUN_FACTOR) {
      throw new MillraceError('MR_LIMIT', `${budget.usedBytes} bytes wait to be acknowledged`, {
        hint: 'Await room() before more batches are sent, or raise memoryBytesMax.',
        retriable: true,
      })
    }
    const receipt = new BatchReceipt()
    const queue = this.queue(topic, partition)
    const batch = this.batch(builder, receipt, false)
    batch.countedBytes = builder.sizeBytes
    budget.add(batch.countedBytes)
    queue.push(batch)
    this.parts.sender.added(queue)
    this.parts.sender.wake()
    return receipt.promise
  }

  /** Resolves when another record would not have to wait. */
  room(): Promise<void> {
    return this.parking.isEmpty ? this.parts.budget.room() : this.parking.emptied()
  }

  /** Resolves when no record waits for room or metadata. */
  unparked(): Promise<void> {
    return this.parking.emptied()
  }

  /** Fails all records that were not placed. */
  dropParked(error: MillraceError): void {
    this.parking.drop(error)
  }

  close(): void {
    this.parking.close(closedError('the producer'))
  }

  private queue(topic: string, partition: number): PartitionQueue {
    let partitions = this.queues.get(topic)
    if (partitions === undefined) {
      partitions = []
      this.queues.set(topic, partitions)
    }
    let queue = partitions[partition]
    if (queue === undefined) {
      queue = new PartitionQueue(topic, partition)
      partitions[partition] = queue
    }
    return queue
  }

  /** @param oneOfMany if nobody looks at what becomes of this record alone */
  private place(record: RecordToSend, oneOfMany = false): Promise<RecordMetadata> {
    const topic = this.parts.cluster.metadata.topics.get(record.topic)
    if (topic === undefined || this.parking.holdsTopic(record.topic)) {
      return this.parking.untilTopicKnown(record)
    }
    try {
      return this.append(record, topic.partitions.length, oneOfMany)
    } catch (error) {
      return this.parking.refuse(asMillraceError(error))
    }
  }

  private append(record: RecordToSend, partitionCount: number, oneOfMany: boolean): Promise<RecordMetadata> {
    const { budget, sender, settings } = this.parts
    const key = encoded(record.key ?? null, this.keyBytes)
    const value = encoded(record.value, this.valueBytes)
    const headers = record.headers ?? noHeaders
    const timestampMs = record.timestampMs ?? this.clock.nowMs()
    const keyMemory = key instanceof ByteWriter ? key.buffer : key
    const partition =
      record.partition ?? this.partitioner.choose(record.topic, partitionCount, keyMemory, key?.length ?? 0)
    if (partition < 0 || partition >= partitionCount) {
      throw noPartition(this.parts.cluster, { topic: record.topic, partition })
    }
    const queue = this.queue(record.topic, partition)
    const sizeBytes = recordBytesMax(key?.length ?? 0, value?.length ?? 0, headers)
    let batch = queue.openBatch
    if (batch === undefined || batch.builder.sizeBytes + sizeBytes > settings.batchBytesMax) {
      if (batch !== undefined && key === null) this.partitioner.move(record.topic, partitionCount)
      batch = this.openBatch(queue, sizeBytes)
    }
    const builder = batch.builder as RecordBatchBuilder
    builder.append(timestampMs, key, value, headers)
    const receipts = batch.receipt as RecordReceipts
    const index = builder.recordCount - 1
    const receipt =
      oneOfMany || budget.usedBytes >= PROMISE_BYTES_MAX
        ? new RecordReceipt(receipts, index, timestampMs)
        : receipts.promise(index, timestampMs)
    budget.add(batch.builder.sizeBytes - batch.countedBytes)
    batch.countedBytes = batch.builder.sizeBytes
    if (batch.countedBytes >= settings.batchBytesMax) {
      queue.closeOpen()
      sender.wake()
    } else this.wakeNextTurn()
    return receipt
  }

  private openBatch(queue: PartitionQueue, firstRecordBytes: number): PendingBatch {
    const { compression, compressionLevel, batchBytesMax } = this.parts.settings
    const likely = Math.max(BUILDER_BYTES_MIN, queue.lastSizeBytes * 1.25, firstRecordBytes)
    const builder = new RecordBatchBuilder({
      compression,
      initialBytes: Math.min(Math.max(batchBytesMax, firstRecordBytes) * 1.25, likely) | 0,
      ...(compressionLevel === undefined ? {} : { compressionLevel }),
    })
    const batch = this.batch(builder, new RecordReceipts(queue.topic, queue.partition), true)
    queue.push(batch)
    this.parts.sender.added(queue)
    return batch
  }

  private batch(builder: BatchToSend, receipt: BatchReceipt | RecordReceipts, open: boolean): PendingBatch {
    const createdMs = this.clock.monotonicMs()
    return new PendingBatch({
      serial: this.parts.outstanding.begin(),
      builder,
      receipt,
      createdMs,
      deadlineMs: createdMs + this.parts.settings.deliveryTimeoutMs,
      open,
    })
  }

  /** Records of one turn of the event loop go into one batch, even without lingering. */
  private wakeNextTurn(): void {
    if (this.wakeScheduled) return
    this.wakeScheduled = true
    void this.clock.nextTurn().then(() => {
      this.wakeScheduled = false
      this.parts.sender.wake()
    })
  }
}

function encoded(data: Uint8Array | string | null, writer: ByteWriter): ByteWriter | Uint8Array | null {
  if (typeof data !== 'string') return data
  writer.clear()
  writer.utf8(data)
  return writer
}
