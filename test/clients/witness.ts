/** Our own client beside the one under test: it prepares topics, reads what was written and writes what is to be read. */
import { type Admin, createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { createConsumer } from '../../src/client/consumer/consumer.ts'
import { recordsOf } from '../../src/client/consumer/records.ts'
import { createProducer, type ProducerOptions } from '../../src/client/producer/producer.ts'
import type { Header, StoredRecord } from '../../src/core/record.ts'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { wholeBatchEnd } from '../../src/protocol/record-batch/for-each-batch.ts'
import { RecordBatchReader } from '../../src/protocol/record-batch/record-batch-reader.ts'
import type { DriverRecord, Isolation, ReadRecord } from './driver.ts'

const DEADLINE_MS = 30_000

/** How the batches of a topic are stored. */
export interface StoredBatch {
  readonly partition: number
  readonly compression: string
  readonly producerId: number
  readonly baseSequence: number
  readonly transactional: boolean
}

const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString()

const headersOf = (record: DriverRecord): readonly Header[] =>
  (record.headers ?? []).map(([key, value]) => ({ key, value: value === null ? null : Buffer.from(value) }))

const readOf = (record: StoredRecord): ReadRecord => ({
  partition: record.partition,
  offset: record.offset,
  key: text(record.key),
  value: text(record.value),
  headers: record.headers.map(({ key, value }) => [key, text(value)] as const),
})

export class Witness {
  readonly platform = nodePlatform()
  readonly admin: Admin
  private readonly cluster: Cluster
  private readonly prefix = `c${this.platform.random.uint32().toString(36)}`
  private names = 0

  constructor(brokers: string) {
    this.cluster = new Cluster({ platform: this.platform, brokers: [brokers] })
    this.admin = createAdmin(this.cluster)
  }

  /** A name that nobody else uses. */
  name(what: string): string {
    return `${this.prefix}-${what}-${this.names++}`
  }

  async topic(partitions: number, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const topic = this.name('topic')
    await this.admin.createTopics([{ topic, partitions, configs }])
    // A broker may be told that it leads a partition a moment after it has told clients so.
    const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
    await this.admin.listOffsets(all, { at: 'latest' })
    return topic
  }

  async write(
    topic: string,
    records: readonly DriverRecord[],
    options: ProducerOptions & { readonly outcome?: 'commit' | 'abort' } = {},
  ): Promise<void> {
    const { outcome, ...rest } = options
    const transactional = outcome === undefined ? {} : { transactionalId: this.name('id') }
    const producer = createProducer(this.cluster, { ...rest, ...transactional })
    try {
      if (outcome !== undefined) {
        await producer.init()
        producer.begin()
      }
      await Promise.all(
        records.map((record) => producer.send({ ...record, topic, headers: headersOf(record) })),
      )
      if (outcome !== undefined) await producer[outcome]()
    } finally {
      await producer.close()
    }
  }

  /** All records of a topic as they stand now, by partition and offset. */
  async read(
    topic: string,
    partitions: number,
    isolation: Isolation = 'read_committed',
  ): Promise<ReadRecord[]> {
    const records: ReadRecord[] = []
    await this.scan(topic, partitions, isolation, (fetched) => {
      for (const record of recordsOf(fetched)) records.push(readOf(record))
    })
    return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  }

  async batches(topic: string, partitions: number): Promise<StoredBatch[]> {
    const batches: StoredBatch[] = []
    await this.scan(topic, partitions, 'read_uncommitted', ({ partition, bytes }) => {
      const reader = new RecordBatchReader()
      for (let start = 0, end = wholeBatchEnd(bytes, 0); end >= 0; end = wholeBatchEnd(bytes, start)) {
        reader.reset(bytes, start)
        const { compression, producerId, baseSequence, isTransactional: transactional } = reader
        batches.push({ partition, compression, producerId, baseSequence, transactional })
        start = end
      }
    })
    return batches
  }

  /** Committed offsets of a group, by partition; -1 where there is none. */
  async committed(group: string, topic: string, partitions: number): Promise<number[]> {
    const all = partitionsOf(topic, partitions)
    const found = await this.admin.groupOffsets(group, all)
    return all.map(({ partition }) => found.get(`${topic}/${partition}`)?.offset ?? -1)
  }

  /** Waits until no transaction is open in the topic's only partition: Kafka writes markers after it has answered. */
  async decided(topic: string): Promise<void> {
    const one = [{ topic, partition: 0 }]
    await this.until('the end of open transactions', async () => {
      const stable = await this.admin.listOffsets(one, { at: 'latest', isolation: 'read_committed' })
      const end = await this.admin.listOffsets(one, { at: 'latest', isolation: 'read_uncommitted' })
      return stable.get(`${topic}/0`)?.offset === end.get(`${topic}/0`)?.offset
    })
  }

  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    return until(this.platform.clock, holds, { what, timeoutMs: DEADLINE_MS, intervalMs: 50 })
  }

  close(): Promise<void> {
    return this.cluster.close()
  }

  private async scan(
    topic: string,
    partitions: number,
    isolation: Isolation,
    take: (fetched: Parameters<typeof recordsOf>[0]) => void,
  ): Promise<void> {
    const all = partitionsOf(topic, partitions)
    const ends = await this.admin.listOffsets(all, { at: 'latest', isolation })
    const consumer = createConsumer(this.cluster, { offsetReset: 'earliest', maxWaitMs: 50, isolation })
    try {
      consumer.assign(all.map((one) => ({ ...one, offset: 'earliest' as const })))
      await this.until(`the end of ${topic} is read`, async () => {
        for (const fetched of await consumer.poll({ maxWaitMs: 100 })) take(fetched)
        return all.every(({ partition }) => {
          const end = ends.get(`${topic}/${partition}`)?.offset ?? 0
          return end === 0 || consumer.position(topic, partition) >= end
        })
      })
    } finally {
      await consumer.close()
    }
  }
}

function partitionsOf(topic: string, partitions: number): { topic: string; partition: number }[] {
  return Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
}
