/** What is told to whoever handed over records: the offset, or why there is none. */
import type { MillraceError } from '../../core/errors.ts'

/** Where a record was written. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** -1 when the broker does not tell: with `acks: 0`, and for a batch that was written by an earlier attempt. */
  readonly offset: number
  /** The record's own, or the time of the broker in topics that keep that. */
  readonly timestampMs: number
}

export interface Receipt {
  /** `baseOffset` and `appendTimeMs` are -1 when the broker did not tell them. */
  acknowledge(baseOffset: number, appendTimeMs: number): void
  fail(error: MillraceError): void
}

const ignore = (): void => {}

/** For a batch as a whole. */
export class BatchReceipt implements Receipt {
  readonly promise: Promise<number>
  private readonly deferred = Promise.withResolvers<number>()

  constructor() {
    this.promise = this.deferred.promise
  }

  acknowledge(baseOffset: number): void {
    this.deferred.resolve(baseOffset)
  }

  /** Whoever does not look at the promise learns it from `flush` or `commit`; it must not end the process. */
  fail(error: MillraceError): void {
    this.promise.catch(ignore)
    this.deferred.reject(error)
  }
}

interface RecordReceipt {
  readonly timestampMs: number
  readonly deferred: PromiseWithResolvers<RecordMetadata>
}

/** For each record of a batch. */
export class RecordReceipts implements Receipt {
  private readonly topic: string
  private readonly partition: number
  private readonly records: RecordReceipt[] = []

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  add(timestampMs: number, deferred: PromiseWithResolvers<RecordMetadata>): void {
    this.records.push({ timestampMs, deferred })
  }

  acknowledge(baseOffset: number, appendTimeMs: number): void {
    const { topic, partition, records } = this
    for (let index = 0; index < records.length; index++) {
      const { deferred, timestampMs } = records[index]!
      deferred.resolve({
        topic,
        partition,
        offset: baseOffset < 0 ? -1 : baseOffset + index,
        timestampMs: appendTimeMs < 0 ? timestampMs : appendTimeMs,
      })
    }
  }

  fail(error: MillraceError): void {
    for (const { deferred } of this.records) {
      deferred.promise.catch(ignore)
      deferred.reject(error)
    }
  }
}
