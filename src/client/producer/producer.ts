/**
 * A producer: takes records or whole batches and gets them into the log, once and in order.
 *
 * Parts: `accumulator.ts` makes batches of records, `partition-queue.ts` keeps order and sequences, `sender.ts` talks
 * to the leaders, `transactions.ts` or `idempotent-identity.ts` say under which identity.
 */
import { MillraceError } from '../../core/errors.ts'
import { isMany } from '../../core/is-many.ts'
import type { Cluster } from '../cluster.ts'
import { closedError } from '../errors.ts'
import type { GroupMetadata, OffsetToCommit } from '../group-metadata.ts'
import { Accumulator, type RecordToSend } from './accumulator.ts'
import { IdempotentIdentity } from './idempotent-identity.ts'
import { MemoryBudget } from './memory-budget.ts'
import { type ProducerOptions, producerSettings } from './options.ts'
import { Outstanding } from './outstanding.ts'
import type { BatchToSend } from './pending-batch.ts'
import type { RecordMetadata } from './receipt.ts'
import { Sender } from './sender.ts'
import { TransactionRequests } from './transaction-requests.ts'
import { Transactions } from './transactions.ts'

export type { RecordToSend } from './accumulator.ts'
export type { ProducerOptions } from './options.ts'
export type { BatchToSend } from './pending-batch.ts'
export type { RecordMetadata } from './receipt.ts'

export interface Producer {
  /**
   * Sends a record; resolves when it is acknowledged. Waits for room if the memory budget is used up.
   * @throws MR_TOPIC_UNKNOWN, MR_RECORD_TOO_LARGE, MR_KAFKA, MR_TIMEOUT, MR_TRANSACTION_STATE, MR_PRODUCER_FENCED
   */
  send(record: RecordToSend): Promise<RecordMetadata>
  /**
   * Sends records, in their order; resolves when all are acknowledged, with where each was written. Much cheaper than
   * a promise for each.
   * @throws what sending one throws, for the first that failed, once it is known of all: others may have been written
   */
  send(records: readonly RecordToSend[]): Promise<RecordMetadata[]>
  /**
   * Sends a batch that the caller has built, in order per partition; resolves with its base offset. The batch belongs
   * to the producer from then on.
   *
   * A rejection need not be looked at here: `flush` and `commit` report it too.
   */
  sendBatch(topic: string, partition: number, batch: BatchToSend): Promise<number>
  /** Bytes that are not acknowledged yet. */
  readonly bufferedBytes: number
  /** Resolves while fewer than `memoryBytesMax` are buffered; once they are used up, when half of them is free. */
  room(): Promise<void>
  /** Resolves when all that was sent so far is acknowledged; rejects with the first failure since the last flush. */
  flush(): Promise<void>
  /** Gets the producer id: fences older producers of the transactional id and aborts what they left open. */
  init(): Promise<void>
  begin(): void
  /** Commits positions of a group with the transaction. */
  sendOffsets(group: GroupMetadata, offsets: readonly OffsetToCommit[]): Promise<void>
  /** Makes the transaction visible. After MR_TIMEOUT or MR_CONNECTION_LOST call it again: it may have happened. */
  commit(): Promise<void>
  /** Gives the transaction up: nothing of it is ever read by `read_committed`. */
  abort(): Promise<void>
  /** Sends what is buffered, aborts an open transaction, and ends. */
  close(): Promise<void>
}

/** Makes a producer. It connects when it is used first. @throws MR_OPTION_INVALID */
export function createProducer(cluster: Cluster, options: ProducerOptions = {}): Producer {
  return new ClusterProducer(cluster, options)
}

class ClusterProducer implements Producer {
  private readonly budget: MemoryBudget
  private readonly outstanding = new Outstanding()
  private readonly sender: Sender
  private readonly accumulator: Accumulator
  private readonly identity: Transactions | IdempotentIdentity
  private readonly lanes: readonly { close(): Promise<void> }[]
  private readonly leave: () => void
  private closing: Promise<void> | undefined

  constructor(cluster: Cluster, options: ProducerOptions) {
    const settings = producerSettings(options)
    const { transactionalId, transactionTimeoutMs } = settings
    const lane = cluster.lane(transactionalId === undefined ? 'producer' : `producer ${transactionalId}`)
    this.budget = new MemoryBudget(cluster.platform.clock, settings.memoryBytesMax)
    if (transactionalId === undefined) {
      this.identity = new IdempotentIdentity(cluster, {
        idempotent: settings.idempotent,
        timeoutMs: settings.deliveryTimeoutMs,
      })
      this.lanes = [lane]
    } else {
      const coordination = cluster.lane(`transactions ${transactionalId}`)
      this.identity = new Transactions({
        clock: cluster.platform.clock,
        requests: new TransactionRequests({
          cluster,
          lane: coordination,
          transactionalId,
          transactionTimeoutMs,
        }),
        outstanding: this.outstanding,
        versionMax: settings.transactionVersionMax,
      })
      this.lanes = [lane, coordination]
    }
    const { budget, identity, outstanding } = this
    this.sender = new Sender({ cluster, lane, settings, budget, outstanding, identity })
    this.identity.attach(this.sender)
    this.accumulator = new Accumulator({ cluster, settings, budget, outstanding, sender: this.sender })
    this.leave = () => void cluster.users.delete(this)
    cluster.users.add(this)
  }

  get bufferedBytes(): number {
    return this.budget.usedBytes
  }

  send(record: RecordToSend): Promise<RecordMetadata>
  send(records: readonly RecordToSend[]): Promise<RecordMetadata[]>
  send(sent: RecordToSend | readonly RecordToSend[]): Promise<RecordMetadata | RecordMetadata[]> {
    try {
      this.checkSending()
    } catch (error) {
      return Promise.reject(error)
    }
    return isMany(sent) ? this.accumulator.addAll(sent) : this.accumulator.add(sent)
  }

  sendBatch(topic: string, partition: number, batch: BatchToSend): Promise<number> {
    try {
      this.checkSending()
      return this.accumulator.addBatch(topic, partition, batch)
    } catch (error) {
      const refused = Promise.reject<number>(error)
      refused.catch(() => {})
      return refused
    }
  }

  room(): Promise<void> {
    if (this.closing !== undefined) return Promise.reject(closedError('the producer'))
    return this.accumulator.room()
  }

  async flush(): Promise<void> {
    await this.settle()
    const failure = this.outstanding.takeFailure()
    if (failure !== undefined) throw failure
  }

  async init(): Promise<void> {
    if (this.closing !== undefined) throw closedError('the producer')
    if (this.identity instanceof Transactions) await this.identity.init()
    else await this.identity.acquire()
  }

  begin(): void {
    if (this.closing !== undefined) throw closedError('the producer')
    this.transactions('begin').begin()
  }

  async sendOffsets(group: GroupMetadata, offsets: readonly OffsetToCommit[]): Promise<void> {
    await this.transactions('send offsets').sendOffsets(group, offsets)
  }

  async commit(): Promise<void> {
    const transactions = this.transactions('commit')
    await this.accumulator.unparked()
    await transactions.commit()
  }

  async abort(): Promise<void> {
    const transactions = this.transactions('abort')
    this.accumulator.dropParked(new MillraceError('MR_ABORTED', 'the transaction was aborted'))
    await transactions.abort()
  }

  close(): Promise<void> {
    this.closing ??= this.end().finally(this.leave)
    return this.closing
  }

  private async end(): Promise<void> {
    const { identity } = this
    if (identity instanceof Transactions) {
      if (identity.isOpen) await this.abort().catch(() => {})
    } else await this.settle()
    const closed = closedError('the producer')
    this.accumulator.close()
    this.sender.dropWaiting(closed)
    this.sender.close()
    identity.close()
    this.budget.end(closed)
    await Promise.all(this.lanes.map((lane) => lane.close()))
  }

  /** Everything that was sent so far is acknowledged or has failed. */
  private async settle(): Promise<void> {
    await this.accumulator.unparked()
    this.sender.hurry()
    await this.outstanding.settled()
  }

  private checkSending(): void {
    if (this.closing !== undefined) throw closedError('the producer')
    if (this.identity instanceof Transactions) this.identity.checkOpen()
  }

  private transactions(doing: string): Transactions {
    if (this.identity instanceof Transactions) return this.identity
    throw new MillraceError('MR_TRANSACTION_STATE', `cannot ${doing}: the producer has no transactional id`, {
      hint: 'Give createProducer a transactionalId.',
    })
  }
}
