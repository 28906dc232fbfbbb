/** What a scenario of the client works with. */
import assert from 'node:assert/strict'
import { type Admin, createAdmin } from '../../../src/client/admin/admin.ts'
import { Cluster, type ClusterOptions } from '../../../src/client/cluster.ts'
import { type Consumer, type ConsumerOptions, createConsumer } from '../../../src/client/consumer/consumer.ts'
import { recordsOf } from '../../../src/client/consumer/records.ts'
import { createProducer, type Producer, type ProducerOptions } from '../../../src/client/producer/producer.ts'
import { isMillraceError } from '../../../src/core/errors.ts'
import type { StoredRecord } from '../../../src/core/record.ts'
import { until } from '../../../src/platform/clock.ts'
import { nodePlatform } from '../../../src/platform/node/platform.ts'

export const DEADLINE_MS = 30_000
let counter = 0

/** What a scenario works with. Everything it makes is closed after it. */
export class Scenario {
  readonly platform = nodePlatform()
  readonly cluster: Cluster
  readonly admin: Admin
  readonly reach: Pick<ClusterOptions, 'brokers' | 'connect'>
  private readonly open: { close(): Promise<void> }[] = []
  private readonly prefix = `s${this.platform.random.uint32().toString(36)}`

  constructor(reach: Pick<ClusterOptions, 'brokers' | 'connect'>) {
    this.reach = reach
    this.cluster = this.newCluster()
    this.admin = createAdmin(this.cluster)
  }

  /** A name nobody else uses. */
  name(what: string): string {
    return `${this.prefix}-${what}-${counter++}`
  }

  /** A client of its own, as another process would be. */
  newCluster(options: Partial<ClusterOptions> = {}): Cluster {
    const cluster = new Cluster({ platform: this.platform, ...this.reach, ...options })
    this.open.push(cluster)
    return cluster
  }

  async topic(partitions = 1, configs: Record<string, string> = {}): Promise<string> {
    const topic = this.name('topic')
    await this.admin.createTopics([{ topic, partitions, configs }])
    return topic
  }

  producer(options: ProducerOptions = {}, cluster = this.cluster): Producer {
    const producer = createProducer(cluster, options)
    this.open.push(producer)
    return producer
  }

  consumer(options: ConsumerOptions = {}, cluster = this.cluster): Consumer {
    const consumer = createConsumer(cluster, { offsetReset: 'earliest', maxWaitMs: 50, ...options })
    this.open.push(consumer)
    return consumer
  }

  /** All records of a topic, from its start to where it ends now. */
  async readAll(topic: string, options: ConsumerOptions = {}): Promise<StoredRecord[]> {
    const partitions = Array.from({ length: await this.cluster.partitionCount(topic) }, (_, partition) => ({
      topic,
      partition,
    }))
    const isolation = options.isolation ?? 'read_committed'
    const ends = await this.admin.listOffsets(partitions, { at: 'latest', isolation })
    const consumer = this.consumer(options)
    consumer.assign(partitions.map((one) => ({ ...one, offset: 'earliest' as const })))
    const records: StoredRecord[] = []
    const atEnd = (): boolean =>
      partitions.every(({ partition }) => {
        const end = ends.get(`${topic}/${partition}`)?.offset ?? 0
        return end === 0 || consumer.position(topic, partition) >= end
      })
    await this.until('all records are read', async () => {
      for (const fetched of await consumer.poll({ maxWaitMs: 100 })) records.push(...recordsOf(fetched))
      return atEnd()
    })
    await consumer.close()
    return records
  }

  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    return until(this.platform.clock, holds, { what, timeoutMs: DEADLINE_MS })
  }

  async close(): Promise<void> {
    for (const one of this.open.splice(0).reverse()) await one.close()
  }
}

export type ScenarioTest = (name: string, run: (scenario: Scenario) => Promise<void>) => void

/** The promise fails with this code of the register. */
export async function rejectsWith(code: string, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isMillraceError(error), `${String(error)} is a Millrace error`)
    assert.equal(error.code, code, error.message)
    return true
  })
}

/** The value of a record as text. */
export function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString()
}
