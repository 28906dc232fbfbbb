/** Records one by one, out of whole batches. */
import { noHeaders, type StoredRecord } from '../../core/record.ts'
import { wholeBatchEnd } from '../../protocol/record-batch/for-each-batch.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { FetchedBatches } from './fetched-batches.ts'

/** The records of one poll's batches, from the position on. Keys and values are views of the batch. */
export function* recordsOf(fetched: FetchedBatches): Generator<StoredRecord> {
  const cursor = new RecordCursor(fetched)
  for (let record = cursor.next(); record !== undefined; record = cursor.next()) yield record
}

class RecordCursor {
  private readonly fetched: FetchedBatches
  private readonly reader = new RecordBatchReader()

  constructor(fetched: FetchedBatches) {
    this.fetched = fetched
  }

  /** The next record; undefined behind the last. @throws MR_BYTES_INVALID, MR_COMPRESSION_INVALID and the like */
  next(): StoredRecord | undefined {
    const { reader } = this
    const { topic, partition, bytes, fetchOffset } = this.fetched
    do {
      while (!reader.next()) {
        const start = reader.batchEnd
        if (wholeBatchEnd(bytes, start) < 0) return undefined
        reader.reset(bytes, start)
      }
    } while (reader.offset < fetchOffset)
    const { body } = reader
    return {
      topic,
      partition,
      offset: reader.offset,
      timestampMs: reader.timestampMs,
      key: reader.keyStart < 0 ? null : body.subarray(reader.keyStart, reader.keyEnd),
      value: reader.valueStart < 0 ? null : body.subarray(reader.valueStart, reader.valueEnd),
      headers: reader.hasHeaders ? reader.headers() : noHeaders,
    }
  }
}

/**
 * The records of what a source fetches, for `for await`.
 *
 * Not an async generator: that makes several promises and turns of the microtask queue for each record, this makes one.
 */
export class RecordIterator implements AsyncIterableIterator<StoredRecord> {
  private readonly source: AsyncIterator<FetchedBatches>
  private cursor: RecordCursor | undefined
  /** Calls of `next` that wait for batches; they are answered one after the other. */
  private waiting = 0
  private last: Promise<void> = Promise.resolve()

  constructor(source: AsyncIterator<FetchedBatches>) {
    this.source = source
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<StoredRecord>> {
    try {
      const value = this.waiting === 0 ? this.cursor?.next() : undefined
      if (value !== undefined) return Promise.resolve({ value, done: false })
    } catch (error) {
      return Promise.reject(error)
    }
    this.waiting++
    const answer = this.last.then(() => this.fetchNext())
    const answered = (): void => void this.waiting--
    this.last = answer.then(answered, answered)
    return answer
  }

  async return(): Promise<IteratorResult<StoredRecord>> {
    this.cursor = undefined
    await this.source.return?.()
    return { value: undefined, done: true }
  }

  private async fetchNext(): Promise<IteratorResult<StoredRecord>> {
    for (;;) {
      const value = this.cursor?.next()
      if (value !== undefined) return { value, done: false }
      const fetched = await this.source.next()
      this.cursor = fetched.done ? undefined : new RecordCursor(fetched.value)
      if (fetched.done) return { value: undefined, done: true }
    }
  }
}
