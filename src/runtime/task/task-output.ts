/**
 * A task's outputs: encodes keys and values, chooses partitions as Java's producer does, and builds record batches
 * per partition. Full batches go to the transport at once, the rest when `flush` is called.
 */
import { ByteWriter } from '../../core/byte-writer.ts'
import { invariant } from '../../core/invariant.ts'
import { partitionOf } from '../../core/murmur2.ts'
import type { Headers } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import { type LaneState, writeTimeMarker } from './time-marker.ts'

/** Where finished batches go. */
export interface OutputTransport {
  partitionCount(topic: string): number
  /** Takes the batch over, in order per partition. Called from within `Task.process`, so it must not block. */
  send(topic: string, partition: number, batch: RecordBatchBuilder): void
}

export interface OutputOptions {
  readonly transport: OutputTransport
  readonly taskPartition: number
  /** A batch is handed over when it has reached this size. */
  readonly batchBytesMax: number
}

const INITIAL_BATCH_BYTES = 4096

/** One topic that a task writes. */
export class TopicOutput {
  readonly topic: string
  records = 0
  private readonly options: OutputOptions
  private readonly partitions: (RecordBatchBuilder | undefined)[]
  private readonly key = new ByteWriter(256)
  private readonly value = new ByteWriter(1024)

  constructor(topic: string, options: OutputOptions) {
    this.topic = topic
    this.options = options
    const count = options.transport.partitionCount(topic)
    invariant(count > 0, `topic ${topic} has partitions`)
    this.partitions = Array.from({ length: count }, () => undefined)
  }

  /** Encodes and adds a record; its partition follows from its key. */
  write(
    record: {
      readonly key: unknown
      readonly value: unknown
      readonly timestampMs: number
      readonly headers: Headers
    },
    keySerde: Serde<unknown>,
    valueSerde: Serde<unknown>,
  ): void {
    const [keyBytes, valueBytes] = this.encode(record, keySerde, valueSerde)
    const partition =
      keyBytes === null
        ? this.ownPartition
        : partitionOf(keyBytes.buffer, this.partitions.length, 0, keyBytes.length)
    this.append(partition, record.timestampMs, keyBytes, valueBytes, record.headers)
  }

  /** Encodes a record and adds it to every partition. */
  writeToAll(
    record: Parameters<TopicOutput['write']>[0],
    keySerde: Serde<unknown>,
    valueSerde: Serde<unknown>,
  ): void {
    const [keyBytes, valueBytes] = this.encode(record, keySerde, valueSerde)
    for (let partition = 0; partition < this.partitions.length; partition++)
      this.append(partition, record.timestampMs, keyBytes, valueBytes, record.headers)
  }

  /** Adds a record that is bytes already, to the partition that belongs to this task. */
  writeBytes(timestampMs: number, key: Uint8Array | null, value: Uint8Array | null, headers: Headers): void {
    this.append(this.ownPartition, timestampMs, key, value, headers)
  }

  /** Adds a record to a given partition. */
  append(
    partition: number,
    timestampMs: number,
    key: ByteWriter | Uint8Array | null,
    value: ByteWriter | Uint8Array | null,
    headers: Headers,
  ): void {
    const batch = this.batchOf(partition)
    batch.append(timestampMs, key, value, headers)
    this.records++
    if (batch.sizeBytes >= this.options.batchBytesMax) this.handOver(partition)
  }

  /** Hands every batch that has records to the transport. */
  flush(): void {
    for (let partition = 0; partition < this.partitions.length; partition++) this.handOver(partition)
  }

  get partitionCount(): number {
    return this.partitions.length
  }

  /** Called when a batch is begun; an internal topic writes a time marker first. */
  protected begin(_batch: RecordBatchBuilder, _partition: number): void {}

  protected batchOf(partition: number): RecordBatchBuilder {
    let batch = this.partitions[partition]
    if (batch === undefined) {
      batch = new RecordBatchBuilder({ initialBytes: INITIAL_BATCH_BYTES })
      this.partitions[partition] = batch
      this.begin(batch, partition)
    }
    return batch
  }

  /** Key and value as bytes, read before the next call. */
  private encode(
    { key, value }: { readonly key: unknown; readonly value: unknown },
    keySerde: Serde<unknown>,
    valueSerde: Serde<unknown>,
  ): readonly [key: ByteWriter | null, value: ByteWriter | null] {
    const keyBytes = key === null || key === undefined ? null : this.key
    const valueBytes = value === null || value === undefined ? null : this.value
    if (keyBytes !== null) {
      keyBytes.clear()
      keySerde.write(key, keyBytes)
    }
    if (valueBytes !== null) {
      valueBytes.clear()
      valueSerde.write(value, valueBytes)
    }
    return [keyBytes, valueBytes]
  }

  private get ownPartition(): number {
    return this.options.taskPartition % this.partitions.length
  }

  private handOver(partition: number): void {
    const batch = this.partitions[partition]
    if (batch === undefined || batch.isEmpty) return
    this.partitions[partition] = undefined
    this.options.transport.send(this.topic, partition, batch)
  }
}

/** An internal topic: batches start with a time marker, and commits carry the task's time on. */
export class InternalOutput extends TopicOutput {
  private readonly taskPartition: number
  private readonly timeMs: () => number
  private readonly marker = new ByteWriter(32)
  private readonly written: string[] = []
  private state: LaneState = 'active'
  private epoch = 0

  /** `timeMs` is the time that this task passes on: its stream time, less what its operators hold back. */
  constructor(topic: string, options: OutputOptions, timeMs: () => number) {
    super(topic, options)
    this.taskPartition = options.taskPartition
    this.timeMs = timeMs
  }

  /** What is said from now on is said in this epoch. */
  enter(epoch: number): void {
    this.epoch = epoch
  }

  /** Tells the tasks below where this one is, where that is news. */
  mark(state: LaneState): void {
    this.state = state
    for (let partition = 0; partition < this.partitionCount; partition++) {
      if (this.written[partition] === this.news()) continue
      const batch = this.batchOf(partition)
      // A batch that was just begun says it already.
      if (this.written[partition] !== this.news()) this.appendMarker(batch, partition)
    }
  }

  protected override begin(batch: RecordBatchBuilder, partition: number): void {
    this.appendMarker(batch, partition)
  }

  private news(): string {
    return `${this.epoch} ${this.state} ${this.timeMs()}`
  }

  private appendMarker(batch: RecordBatchBuilder, partition: number): void {
    const { taskPartition: upstreamPartition, state, epoch } = this
    const timeMs = this.timeMs()
    writeTimeMarker({ upstreamPartition, state, timeMs, epoch }, this.marker)
    // Near the other timestamps of the batch, so that their differences stay small.
    batch.append(Number.isFinite(timeMs) ? Math.max(0, timeMs) : 0, null, this.marker)
    this.written[partition] = this.news()
  }
}
