/** Reads a whole topic. */
import { type Kafka, recordsOf } from '../../../src/client/index.ts'
import { partitionName } from '../../../src/core/record.ts'
import { until } from '../../../src/platform/clock.ts'
import { nodePlatform } from '../../../src/platform/node/platform.ts'
import type { ReadRecord } from './history.ts'

const { clock } = nodePlatform()
const READ_TIMEOUT_MS = 180_000

/** All records of a topic that are committed now, in order per partition. */
export async function readAll(kafka: Kafka, topic: string): Promise<ReadRecord[]> {
  const admin = kafka.admin()
  const [described] = await admin.describeTopics([topic])
  const partitions = described!.partitions.map(({ partition }) => ({ topic, partition }))
  const ends = await admin.listOffsets(partitions, { at: 'latest', isolation: 'read_committed' })
  const consumer = kafka.consumer()
  consumer.assign(partitions.map((partition) => ({ ...partition, offset: 'earliest' as const })))
  const records: ReadRecord[] = []
  const read = async (): Promise<boolean> => {
    for (const fetched of await consumer.poll({ maxWaitMs: 200 })) {
      for (const { partition, offset, key, value } of recordsOf(fetched)) {
        records.push({ partition, offset, key: `${key}`, value: `${value}` })
      }
    }
    return partitions.every(({ partition }) => {
      const end = ends.get(partitionName(topic, partition))
      return end !== undefined && consumer.position(topic, partition) >= end.offset
    })
  }
  await until(clock, read, { what: `reading all of ${topic}`, timeoutMs: READ_TIMEOUT_MS })
  await consumer.close()
  return records
}
