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

/**
 * For the records of a batch, which all learn the same.
 *
 * A record gets a promise or a receipt. A promise is cheap for who looks at it, and costs the same if nobody does; a
 * receipt costs next to nothing until somebody looks, and then twice a promise.
 */
export class RecordReceipts implements Receipt {
  private readonly topic: string
  private readonly partition: number
  private baseOffset = -1
  private appendTimeMs = -1
  private readonly deferred = Promise.withResolvers<void>()
  private readonly promises: Promise<RecordMetadata>[] = []

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Resolves when the batch is acknowledged. */
  get written(): Promise<void> {
    return this.deferred.promise
  }

  /** A promise of what became of the record at `index`. */
  promise(index: number, timestampMs: number): Promise<RecordMetadata> {
    const promise = this.written.then(() => this.metadata(index, timestampMs))
    this.promises.push(promise)
    return promise
  }

  /** Where the record at `index` was written, once the batch is acknowledged. */
  metadata(index: number, timestampMs: number): RecordMetadata {
    const { topic, partition, baseOffset, appendTimeMs } = this
    return {
      topic,
      partition,
      offset: baseOffset < 0 ? -1 : baseOffset + index,
      timestampMs: appendTimeMs < 0 ? timestampMs : appendTimeMs,
    }
  }

  acknowledge(baseOffset: number, appendTimeMs: number): void {
    this.baseOffset = baseOffset
    this.appendTimeMs = appendTimeMs
    this.deferred.resolve()
  }

  /** As with `BatchReceipt`. */
  fail(error: MillraceError): void {
    this.written.catch(ignore)
    for (const promise of this.promises) promise.catch(ignore)
    this.deferred.reject(error)
  }
}

/**
 * A promise of what became of a record that is made when somebody looks at it.
 *
 * Hundreds of thousands of records may be under way. A promise for each, with what resolves it, costs several times
 * the record itself, and most of the time of the garbage collector; yet who sends so much looks at `flush` alone.
 */
export class RecordReceipt implements Promise<RecordMetadata> {
  private readonly batch: RecordReceipts
  private readonly index: number
  private readonly timestampMs: number

  constructor(batch: RecordReceipts, index: number, timestampMs: number) {
    this.batch = batch
    this.index = index
    this.timestampMs = timestampMs
  }

  get [Symbol.toStringTag](): string {
    return 'Promise'
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  then<A = RecordMetadata, B = never>(
    onFulfilled?: ((metadata: RecordMetadata) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.batch.written.then(
      () => (onFulfilled ? onFulfilled(this.metadata()) : (this.metadata() as A)),
      onRejected,
    )
  }

  catch<B = never>(
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<RecordMetadata | B> {
    return this.then(undefined, onRejected)
  }

  finally(onFinally?: (() => void) | null): Promise<RecordMetadata> {
    return this.then().finally(onFinally)
  }

  /** Resolves when its batch is acknowledged. */
  get written(): Promise<void> {
    return this.batch.written
  }

  /** Where the record was written; asked for when it was. */
  metadata(): RecordMetadata {
    return this.batch.metadata(this.index, this.timestampMs)
  }
}

/**
 * Where records were written, in their order, once it is known of all of them. Rejects with the failure of the first
 * that was not. It waits for batches, not for records.
 */
export async function allWritten(receipts: readonly Promise<RecordMetadata>[]): Promise<RecordMetadata[]> {
  const batches = new Set<Promise<unknown>>(
    receipts.map((one) => (one instanceof RecordReceipt ? one.written : one)),
  )
  for (const outcome of await Promise.allSettled(batches)) {
    if (outcome.status === 'rejected') throw outcome.reason
  }
  const all: RecordMetadata[] = []
  for (const one of receipts) all.push(one instanceof RecordReceipt ? one.metadata() : await one)
  return all
}
