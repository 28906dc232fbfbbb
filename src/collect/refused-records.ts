/**
 * Records that a sink refuses, as dead letters: written in one transaction with the offsets of the group, so that
 * each is there once.
 *
 * When the outcome of the transaction is not known, a new producer takes the transactional id over; the offsets that
 * are committed then tell whether it had happened.
 */

import type { OffsetToCommit } from '../client/group-metadata.ts'
import { Backoff } from '../client/retry.ts'
import { isMillraceError, type MillraceError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { type Header, partitionName, type StoredRecord, textHeader } from '../core/record.ts'
import { sleep } from '../platform/clock.ts'
import type { Platform } from '../platform/platform.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.ts'
import { causeHeaders, deadLetterHeaders } from './dead-letter.ts'
import type { TransactionalProducer, Transport, TransportConsumer } from './transport.ts'

const TRANSACTION_TIMEOUT_MS = 60_000
const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 5000
const BATCH_BYTES_MAX = 256 * 1024

export interface RefusedRecordsOptions {
  readonly delivery: string
  readonly connector: string
  readonly topic: string
  readonly transport: Transport
  readonly consumer: TransportConsumer
  readonly platform: Pick<Platform, 'clock' | 'random'>
  readonly logger: Logger
  readonly retryTimeoutMs: number
  readonly signal: AbortSignal
}

interface Refused {
  readonly record: StoredRecord
  readonly error: MillraceError
}

export class RefusedRecords {
  retries = 0
  private readonly options: RefusedRecordsOptions
  private producer: TransactionalProducer | undefined
  private waiting: Refused[] = []
  /** Offsets of the group when a partition was assigned: dead letters before it were written by an earlier run. */
  private readonly written = new Map<string, number>()

  constructor(options: RefusedRecordsOptions) {
    this.options = options
  }

  get count(): number {
    return this.waiting.length
  }

  /** Makes the topic, and ends what an earlier run left open. */
  async open(): Promise<void> {
    await this.options.transport.ensureTopics([{ topic: this.options.topic, partitions: 1 }])
    await this.takeOver()
  }

  assigned(offsets: ReadonlyMap<string, { readonly offset: number }>): void {
    for (const [name, { offset }] of offsets) this.written.set(name, offset)
  }

  /** Returns false when an earlier run has put it aside already. */
  add(record: StoredRecord, error: MillraceError): boolean {
    const before = this.written.get(partitionName(record.topic, record.partition)) ?? 0
    if (record.offset < before) return false
    this.waiting.push({ record, error })
    return true
  }

  /** The records are taken again. */
  clear(): void {
    this.waiting = []
  }

  /** Writes what waits, together with the offsets. */
  async commit(offsets: readonly OffsetToCommit[]): Promise<void> {
    const { platform, retryTimeoutMs, signal, delivery, logger } = this.options
    const { clock, random } = platform
    const backoff = new Backoff(random, RETRY_FIRST_MS, RETRY_MAX_MS)
    const endMs = clock.monotonicMs() + retryTimeoutMs
    for (let first = true; ; first = false) {
      try {
        if (first || !(await this.happened(offsets))) await this.writeOnce(offsets)
        break
      } catch (error) {
        const waitMs = backoff.nextMs()
        const mayPass = isMillraceError(error) && error.retriable
        if (!mayPass || signal.aborted || clock.monotonicMs() + waitMs > endMs) throw error
        this.retries++
        logger.warn({ delivery, error: messageOf(error) }, 'trying again: committing dead letters')
        await sleep(clock, waitMs, signal)
      }
    }
    for (const { topic, partition, offset } of offsets)
      this.written.set(partitionName(topic, partition), offset)
    this.waiting = []
  }

  async close(): Promise<void> {
    const { producer } = this
    this.producer = undefined
    await producer?.close()
  }

  private async takeOver(): Promise<void> {
    await this.close().catch(() => {})
    const transactionalId = `sink-${this.options.delivery}`
    this.producer = this.options.transport.createProducer({
      transactionalId,
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    })
    await this.producer.init()
  }

  private async happened(offsets: readonly OffsetToCommit[]): Promise<boolean> {
    await this.takeOver()
    const committed = await this.options.consumer.committed(offsets)
    return offsets.every(({ topic, partition, offset }) => {
      return committed.get(partitionName(topic, partition))?.offset === offset
    })
  }

  private async writeOnce(offsets: readonly OffsetToCommit[]): Promise<void> {
    const producer = this.producer!
    producer.begin()
    let batch = new RecordBatchBuilder({ initialBytes: 4096 })
    const send = (): void => {
      if (!batch.isEmpty) producer.sendBatch(this.options.topic, 0, batch).catch(() => {})
      batch = new RecordBatchBuilder({ initialBytes: 4096 })
    }
    for (const { record, error } of this.waiting) {
      if (batch.sizeBytes + (record.value?.length ?? 0) > BATCH_BYTES_MAX) send()
      batch.append(Math.max(0, record.timestampMs), record.key, record.value, this.headersOf(record, error))
    }
    send()
    await producer.sendOffsets(this.options.consumer.groupMetadata(), offsets)
    await producer.commit()
  }

  private headersOf(record: StoredRecord, error: MillraceError): Header[] {
    const { delivery, connector } = this.options
    return [
      ...record.headers,
      textHeader(deadLetterHeaders.topic, record.topic),
      textHeader(deadLetterHeaders.partition, String(record.partition)),
      textHeader(deadLetterHeaders.offset, String(record.offset)),
      ...causeHeaders({ error, stage: 'TASK_PUT', name: delivery, part: connector }),
    ]
  }
}
