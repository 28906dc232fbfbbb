/** The whole of a topic, as tests compare it. */
import { partitionName, type StoredRecord } from '../../core/record.ts'
import { createAdmin } from '../admin/admin.ts'
import type { Cluster } from '../cluster.ts'
import { createConsumer } from './consumer.ts'
import { recordsOf } from './records.ts'

/** What a `read_committed` consumer reads up to the present end of every partition, in the order of each. */
export async function readTopic(cluster: Cluster, topic: string): Promise<StoredRecord[]> {
  const admin = createAdmin(cluster)
  const count = (await admin.partitionCounts()).get(topic) ?? 0
  const places = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
  const ends = await admin.listOffsets(places, { at: 'latest' })
  const consumer = createConsumer(cluster, { isolation: 'read_committed' })
  consumer.assign(places.map((place) => ({ ...place, offset: 'earliest' as const })))
  const records: StoredRecord[] = []
  const open = new Set([...ends].filter(([, { offset }]) => offset > 0).map(([name]) => name))
  while (open.size > 0) {
    for (const fetched of await consumer.poll({ maxWaitMs: 100 })) {
      records.push(...recordsOf(fetched))
      const name = partitionName(topic, fetched.partition)
      if (fetched.nextOffset >= (ends.get(name)?.offset ?? 0)) open.delete(name)
    }
  }
  await consumer.close()
  return records
}

/** As `readTopic`, of a topic whose keys are text and whose values are JSON; null stays null. */
export async function readJson<V>(cluster: Cluster, topic: string): Promise<[key: string, value: V][]> {
  const records = await readTopic(cluster, topic)
  return records.map(({ key, value }) => [textOf(key), value === null ? null : JSON.parse(textOf(value))])
}

/** The text of a key or value; '' for null. */
export function textOf(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString()
}
