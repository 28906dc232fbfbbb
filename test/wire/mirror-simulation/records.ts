/** What the mirror's tests write to the source, and how they read both sides back. */

import { createAdmin } from '../../../src/client/admin/admin.ts'
import type { Cluster } from '../../../src/client/cluster.ts'
import { createConsumer } from '../../../src/client/consumer/consumer.ts'
import { recordsOf } from '../../../src/client/consumer/records.ts'
import type { Producer } from '../../../src/client/producer/producer.ts'
import { partitionName, type TopicPartition } from '../../../src/core/record.ts'
import { codecs } from '../../../src/protocol/compression/codec.ts'
import { wholeBatchEnd } from '../../../src/protocol/record-batch/for-each-batch.ts'
import { RecordBatchBuilder } from '../../../src/protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../../../src/protocol/record-batch/record-batch-reader.ts'

/** A record with all that a mirror has to keep, as one text; and where it stands. */
export interface SeenRecord {
  readonly content: string
  readonly compression: string
  readonly offset: number
}

/** A choice from 0 to `max`. */
export type Choose = (max: number) => number

export interface BatchesToSend {
  readonly batches: number
  readonly choose: Choose
  /** The beginning of each value. */
  readonly name: string
  /** No record goes without a key: compacted topics refuse them. */
  readonly keyed?: boolean
}

/** Batches of all kinds: small and large, compressed or not, with headers, nulls and times that go back. */
export function sendSomeBatches(
  producer: Pick<Producer, 'sendBatch'>,
  at: TopicPartition,
  { batches, choose, keyed = false, name }: BatchesToSend,
): void {
  for (let batch = 0; batch < batches; batch++) {
    const compression = codecs[choose(codecs.length - 1)]!
    const builder = new RecordBatchBuilder({ compression })
    const large = choose(2) === 0
    const count = 1 + choose(large ? 200 : 5)
    for (let index = 0; index < count; index++) {
      const text = `${name} ${partitionName(at.topic, at.partition)} ${batch}.${index}`
      const key = !keyed && choose(4) === 0 ? null : Buffer.from(`key ${choose(20)}`)
      const value = choose(9) === 0 ? null : Buffer.from(text.padEnd(large ? 300 + choose(100) : 1, 'x'))
      const headers =
        choose(3) === 0
          ? [
              { key: 'n', value: Buffer.from(text) },
              { key: 'none', value: null },
            ]
          : []
      builder.append(1_700_000_000_000 + choose(100_000), key, value, headers)
    }
    void producer.sendBatch(at.topic, at.partition, builder)
  }
}

/** Committed records of a partition, from the start to the end of now. */
export async function readCommitted(cluster: Cluster, at: TopicPartition): Promise<readonly SeenRecord[]> {
  const options = { at: 'latest', isolation: 'read_committed' } as const
  const ends = await createAdmin(cluster).listOffsets([at], options)
  const end = ends.get(partitionName(at.topic, at.partition))?.offset ?? 0
  const consumer = createConsumer(cluster, { isolation: 'read_committed', offsetReset: 'earliest' })
  const reader = new RecordBatchReader()
  const seen: SeenRecord[] = []
  try {
    consumer.assign([{ ...at, offset: 'earliest' }])
    while (end > 0 && consumer.position(at.topic, at.partition) < end) {
      for (const fetched of await consumer.poll()) {
        const compressions: string[] = []
        let start = 0
        for (let to = wholeBatchEnd(fetched.bytes, 0); to >= 0; to = wholeBatchEnd(fetched.bytes, start)) {
          reader.reset(fetched.bytes, start)
          start = to
          while (reader.next())
            if (reader.offset >= fetched.fetchOffset) compressions.push(reader.compression)
        }
        let index = 0
        for (const { headers, key, offset, timestampMs, value } of recordsOf(fetched)) {
          const content = JSON.stringify([timestampMs, text(key), text(value), headers.map(headerText)])
          seen.push({ content, compression: compressions[index++]!, offset })
        }
      }
    }
  } finally {
    await consumer.close()
  }
  return seen
}

const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString('latin1')
const headerText = (header: { readonly key: string; readonly value: Uint8Array | null }): unknown => [
  header.key,
  text(header.value),
]
