import type { StoredRecord } from '../core/record.ts'
import { forEachBatch } from '../protocol/record-batch/for-each-batch.ts'
import { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
import type { FetchedPartition } from './transport.ts'

const reader = new RecordBatchReader()

/** The records of what was fetched, from its position on. Keys, values and headers are views of the batches. */
export function decodeRecords(fetched: FetchedPartition): readonly StoredRecord[] {
  const { topic, partition, bytes, fetchOffset } = fetched
  const records: StoredRecord[] = []
  forEachBatch(bytes, (start) => {
    reader.reset(bytes, start)
    while (reader.next()) {
      const { body, offset, timestampMs } = reader
      if (offset < fetchOffset) continue
      const key = reader.keyStart < 0 ? null : body.subarray(reader.keyStart, reader.keyEnd)
      const value = reader.valueStart < 0 ? null : body.subarray(reader.valueStart, reader.valueEnd)
      records.push({ topic, partition, offset, timestampMs, key, value, headers: reader.headers() })
    }
  })
  return records
}
