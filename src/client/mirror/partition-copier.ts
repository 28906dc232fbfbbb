/**
 * Brings the batches of one partition to the target and remembers which record has got which offset.
 *
 * 1. A batch of some size that has all its records is handed over as it is (`stored-batch.ts`).
 * 2. The records of all others (small, compacted, with the broker's time) are built into new batches of the same
 *    compression: a request carries one batch per partition, so many small ones would take as many requests.
 * 3. Each batch that is sent tells its base offset at the target, which gives the runs of `offset-runs.ts`.
 *
 * Never: change the order of records, or send one at or after `to`.
 */
import { MillraceError } from '../../core/errors.ts'
import type { TopicPartition } from '../../core/record.ts'
import { noHeaders } from '../../core/record.ts'
import { wholeBatchEnd } from '../../protocol/record-batch/for-each-batch.ts'
import { baseOffsetOf, lastOffsetOf, recordCountOf } from '../../protocol/record-batch/layout.ts'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { FetchedBatches } from '../consumer/fetched-batches.ts'
import type { BatchToSend, Producer } from '../producer/producer.ts'
import { addRun, type OffsetRun } from './offset-runs.ts'
import { StoredBatch } from './stored-batch.ts'

/** From this size on a batch is handed over as it is. */
const WHOLE_BYTES_MIN = 16 * 1024
/** A batch that is built ends here, before compression. */
export const BUILT_BYTES_MAX = 128 * 1024
/** A batch is no larger than this when it is decompressed. */
const DECOMPRESSED_BYTES_MAX = 256 * 1024 * 1024

interface SentBatch {
  /** `target` counts from the batch's base offset. */
  readonly runs: readonly OffsetRun[]
  readonly baseOffset: Promise<number>
}

export interface Copied {
  /** Which offsets the records have got. */
  readonly runs: readonly OffsetRun[]
  readonly recordCount: number
  /** Of the batches as they were handed over. */
  readonly sizeBytes: number
}

export class PartitionCopier {
  readonly topic: string
  readonly partition: number
  private readonly producer: Pick<Producer, 'sendBatch'>
  private readonly builtBytesMax: number
  private readonly reader = new RecordBatchReader({ decompressedBytesMax: DECOMPRESSED_BYTES_MAX })
  private builder: RecordBatchBuilder | undefined
  private builderRuns: OffsetRun[] = []
  private sent: SentBatch[] = []
  private recordCount = 0
  private sizeBytes = 0

  /** @param builtBytesMax what the target takes in one batch, if that is less than BUILT_BYTES_MAX */
  constructor(
    producer: Pick<Producer, 'sendBatch'>,
    { topic, partition }: TopicPartition,
    builtBytesMax = BUILT_BYTES_MAX,
  ) {
    this.producer = producer
    this.topic = topic
    this.partition = partition
    this.builtBytesMax = Math.min(builtBytesMax, BUILT_BYTES_MAX)
  }

  /** Sends the records from the position on that lie before `to`. */
  copy({ bytes, fetchOffset }: FetchedBatches, to: number): void {
    let start = 0
    for (let end = wholeBatchEnd(bytes, start); end >= 0; end = wholeBatchEnd(bytes, start)) {
      const inside = baseOffsetOf(bytes, start) >= fetchOffset && lastOffsetOf(bytes, start) < to
      if (inside && end - start >= WHOLE_BYTES_MIN && StoredBatch.isWhole(bytes, start)) {
        this.flush()
        const batch = new StoredBatch(bytes, start)
        const { baseOffset, recordCount } = batch
        this.send(batch, [{ source: baseOffset, target: 0, count: recordCount }])
      } else if (recordCountOf(bytes, start) > 0) this.rebuild(bytes, start, { from: fetchOffset, to })
      start = end
    }
  }

  /** Sends what was built. */
  flush(): void {
    const { builder, builderRuns } = this
    this.builder = undefined
    this.builderRuns = []
    if (builder !== undefined) this.send(builder, builderRuns)
  }

  /**
   * What was sent since the last call. Resolves when all of it is acknowledged.
   *
   * @throws MR_TIMEOUT when a batch was written, but by an attempt whose answer got lost, so nobody knows where
   */
  async take(): Promise<Copied> {
    const { recordCount, sent, sizeBytes } = this
    this.forget()
    const taken: OffsetRun[] = []
    for (const { runs, baseOffset } of sent) {
      const base = await baseOffset
      if (base < 0) throw unknownPlace(this)
      for (const { source, target, count } of runs) addRun(taken, source, base + target, count)
    }
    return { runs: taken, recordCount, sizeBytes }
  }

  /** Drops what was not sent, and what is known of the rest: the transaction is given up. */
  forget(): void {
    this.sent = []
    this.builder = undefined
    this.builderRuns = []
    this.recordCount = 0
    this.sizeBytes = 0
  }

  private rebuild(bytes: Buffer, start: number, { from, to }: { from: number; to: number }): void {
    const { reader } = this
    reader.reset(bytes, start)
    while (reader.next()) {
      const { body, keyStart, keyEnd, offset, valueStart, valueEnd } = reader
      if (offset < from) continue
      if (offset >= to) return
      const key = keyStart < 0 ? null : body.subarray(keyStart, keyEnd)
      const value = valueStart < 0 ? null : body.subarray(valueStart, valueEnd)
      const recordBytes = reader.recordEnd - reader.recordStart
      const builder = this.builderFor(reader, recordBytes)
      addRun(this.builderRuns, offset, builder.recordCount, 1)
      builder.append(reader.timestampMs, key, value, reader.hasHeaders ? reader.headers() : noHeaders)
    }
  }

  /** The open builder, or another when the compression is a different one or the record has no room. */
  private builderFor({ compression }: RecordBatchReader, recordBytes: number): RecordBatchBuilder {
    const { builder } = this
    if (builder !== undefined) {
      const room = builder.sizeBytes + recordBytes <= this.builtBytesMax
      if (room && builder.compression === compression) return builder
      this.flush()
    }
    this.builder = new RecordBatchBuilder({ compression })
    return this.builder
  }

  private send(batch: BatchToSend, runs: readonly OffsetRun[]): void {
    this.recordCount += batch.recordCount
    this.sizeBytes += batch.sizeBytes
    const baseOffset = this.producer.sendBatch(this.topic, this.partition, batch)
    baseOffset.catch(() => {})
    this.sent.push({ runs, baseOffset })
  }
}

function unknownPlace({ topic, partition }: TopicPartition): MillraceError {
  return new MillraceError('MR_TIMEOUT', 'a batch was written, but where was not told', {
    context: { topic, partition },
    retriable: true,
  })
}
