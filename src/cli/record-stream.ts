/** Prints fetched batches record by record, until a limit is reached or the reader of stdout has gone. */

import type { Cluster } from '../client/cluster.ts'
import type { FetchedBatches } from '../client/consumer/fetched-batches.ts'
import { noHeaders } from '../core/record.ts'
import { wholeBatchEnd } from '../protocol/record-batch/for-each-batch.ts'
import { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
import type { ChunkedOutput } from './chunked-output.ts'
import type { RecordPrinter } from './record-format.ts'
import type { ShownRecord } from './record-text.ts'

export interface RecordStreamOptions {
  readonly cluster: Cluster
  readonly chunks: ChunkedOutput
  readonly print: RecordPrinter
  /** No more records are printed. */
  readonly limit: number
  readonly signal: AbortSignal
}

const none = Buffer.alloc(0)

export class RecordStream {
  private readonly options: RecordStreamOptions
  private readonly reader = new RecordBatchReader()
  /** One object for all records: printers keep nothing of it. */
  private readonly record: ShownRecord = {
    topic: '',
    partition: 0,
    offset: 0,
    timestampMs: 0,
    timestampType: 'create',
    broker: -1,
    number: 0,
    key: none,
    value: none,
    headers: noHeaders,
  }

  constructor(options: RecordStreamOptions) {
    this.options = options
  }

  get cluster(): Cluster {
    return this.options.cluster
  }

  get readerHasGone(): boolean {
    return this.options.chunks.closed
  }

  /** Hands what was printed to stdout, and waits until it was taken. */
  flush(): Promise<void> {
    return this.options.chunks.flush()
  }

  /** How many were printed. */
  get count(): number {
    return this.record.number
  }

  /** There is no use in more records. */
  get done(): boolean {
    const { chunks, limit, signal } = this.options
    return this.record.number >= limit || chunks.closed || signal.aborted
  }

  /** Prints the records below `to`. Resolves with the offset to go on from. */
  async print(fetched: FetchedBatches, to: number): Promise<number> {
    const { cluster, chunks, print } = this.options
    const { record, reader } = this
    const { topic, partition, bytes, fetchOffset, nextOffset } = fetched
    record.topic = topic
    record.partition = partition
    record.broker = cluster.metadata.partition(topic, partition)?.leader ?? -1
    let start = 0
    for (let end = wholeBatchEnd(bytes, start); end >= 0; end = wholeBatchEnd(bytes, start)) {
      reader.reset(bytes, start)
      start = end
      record.timestampType = reader.timestampType
      while (reader.next()) {
        const { offset } = reader
        if (offset < fetchOffset) continue
        if (offset >= to || this.done) return offset
        this.take(reader)
        print(record, chunks.writer)
        if (chunks.isFull) await chunks.flush()
      }
    }
    return Math.min(nextOffset, to)
  }

  private take(reader: RecordBatchReader): void {
    const { record } = this
    const { body, keyStart, keyEnd, valueStart, valueEnd } = reader
    record.offset = reader.offset
    record.timestampMs = reader.timestampMs
    record.key = keyStart < 0 ? null : body.subarray(keyStart, keyEnd)
    record.value = valueStart < 0 ? null : body.subarray(valueStart, valueEnd)
    record.headers = reader.hasHeaders ? reader.headers() : noHeaders
    record.number++
  }
}
