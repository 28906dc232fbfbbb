/** What a scenario of the client works with. */
import assert from 'node:assert/strict'
import { type Admin, createAdmin } from '../../../src/client/admin/admin.ts'
import { Cluster, type ClusterOptions } from '../../../src/client/cluster.ts'
import { type Consumer, type ConsumerOptions, createConsumer } from '../../../src/client/consumer/consumer.ts'
import { recordsOf } from '../../../src/client/consumer/records.ts'
import { createProducer, type Producer, type ProducerOptions } from '../../../src/client/producer/producer.ts'
import { isMillraceError, type MillraceError } from '../../../src/core/errors.ts'
import type { StoredRecord } from '../../../src/core/record.ts'
import { until } from '../../../src/platform/clock.ts'
import { nodePlatform } from '../../../src/platform/node/platform.ts'
import { consumerGroupHeartbeat } from '../../../src/protocol/apis/consumer-group-heartbeat.ts'
import { Watched } from './watched.ts'

export const DEADLINE_MS = 60_000
let counter = 0

/** How the brokers of a target are reached. */
export type Reach = Omit<Partial<ClusterOptions>, 'platform'>

/** What a scenario works with. Everything it makes is closed after it. */
export class Scenario {
  readonly platform = nodePlatform()
  readonly cluster: Cluster
  readonly admin: Admin
  readonly reach: Reach
  private readonly open: { close(): Promise<void> }[] = []
  private readonly prefix = `s${this.platform.random.uint32().toString(36)}`

  constructor(reach: Reach) {
    this.reach = reach
    this.cluster = this.newCluster()
    this.admin = createAdmin(this.cluster)
  }

  /** The broker is called, not reached over a network. */
  get inProcess(): boolean {
    return this.reach.connect !== undefined
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

  /** A client whose requests are seen, and whose connections can be cut. */
  watched(options: Partial<ClusterOptions> = {}): { readonly watched: Watched; readonly cluster: Cluster } {
    const watched = new Watched(this.platform, this.reach)
    return { watched, cluster: this.newCluster({ ...watched.reach, ...options }) }
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

  /** Polls a consumer until something holds. */
  async poll(what: string, consumer: Consumer, holds: () => boolean): Promise<void> {
    await this.until(what, async () => {
      if (holds()) return true
      await consumer.poll({ maxWaitMs: 20 })
      return holds()
    })
  }

  /** Waits until every transaction of a topic's partitions has come to its end. */
  async settled(topic: string): Promise<void> {
    const count = await this.cluster.partitionCount(topic)
    const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
    const ends = async (
      isolation: 'read_committed' | 'read_uncommitted',
    ): Promise<(number | undefined)[]> => {
      const found = await this.admin.listOffsets(partitions, { at: 'latest', isolation })
      return partitions.map(({ partition }) => found.get(`${topic}/${partition}`)?.offset)
    }
    // A commit is answered once it is decided; the brokers write the end of it into the partitions a moment later.
    await this.until('no transaction is open', async () => {
      const [stable, all] = [await ends('read_committed'), await ends('read_uncommitted')]
      return stable.every((end, partition) => end === all[partition])
    })
  }

  /** The values of a topic, once no transaction is open. */
  async values(topic: string): Promise<(string | null)[]> {
    await this.settled(topic)
    return (await this.readAll(topic)).map(({ value }) => text(value))
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

  /**
   * Closes a static member for good: of the consumer protocol the broker would keep its place until its session ends.
   */
  async retire(consumer: Consumer): Promise<void> {
    const { group, memberId, groupInstanceId } = consumer.groupMetadata()
    await consumer.close()
    const connection = await this.cluster.coordinator('group', group)
    const leaving = { groupId: group, memberId, memberEpoch: -1, instanceId: groupInstanceId }
    const { errorCode } = await connection.send(consumerGroupHeartbeat, leaving)
    assert.equal(errorCode, 0)
  }

  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    return until(this.platform.clock, holds, { what, timeoutMs: DEADLINE_MS })
  }

  async close(): Promise<void> {
    for (const one of this.open.splice(0).reverse()) await one.close()
  }
}

/** What not every broker has. */
export type Feature = 'classic groups' | 'consumer groups' | 'transactions 1' | 'transactions 2'

export interface ScenarioTest {
  (name: string, run: (scenario: Scenario) => Promise<void>): void
  /** For scenarios that are left out at a broker without the feature. */
  needing(feature: Feature): ScenarioTest
}

/** The error with which a promise fails. */
export async function refused(promise: Promise<unknown>): Promise<MillraceError> {
  try {
    await promise
  } catch (error) {
    assert.ok(isMillraceError(error), `${String(error)} is a Millrace error`)
    return error
  }
  assert.fail('it was not refused')
}

/** The promise fails with this code of the register. */
export async function rejectsWith(code: string, promise: Promise<unknown>): Promise<void> {
  const { code: found, message } = await refused(promise)
  assert.equal(found, code, message)
}

/** The value of a record as text. */
export function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString()
}
