/**
 * Members of a group that copy what they read to another topic, exactly once: records and positions in one
 * transaction. They come and go, in order and without a word.
 */
import {
  type Consumer,
  connect,
  type FetchedBatches,
  type Kafka,
  type OffsetToCommit,
  type Producer,
  recordsOf,
} from '../../../src/client/index.ts'
import { sleep } from '../../../src/platform/clock.ts'
import { nodePlatform } from '../../../src/platform/node/platform.ts'
import { note } from './producers.ts'

const { clock } = nodePlatform()
const POLL_MS = 200
const RETRY_MS = 200

export interface Work {
  readonly brokers: readonly string[]
  readonly from: string
  readonly to: string
  readonly group: string
  readonly protocol: 'classic' | 'consumer'
  readonly troubles: Map<string, number>
}

/** What a copy says: where its original stands. */
export const copyOf = (partition: number, offset: number): string => `${partition}/${offset}`

/** One member after the other under one transactional id. */
export class Worker {
  private readonly name: string
  private readonly work: Work
  private ended = false
  private gone = false
  private kafka: Kafka | undefined
  private run: Promise<void> | undefined

  constructor(name: string, work: Work) {
    this.name = name
    this.work = work
  }

  start(): void {
    this.gone = false
    this.run ??= this.loop().finally(() => {
      this.run = undefined
    })
  }

  /** Leaves the group; partitions are given up first. */
  async leave(): Promise<void> {
    this.gone = true
    await this.run
  }

  /** As a crash: connections end, and nobody says why. */
  async crash(): Promise<void> {
    this.gone = true
    await this.kafka?.cluster.close()
    await this.run
  }

  async end(): Promise<void> {
    this.ended = true
    await this.leave()
  }

  private async loop(): Promise<void> {
    while (!this.gone && !this.ended) {
      const { brokers, group, protocol, troubles } = this.work
      const kafka = connect({ brokers })
      this.kafka = kafka
      try {
        const producer = kafka.producer({ transactionalId: this.name, transactionTimeoutMs: 20_000 })
        const consumer = kafka.consumer({
          group,
          protocol,
          offsetReset: 'earliest',
          partitionMaxBytes: 64 * 1024,
          ...(protocol === 'classic' && { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 500 }),
        })
        await producer.init()
        await this.copy(consumer, producer)
      } catch (error) {
        if (!this.gone) note(troubles, error)
        if (!this.gone) await sleep(clock, RETRY_MS)
      } finally {
        await kafka.close()
      }
    }
  }

  /** Polls, and copies what has come in one transaction. Whatever fails begins anew from the committed positions. */
  private async copy(consumer: Consumer, producer: Producer): Promise<void> {
    let waiting: FetchedBatches[] = []
    const flush = async (): Promise<void> => {
      const polled = waiting
      waiting = []
      if (polled.length > 0) await this.transaction(consumer, producer, polled)
    }
    await consumer.subscribe([this.work.from], {
      onRevoked: flush,
      onLost: () => {
        waiting = []
      },
    })
    while (!this.gone && !this.ended) {
      const polled = await consumer.poll({ maxWaitMs: POLL_MS })
      waiting.push(...polled)
      // Between two generations a commit would be refused: it waits for the next.
      if (!consumer.rebalancing) await flush()
    }
  }

  private async transaction(
    consumer: Consumer,
    producer: Producer,
    polled: readonly FetchedBatches[],
  ): Promise<void> {
    producer.begin()
    try {
      const open: Promise<unknown>[] = []
      const positions = new Map<number, OffsetToCommit>()
      for (const fetched of polled) {
        const { topic, partition, nextOffset } = fetched
        positions.set(partition, { topic, partition, offset: nextOffset })
        for (const { offset } of recordsOf(fetched)) {
          const value = copyOf(partition, offset)
          open.push(producer.send({ topic: this.work.to, key: `${partition}`, value }))
        }
      }
      await Promise.all(open)
      await consumer.holdGeneration(async () => {
        await producer.sendOffsets(consumer.groupMetadata(), [...positions.values()])
        await producer.commit()
      })
    } catch (error) {
      await producer.abort().catch(() => {})
      throw error
    }
  }
}
