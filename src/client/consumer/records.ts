/** Records one by one, out of whole batches. */
import { noHeaders, type StoredRecord } from '../../core/record.ts'
import { wholeBatchEnd } from '../../protocol/record-batch/for-each-batch.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { FetchedBatches } from './fetched-batches.ts'

/** The records of one poll's batches, from the position on. Keys and values are views of the batch. */
export function* recordsOf(fetched: FetchedBatches): Generator<StoredRecord> {
  const { topic, partition, bytes, fetchOffset } = fetched
  const reader = new RecordBatchReader()
  let start = 0
  for (let end = wholeBatchEnd(bytes, start); end >= 0; end = wholeBatchEnd(bytes, start)) {
    reader.reset(bytes, start)
    start = end
    while (reader.next()) {
      if (reader.offset < fetchOffset) continue
      const { body } = reader
      yield {
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
}
