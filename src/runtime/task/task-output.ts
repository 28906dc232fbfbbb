/**
 * A task's outputs: encodes keys and values, chooses partitions as Java's producer does, and builds record batches
 * per partition. Full batches go to the transport at once, the rest when `flush` is called.
 */
import { ByteWriter } from '../../core/byte-writer.ts'
import { MillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import { partitionOf } from '../../core/murmur2.ts'
import type { Headers } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { HEADER_BYTES } from '../../protocol/record-batch/layout.ts'
import { RecordBatchBuilder, recordBytesMax } from '../../protocol/record-batch/record-batch-builder.ts'
import { type LaneState, writeTimeMarker } from './time-marker.ts'

/** Which records a topic takes. */
export interface TopicRules {
  /** `max.message.bytes`: of a whole batch. */
  readonly batchBytesMax: number
  /** `message.timestamp.after.max.ms`: how far ahead of the clock a record may be. */
  readonly aheadMsMax: number
  /** `message.timestamp.before.max.ms`: how far behind the clock. */
  readonly behindMsMax: number
  /** The topic is compacted, so that its records have keys. */
  readonly keyed: boolean
}

/** Where finished batches go. */
export interface OutputTransport {
  partitionCount(topic: string): number
  /** What is known of a topic. A record against its rules is refused when it is written, not when its batch is sent. */
  rules?(topic: string): TopicRules | undefined
  /** The wall clock that `aheadMsMax` counts by. */
  nowMs?(): number
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
/** Of a record without one. */
const NO_TIMESTAMP = -1
/** More than a time marker takes. */
const MARKER_BYTES = 128

/** One topic that a task writes. */
export class TopicOutput {
  readonly topic: string
  records = 0
  private readonly options: OutputOptions
  private readonly rules: TopicRules | undefined
  private readonly bytesMax: number
  private clockMs = Number.NEGATIVE_INFINITY
  private readonly partitions: (RecordBatchBuilder | undefined)[]
  private readonly key = new ByteWriter(256)
  private readonly value = new ByteWriter(1024)

  constructor(topic: string, options: OutputOptions) {
    this.topic = topic
    this.options = options
    const count = options.transport.partitionCount(topic)
    invariant(count > 0, `topic ${topic} has partitions`)
    this.partitions = Array.from({ length: count }, () => undefined)
    this.rules = options.transport.rules?.(topic)
    this.bytesMax = Math.min(options.batchBytesMax, this.rules?.batchBytesMax ?? Number.POSITIVE_INFINITY)
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

  /**
   * Adds a record to a given partition.
   *
   * @throws MR_RECORD_TOO_LARGE, MR_RECORD_INVALID when the topic would not take it
   */
  append(
    partition: number,
    timestampMs: number,
    key: ByteWriter | Uint8Array | null,
    value: ByteWriter | Uint8Array | null,
    headers: Headers,
  ): void {
    if (this.rules !== undefined) this.makeRoom(partition, timestampMs, key, value, headers)
    const batch = this.batchOf(partition)
    batch.append(timestampMs, key, value, headers)
    this.records++
    if (batch.sizeBytes >= this.bytesMax) this.handOver(partition)
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

  /** One batch that the topic refuses ends the transaction with all that is in it. */
  private makeRoom(
    partition: number,
    timestampMs: number,
    key: ByteWriter | Uint8Array | null,
    value: ByteWriter | Uint8Array | null,
    headers: Headers,
  ): void {
    const { batchBytesMax, keyed } = this.rules as TopicRules
    const { topic } = this
    if (keyed && key === null)
      throw new MillraceError('MR_RECORD_INVALID', `topic "${topic}" is compacted: its records have keys`)
    this.checkTime(timestampMs)
    const most = recordBytesMax(key?.length ?? 0, value?.length ?? 0, headers)
    const pending = this.partitions[partition]?.sizeBytes ?? HEADER_BYTES
    if (pending + most <= batchBytesMax) return
    this.handOver(partition)
    if (this.prefixBytes + most <= batchBytesMax) return
    const probe = new RecordBatchBuilder({ initialBytes: INITIAL_BATCH_BYTES })
    probe.append(timestampMs, key, value, headers)
    const bytes = probe.sizeBytes - HEADER_BYTES + this.prefixBytes
    if (bytes <= batchBytesMax) return
    const message = `a record of ${bytes} bytes is larger than topic "${topic}" takes (${batchBytesMax})`
    throw new MillraceError('MR_RECORD_TOO_LARGE', message, {
      hint: `Make it smaller, or set max.message.bytes of ${topic}: \`millrace topics alter\` does it.`,
    })
  }

  private checkTime(timestampMs: number): void {
    const { aheadMsMax, behindMsMax } = this.rules as TopicRules
    // The clock is looked at only when it must have moved.
    if (timestampMs - this.clockMs > aheadMsMax || behindMsMax !== Number.POSITIVE_INFINITY)
      this.clockMs = this.options.transport.nowMs?.() ?? timestampMs
    const aheadMs = timestampMs - this.clockMs
    if (timestampMs >= NO_TIMESTAMP && aheadMs <= aheadMsMax && -aheadMs <= behindMsMax) return
    const where =
      aheadMs > 0 ? `${aheadMs} ms ahead of the clock` : `${timestampMs}, ${-aheadMs} ms behind the clock`
    throw new MillraceError(
      'MR_RECORD_INVALID',
      `the timestamp is ${where}: too far for topic "${this.topic}"`,
      {
        hint: 'Mend the clock that it comes from, or set message.timestamp.after.max.ms or .before.max.ms of the topic.',
      },
    )
  }

  /** What a batch takes before its first record of the user. */
  protected get prefixBytes(): number {
    return HEADER_BYTES
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

  protected override get prefixBytes(): number {
    return HEADER_BYTES + MARKER_BYTES
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
