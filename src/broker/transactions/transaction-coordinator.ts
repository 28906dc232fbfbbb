/**
 * The transaction coordinator: transactional ids with their producers, and who may write in which transaction.
 *
 * 1. A request is decided by transaction-rules.ts on the present state.
 * 2. The next state is appended to `__transaction_state`, then counts. If that fails nothing has changed.
 * 3. A decided transaction is carried out by transaction-end.ts.
 *
 * What a power cut makes of that is in recovery-rules.ts.
 *
 * Since all of it happens inside the call, two requests never see each other half done; only while a disk sync or
 * a failing marker is waited for does a Prepare state stand, and others get CONCURRENT_TRANSACTIONS. A producer
 * that takes over from an open transaction does not have to come twice, as with Kafka: the abort is part of its
 * InitProducerId.
 */
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { partitionName } from '../../core/record.ts'
import type { AppendResult } from '../../log/log-types.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import type { Clock } from '../../platform/clock.ts'
import { ErrorCodes, kafkaError } from '../../protocol/error-codes.ts'
import { coordinatorCode } from '../coordinator-error.ts'
import type { CoordinatorLog } from '../coordinator-log.ts'
import { Deadline } from '../deadline.ts'
import type { Partition } from '../topics/partition.ts'
import type { ProducerIds } from './producer-ids.ts'
import {
  NO_PRODUCER_ID,
  type PartitionSet,
  type Transaction,
  type TransactionVersion,
} from './transaction.ts'
import { TransactionEnd } from './transaction-end.ts'
import { readTransaction, transactionKey, transactionRecord } from './transaction-log.ts'
import * as rules from './transaction-rules.ts'
import { nextTransactionState } from './transaction-states.ts'

export interface TransactionCoordinatorOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly producerIds: ProducerIds
  readonly timeoutMsMax: number
  readonly expirationMs: number
  readonly verification: boolean
  /** The log of the transactional id; the internal topic is made when it is first needed. */
  readonly logOf: (transactionalId: string) => CoordinatorLog
  readonly partitionOf: (topic: string, partition: number) => Partition | undefined
  /** The partition is one of its topic, but its log could not be opened. */
  readonly isOffline: (topic: string, partition: number) => boolean
  readonly marked: (partition: Partition, producerId: number, commit: boolean) => void
}

export interface InitializeRequest {
  readonly transactionalId: string
  readonly timeoutMs: number
  readonly claim: rules.ProducerClaim | undefined
}

export interface ProducerResult {
  readonly errorCode: number
  readonly producerId: number
  readonly producerEpoch: number
}

/** A producer's request about its transaction. */
export interface TransactionClaim extends rules.ProducerClaim {
  readonly transactionalId: string
}

const RETRY_MS = 1000

const refused = (errorCode: number): ProducerResult => ({
  errorCode,
  producerId: NO_PRODUCER_ID,
  producerEpoch: -1,
})

const producerOf = (transaction: Transaction): ProducerResult => ({
  errorCode: ErrorCodes.NONE,
  producerId: transaction.producerId,
  producerEpoch: transaction.producerEpoch,
})

export class TransactionCoordinator {
  private readonly options: TransactionCoordinatorOptions
  private readonly clock: Clock
  private readonly byId = new Map<string, Transaction>()
  /** When the next open transaction is past its timeout, or an earlier one was. */
  private readonly timeout: Deadline
  private timeoutAtMs = Number.POSITIVE_INFINITY
  /** When each open transaction is past its timeout, on the clock that is never set back. */
  private readonly dueMs = new Map<string, number>()
  private readonly ends: TransactionEnd
  /** Transactions whose markers wait for the disk. */
  private readonly ending = new Map<string, Promise<void>>()
  /** Ids whose states were lost: they go on with another producer when what is decided is done. */
  private readonly toReplace = new Set<string>()
  private closed = false

  constructor(options: TransactionCoordinatorOptions) {
    this.options = options
    this.clock = options.clock
    this.timeout = new Deadline(options.clock, () => this.abortTimedOut())
    this.ends = new TransactionEnd({
      clock: options.clock,
      logger: options.logger,
      partitionOf: (topic, partition) => this.markable(topic, partition),
      marked: options.marked,
      write: (next, { partitions }) => this.keepEnd(next, partitions),
      isClosed: () => this.closed,
    })
  }

  get all(): IterableIterator<Transaction> {
    return this.byId.values()
  }

  get size(): number {
    return this.byId.size
  }

  find(transactionalId: string): Transaction | undefined {
    return this.byId.get(transactionalId)
  }

  /** Takes over what the logs hold. Call `resume` when all partitions are there. */
  load(log: CoordinatorLog): void {
    log.replay({
      record: ({ key, value }) => {
        const [id, transaction] = readTransaction(key, value)
        if (transaction === undefined || transaction.state === 'Dead') this.byId.delete(id)
        else this.byId.set(id, transaction)
      },
      marker: () => {},
    })
    for (const { producerId, nextProducerId } of this.byId.values()) {
      this.options.producerIds.skipTo(Math.max(producerId, nextProducerId))
    }
  }

  /** Carries out what was decided before the broker stopped, and sets time-outs. Resolves when it is done. */
  async resume(): Promise<void> {
    for (const transaction of [...this.byId.values()]) {
      const { state } = transaction
      if (state !== 'PrepareCommit' && state !== 'PrepareAbort') continue
      const { log } = this.options.logOf(transaction.id).partition
      const safe = this.waitsForDisk(transaction.partitions, log) ? log.flush() : undefined
      this.runEnd(transaction, safe)?.catch(() => {})
    }
    this.watchAll()
    await Promise.all(this.ending.values())
  }

  close(): void {
    this.closed = true
    this.timeout.clear()
  }

  /** False while what the log of an id holds cannot be known: an id that is not found may be there. */
  private isAvailable(transactionalId: string): boolean {
    try {
      this.options.logOf(transactionalId)
      return true
    } catch {
      return false
    }
  }

  /** An id for a producer without transactions. */
  newProducer(): ProducerResult {
    try {
      return { errorCode: ErrorCodes.NONE, producerId: this.options.producerIds.take(), producerEpoch: 0 }
    } catch (error) {
      return this.withoutId(error)
    }
  }

  async initialize(request: InitializeRequest): Promise<ProducerResult> {
    try {
      return await this.decideProducer(request)
    } catch (error) {
      return this.withoutId(error)
    }
  }

  /** The disk refuses the next block of producer ids: who asks may try again. */
  private withoutId(error: unknown): ProducerResult {
    this.options.logger.error({ error: messageOf(error) }, 'a producer id cannot be given')
    return refused(coordinatorCode(error))
  }

  private async decideProducer(request: InitializeRequest): Promise<ProducerResult> {
    const { claim, timeoutMs, transactionalId: id } = request
    if (timeoutMs <= 0 || timeoutMs > this.options.timeoutMsMax) {
      return refused(ErrorCodes.INVALID_TRANSACTION_TIMEOUT)
    }
    await this.ending.get(id)
    const newProducerId = (): number => this.options.producerIds.take()
    const decide = (resume: rules.ProducerClaim | undefined): ReturnType<typeof rules.initialize> => {
      const present = this.byId.get(id)
      const nowMs = this.clock.nowMs()
      if (present !== undefined) {
        return rules.initialize(present, { claim: resume, timeoutMs, nowMs, newProducerId })
      }
      return { next: rules.newTransaction({ id, producerId: newProducerId(), timeoutMs, nowMs }) }
    }
    let decision = decide(claim)
    if ('fenceFirst' in decision) {
      const fault = await this.fence(this.byId.get(id)!)
      if (fault !== undefined) return refused(fault)
      // The claim was good for the epoch before the fence.
      decision = decide(undefined)
    }
    if ('fenceFirst' in decision) return refused(ErrorCodes.CONCURRENT_TRANSACTIONS)
    if ('code' in decision) return refused(decision.code)
    const fault = await this.tryWrite(decision.next)
    return fault === ErrorCodes.NONE ? producerOf(decision.next) : refused(fault)
  }

  /** Adds partitions to a producer's transaction. Returns an error code, after the disk if `flush` asks for it. */
  add(
    claim: TransactionClaim,
    partitions: readonly rules.PartitionName[],
    version: TransactionVersion,
  ): number | Promise<number> {
    const present = this.byId.get(claim.transactionalId)
    if (present === undefined && !this.isAvailable(claim.transactionalId)) {
      return ErrorCodes.COORDINATOR_NOT_AVAILABLE
    }
    const nowMs = this.clock.nowMs()
    const decision = rules.addPartitions(present, claim, partitions, { nowMs, version })
    if ('code' in decision) return decision.code
    // The end of the one before is not on the disk: after a power cut its marker would end this one too.
    if (this.ending.has(claim.transactionalId)) return ErrorCodes.CONCURRENT_TRANSACTIONS
    const code = this.tryWrite(decision.next)
    this.watch(decision.next)
    return code
  }

  /**
   * May this producer write transactional records to the partition? Returns an error code. With `addMissing` the
   * partition joins the transaction by it (KIP-890).
   */
  verify(claim: TransactionClaim, partition: rules.PartitionName, addMissing: boolean): number {
    if (!addMissing && !this.options.verification) return ErrorCodes.NONE
    const present = this.byId.get(claim.transactionalId)
    if (present === undefined && !this.isAvailable(claim.transactionalId)) {
      return ErrorCodes.COORDINATOR_NOT_AVAILABLE
    }
    const code = rules.verifyPartition(present, claim, partition)
    if (code !== ErrorCodes.TRANSACTION_ABORTABLE || !addMissing) return code
    const added = this.add(claim, [partition], 2)
    return typeof added === 'number' ? added : ErrorCodes.NONE
  }

  async end(claim: TransactionClaim, commit: boolean, version: TransactionVersion): Promise<ProducerResult> {
    const { transactionalId: id } = claim
    if (!this.byId.has(id) && !this.isAvailable(id)) return refused(ErrorCodes.COORDINATOR_NOT_AVAILABLE)
    // A repeated request is not answered earlier than the first.
    if (this.byId.get(id)?.partitions.size === 0) await this.ending.get(id)
    let decision: rules.Decision
    try {
      decision = rules.end(this.byId.get(id), claim, {
        commit,
        version,
        nowMs: this.clock.nowMs(),
        newProducerId: () => this.options.producerIds.take(),
      })
    } catch (error) {
      return this.withoutId(error)
    }
    if ('code' in decision) {
      const present = this.byId.get(id)
      return decision.code === ErrorCodes.NONE && present !== undefined
        ? producerOf(present)
        : refused(decision.code)
    }
    const fault = await this.carryOut(decision.next)
    if (fault !== undefined) return refused(fault)
    // Not what the id has by now: that may be the producer of a successor, who came while the markers were written.
    return producerOf(rules.complete(decision.next, decision.next.updatedMs))
  }

  /**
   * Aborts, in one partition, a transaction that is not part of the coordinator's state. Resolves when that is as
   * safe as the topic asks. @throws what the log throws
   */
  abortIn(partition: Partition, producer: rules.ProducerClaim): Promise<void> | undefined {
    const marker = { ...producer, type: 'abort', coordinatorEpoch: 0 } as const
    const { lastOffset, waitForFlush } = partition.appendMarker(marker)
    this.options.marked(partition, producer.producerId, false)
    return waitForFlush ? partition.log.flushed(lastOffset) : undefined
  }

  /**
   * Fences everybody who was a producer of the id, because states of it were lost: at once, or when what is
   * decided is done. For use before `resume`. @throws what the log throws
   */
  replaceProducer(transactionalId: string): void {
    const present = this.byId.get(transactionalId)
    if (present === undefined) return
    if (present.state === 'PrepareCommit' || present.state === 'PrepareAbort') {
      this.toReplace.add(transactionalId)
    } else this.write(this.replaced(present))
  }

  private replaced(present: Transaction): Transaction {
    return rules.replaceProducer(present, this.options.producerIds.take(), this.clock.nowMs())
  }

  /** Forgets ids that were idle for longer than they may be. */
  removeExpired(): void {
    const nowMs = this.clock.nowMs()
    for (const transaction of [...this.byId.values()]) {
      const { id, state, updatedMs } = transaction
      const idle = state === 'Empty' || state === 'CompleteCommit' || state === 'CompleteAbort'
      if (!idle || nowMs - updatedMs < this.options.expirationMs) continue
      nextTransactionState(state, 'expire')
      try {
        this.options.logOf(id).append([{ key: transactionKey(id), value: null }])
        this.byId.delete(id)
      } catch (error) {
        this.failedToWrite(id, error)
        return
      }
    }
  }

  private abortTimedOut(): void {
    const nowMs = this.clock.monotonicMs()
    for (const transaction of [...this.byId.values()]) {
      if (transaction.state !== 'Ongoing' || nowMs < this.dueOf(transaction)) continue
      this.options.logger.info(
        { transactionalId: transaction.id, timeoutMs: transaction.timeoutMs },
        'a transaction is past its timeout: aborted, its producer fenced',
      )
      void this.fence(transaction)
    }
    this.watchAll()
  }

  private watchAll(): void {
    this.timeoutAtMs = Number.POSITIVE_INFINITY
    for (const transaction of this.byId.values()) this.watch(transaction)
  }

  private watch(transaction: Transaction): void {
    if (transaction.state !== 'Ongoing' || this.closed) return
    const dueMs = this.dueOf(transaction)
    if (dueMs >= this.timeoutAtMs) return
    this.timeoutAtMs = dueMs
    const leftMs = dueMs - this.clock.monotonicMs()
    // One that is past its timeout already could not be aborted, or the broker was down.
    this.timeout.set(leftMs > 0 ? leftMs : RETRY_MS)
  }

  /** One from before the start has what the wall clock leaves of its time, which may have been set meanwhile. */
  private dueOf({ id, startMs, timeoutMs }: Transaction): number {
    let dueMs = this.dueMs.get(id)
    if (dueMs === undefined) {
      const passedMs = Math.min(Math.max(0, this.clock.nowMs() - startMs), timeoutMs)
      dueMs = this.clock.monotonicMs() + timeoutMs - passedMs
      this.dueMs.set(id, dueMs)
    }
    return dueMs
  }

  private fence(transaction: Transaction): Promise<number | undefined> {
    return this.carryOut(rules.fence(transaction, this.clock.nowMs()))
  }

  /** Writes a decision and carries it out. Resolves with an error code when it could not be written. */
  private async carryOut(decided: Transaction): Promise<number | undefined> {
    try {
      const safe = this.safe(decided, this.write(decided))
      await this.runEnd(decided, safe)
      return undefined
    } catch (error) {
      this.failedToWrite(decided.id, error)
      return coordinatorCode(error)
    }
  }

  /** Carries out a decision that is written; while that takes time, those who ask for the id can wait for it. */
  private runEnd(decided: Transaction, safe: Promise<void> | undefined): Promise<void> | undefined {
    const running = this.ends.run(decided, safe)
    if (running === undefined) return undefined
    // It is over before anybody hears of it: what comes with the answer must not meet it.
    const ended = running.finally(() => this.ending.delete(decided.id))
    this.ending.set(
      decided.id,
      ended.catch((error: unknown) => this.failedToWrite(decided.id, error)),
    )
    return ended
  }

  private keepEnd(complete: Transaction, partitions: PartitionSet): Promise<void> | undefined {
    const { id } = complete
    const result = this.write(this.toReplace.has(id) ? this.replaced(complete) : complete)
    this.toReplace.delete(id)
    return this.safe({ id, partitions }, result)
  }

  private write(next: Transaction): AppendResult {
    const result = this.options.logOf(next.id).append([transactionRecord(next)])
    this.byId.set(next.id, next)
    if (next.state !== 'Ongoing') this.dueMs.delete(next.id)
    return result
  }

  /** Writes a state. Returns an error code, after the disk if `flush` asks for it. */
  private tryWrite(next: Transaction): number | Promise<number> {
    try {
      const settled = this.safe(next, this.write(next))
      return settled === undefined ? ErrorCodes.NONE : settled.then(() => ErrorCodes.NONE, coordinatorCode)
    } catch (error) {
      this.failedToWrite(next.id, error)
      return coordinatorCode(error)
    }
  }

  /**
   * Resolves when a state is as safe as the transaction log's `flush` asks, or a partition's of the transaction:
   * a marker that is on the disk must not be without its decision.
   */
  private safe(
    { id, partitions }: Pick<Transaction, 'id' | 'partitions'>,
    result: AppendResult,
  ): Promise<void> | undefined {
    const coordinatorLog = this.options.logOf(id)
    const settled = coordinatorLog.settled(result)
    if (settled !== undefined) return settled
    const { log } = coordinatorLog.partition
    return this.waitsForDisk(partitions, log) ? log.flushed(result.lastOffset) : undefined
  }

  private waitsForDisk(partitions: PartitionSet, log: PartitionLog): boolean {
    if (log.config.flush !== 'os') return log.recoveryPoint < log.endOffset
    for (const [topic, numbers] of partitions) {
      for (const number of numbers) {
        const partition = this.options.partitionOf(topic, number)
        if (partition !== undefined && partition.log.config.flush !== 'os') return true
      }
    }
    return false
  }

  /** A log that could not be opened may hold records of the transaction: its marker waits until it can be. */
  private markable(topic: string, partition: number): Partition | undefined {
    const found = this.options.partitionOf(topic, partition)
    if (found === undefined && this.options.isOffline(topic, partition)) {
      throw kafkaError(ErrorCodes.KAFKA_STORAGE_ERROR, partitionName(topic, partition))
    }
    return found
  }

  private failedToWrite(transactionalId: string, error: unknown): void {
    this.options.logger.error(
      { transactionalId, error: messageOf(error) },
      'a transaction state cannot be written',
    )
  }
}
