/**
 * The way in for programs of one's own: one object per cluster that makes producers, consumers and admins.
 *
 * ```ts
 * const kafka = connect({ brokers: ['localhost:9092'] })
 * const producer = kafka.producer()
 * await producer.send({ topic: 'departed', key: 'LH-400', value: '{"gate":"B12"}' })
 * for await (const record of kafka.consumer({ group: 'board' }).records()) …
 * ```
 */
import { formatUuid, randomUuid } from '../platform/random.ts'
import { type Admin, type AdminOptions, createAdmin } from './admin/admin.ts'
import { Cluster, type ClusterOptions } from './cluster.ts'
import { type Consumer, type ConsumerOptions, createConsumer } from './consumer/consumer.ts'
import { createProducer, type Producer, type ProducerOptions } from './producer/producer.ts'

/** What can be done inside of a transaction. */
export type Transaction = Pick<Producer, 'send' | 'sendBatch' | 'sendOffsets' | 'room'>

export interface Kafka {
  readonly cluster: Cluster
  producer(options?: ProducerOptions): Producer
  consumer(options?: ConsumerOptions): Consumer
  admin(options?: AdminOptions): Admin
  /**
   * Runs `run` in a transaction: everything it sends becomes visible when it returns, nothing when it throws. Calls
   * with the same transactional id follow one another.
   * @param options.transactionalId one that no other process has at the same time; a random one by default, which
   *   fences nobody
   */
  transaction<T>(
    run: (transaction: Transaction) => Promise<T>,
    options?: { readonly transactionalId?: string; readonly transactionTimeoutMs?: number },
  ): Promise<T>
  /** Closes everything that was made. */
  close(): Promise<void>
}

/** Connects to a cluster; nothing is sent before something is asked for. @throws MR_OPTION_INVALID */
export function kafkaOn(options: ClusterOptions): Kafka {
  return new ClusterKafka(new Cluster(options))
}

/** A transactional producer and the transaction that must end before the next one. */
interface TransactionLine {
  readonly producer: Producer
  last: Promise<unknown>
}

class ClusterKafka implements Kafka {
  readonly cluster: Cluster
  private readonly lines = new Map<string, TransactionLine>()
  private readonly ownId: string

  constructor(cluster: Cluster) {
    this.cluster = cluster
    this.ownId = `millrace-${formatUuid(randomUuid(cluster.platform.random))}`
  }

  producer(options: ProducerOptions = {}): Producer {
    return createProducer(this.cluster, options)
  }

  consumer(options: ConsumerOptions = {}): Consumer {
    return createConsumer(this.cluster, options)
  }

  admin(options: AdminOptions = {}): Admin {
    return createAdmin(this.cluster, options)
  }

  transaction<T>(
    run: (transaction: Transaction) => Promise<T>,
    options: { readonly transactionalId?: string; readonly transactionTimeoutMs?: number } = {},
  ): Promise<T> {
    const transactionalId = options.transactionalId ?? this.ownId
    let line = this.lines.get(transactionalId)
    if (line === undefined) {
      const producer = this.producer({ ...options, transactionalId })
      line = { producer, last: producer.init() }
      this.lines.set(transactionalId, line)
    }
    const { producer, last } = line
    const result = last.then(() => inTransaction(producer, run))
    // A transaction that failed is aborted, and the next one may begin; a producer that is at its end is replaced.
    line.last = result.catch(async (error: unknown) => {
      if (await canBegin(producer)) return
      this.lines.delete(transactionalId)
      await producer.close()
      throw error
    })
    line.last.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.cluster.users].map((one) => one.close()))
    await this.cluster.close()
  }
}

async function inTransaction<T>(
  producer: Producer,
  run: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  producer.begin()
  let result: T
  try {
    result = await run(producer)
  } catch (error) {
    // Why `run` failed is what the caller has to know; a producer that cannot abort is replaced.
    await producer.abort().catch(() => {})
    throw error
  }
  try {
    await producer.commit()
  } catch (error) {
    await producer.abort().catch(() => {})
    throw error
  }
  return result
}

/** Whether a producer whose transaction failed can begin another. */
async function canBegin(producer: Producer): Promise<boolean> {
  try {
    producer.begin()
    await producer.abort()
    return true
  } catch {
    return false
  }
}
