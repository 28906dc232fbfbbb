/**
 * Hands records to a sink: batches, records that are refused, and failures that may pass.
 *
 * 1. Records that fail alone in a way that may pass are handed over again, before any later record.
 * 2. Records that are refused go to the dead letters, are skipped, or end the delivery.
 * 3. Any other failure leaves the sink in an unknown state: whoever calls closes it, and goes on from the last flush.
 */
import { Backoff } from '../client/retry.ts'
import { type ConfiguredSink, type OpenSink, PartialWriteError, type Sink } from '../connector/index.ts'
import { MillraceError } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import { partitionName, type StoredRecord } from '../core/record.ts'
import { sleep } from '../platform/clock.ts'
import type { DeliveryCounters } from './delivery-counters.ts'
import type { InvalidRows } from './event-processor.ts'
import type { RefusedRecords } from './refused-records.ts'

const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 5000

export interface SinkWriterOptions {
  readonly sink: ConfiguredSink
  readonly context: OpenSink
  readonly onInvalid: InvalidRows
  readonly batchRecordsMax: number
  readonly retryTimeoutMs: number
  readonly refused: RefusedRecords
  readonly counters: DeliveryCounters
}

export class SinkWriter {
  private readonly options: SinkWriterOptions
  private sink: Sink | undefined

  constructor(options: SinkWriterOptions) {
    this.options = options
  }

  /** The next offsets of partitions, if the sink keeps them with its data. */
  get positions(): ReadonlyMap<string, number> | undefined {
    return this.sink?.positions?.()
  }

  async open(): Promise<void> {
    this.sink = await this.options.sink.open(this.options.context)
  }

  /** @throws what the sink throws, and MR_ABORTED */
  async write(records: readonly StoredRecord[]): Promise<void> {
    const { batchRecordsMax, counters } = this.options
    for (let from = 0; from < records.length; from += batchRecordsMax) {
      const batch = records.slice(from, from + batchRecordsMax)
      await this.writeBatch(batch)
      counters.records += batch.length
      counters.pendingRecords += batch.length
      for (const { key, value } of batch) counters.bytes += (key?.length ?? 0) + (value?.length ?? 0)
      counters.eventTimeMs = batch.at(-1)!.timestampMs
    }
  }

  async flush(): Promise<void> {
    await this.opened.flush()
    this.options.counters.flushes++
  }

  async close(): Promise<void> {
    const { sink } = this
    this.sink = undefined
    await sink?.close()
  }

  private get opened(): Sink {
    invariant(this.sink !== undefined, 'a sink is opened before it is used')
    return this.sink
  }

  private async writeBatch(records: readonly StoredRecord[]): Promise<void> {
    const { context, retryTimeoutMs, counters } = this.options
    const { clock, random } = context.platform
    const backoff = new Backoff(random, RETRY_FIRST_MS, RETRY_MAX_MS)
    const endMs = clock.monotonicMs() + retryTimeoutMs
    for (let waiting = records; waiting.length > 0; ) {
      try {
        await this.opened.write(waiting)
        return
      } catch (error) {
        if (!(error instanceof PartialWriteError)) throw error
        waiting = this.setAside(waiting, error)
        const waitMs = backoff.nextMs()
        if (waiting.length > 0 && clock.monotonicMs() + waitMs > endMs) throw error
        if (waiting.length === 0) return
        counters.retries++
        await sleep(clock, waitMs, context.signal)
      }
    }
  }

  /** Returns the records that are to be handed over again. */
  private setAside(records: readonly StoredRecord[], partial: PartialWriteError): readonly StoredRecord[] {
    const { onInvalid, refused, counters } = this.options
    const again: StoredRecord[] = []
    for (const { index, error } of partial.failures) {
      const record = records[index]
      invariant(record !== undefined, 'a sink names records that it was given')
      if (error.retriable) again.push(record)
      else if (onInvalid === 'fail') throw located(record, error)
      else if (onInvalid === 'skip') counters.skippedRecords++
      else if (refused.add(record, error)) counters.deadLetters++
    }
    return again
  }
}

function located(record: StoredRecord, error: MillraceError): MillraceError {
  return new MillraceError(error.code, error.message, {
    cause: error,
    where: `${partitionName(record.topic, record.partition)}@${record.offset}`,
    context: error.context,
    hint: "Let the delivery put such records aside with onInvalid: 'dead-letter'.",
  })
}
