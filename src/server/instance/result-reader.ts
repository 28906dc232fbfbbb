/** Reads the result topics of a configuration into tables, from their start, committed records only. */
import type { Cluster } from '../../client/cluster.ts'
import { type Consumer, createConsumer, type FetchedBatches } from '../../client/consumer/consumer.ts'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { partitionName } from '../../core/record.ts'
import { type Clock, sleep } from '../../platform/clock.ts'
import { batchSizeBytes, HEADER_BYTES } from '../../protocol/record-batch/layout.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { ResultTable } from '../flow.ts'
import type { ResultConfig } from './config.ts'
import { ResultRows } from './result-table.ts'

const RETRY_MS = 500

export class ResultReader {
  private readonly rows: readonly ResultRows[]
  private readonly consumer: Consumer
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly reader = new RecordBatchReader()
  private readonly positions = new Map<string, number>()
  private readonly stopping = new AbortController()
  private running: Promise<void> = Promise.resolve()

  constructor(results: readonly ResultConfig[], cluster: Cluster, clock: Clock, logger: Logger) {
    this.rows = results.map((config) => new ResultRows(config))
    this.clock = clock
    this.logger = logger
    this.consumer = createConsumer(cluster, { isolation: 'read_committed', offsetReset: 'earliest' })
  }

  /** Starts to read; the topics exist. */
  start(partitionCounts: ReadonlyMap<string, number>): void {
    const positions = this.rows.flatMap(({ topic }) =>
      Array.from({ length: partitionCounts.get(topic) ?? 0 }, (_, partition) => ({
        topic,
        partition,
        offset: 'earliest' as const,
      })),
    )
    if (positions.length === 0) return
    this.consumer.assign(positions)
    this.running = this.read()
  }

  tables(): readonly ResultTable[] {
    return this.rows.map((rows) => rows.table())
  }

  /** True when every partition was read up to `endOffsets`. */
  reached(endOffsets: ReadonlyMap<string, number>): boolean {
    for (const [name, end] of endOffsets) if ((this.positions.get(name) ?? 0) < end) return false
    return true
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.running
    await this.consumer.close()
  }

  private async read(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        for (const fetched of await this.consumer.poll({ maxWaitMs: 200 })) this.take(fetched)
      } catch (error) {
        if (this.stopping.signal.aborted) return
        this.logger.warn({ error: messageOf(error) }, 'results cannot be read')
        await sleep(this.clock, RETRY_MS, this.stopping.signal).catch(() => {})
      }
    }
  }

  private take({ topic, partition, bytes, nextOffset }: FetchedBatches): void {
    const rows = this.rows.find((table) => table.topic === topic)
    const { reader } = this
    for (let start = 0; start + HEADER_BYTES <= bytes.length; start += batchSizeBytes(bytes, start)) {
      reader.reset(bytes, start)
      while (reader.next()) {
        const { body, keyStart, keyEnd, valueStart, valueEnd } = reader
        // Records without a key are rows of their own.
        const key =
          keyStart < 0
            ? `${partitionName(topic, partition)}@${reader.offset}`
            : body.utf8Slice(keyStart, keyEnd)
        rows?.put(key, valueStart < 0 ? null : body.utf8Slice(valueStart, valueEnd))
      }
    }
    this.positions.set(partitionName(topic, partition), nextOffset)
  }
}
