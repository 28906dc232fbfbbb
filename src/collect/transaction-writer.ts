/**
 * Writes the transactions of an agent: each holds records, dead letters and the position behind them.
 *
 * 1. Records are collected into batches, which are sent as they fill up.
 * 2. A commit sends the rest and the position, numbered one higher than the last, and ends the transaction.
 * 3. When anything fails that may pass, a new producer takes over the transactional id, which aborts what the old one
 *    left open. The position that it then finds committed says whether the transaction had happened after all: its
 *    number tells. If not, the same batches are sent again.
 * 4. A transaction that fails for an optional channel alone is done again without it.
 *
 * So however it fails, and wherever the process ends, records and position are there together, once, or not at all.
 */
import { Backoff } from '../client/retry.ts'
import { isMillraceError, MillraceError, messageOf } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import type { Logger } from '../core/logger.ts'
import type { Headers } from '../core/record.ts'
import { sleep } from '../platform/clock.ts'
import type { Platform } from '../platform/platform.ts'
import type { CompressionCodec } from '../protocol/compression/codec.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.ts'
import {
  type AgentPosition,
  encodePosition,
  POSITIONS_TOPIC,
  positionKey,
  positionsTopic,
  readPosition,
} from './position-log.ts'
import { type TransactionBatch, TransactionBatches } from './transaction-batches.ts'
import type { TopicToMake, TransactionalProducer, Transport } from './transport.ts'

const TRANSACTION_TIMEOUT_MS = 60_000
/** What ends a transaction but not the next one of a producer that starts anew. */
const passesWithNewProducer: ReadonlySet<string> = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  'TRANSACTION_ABORTABLE',
])
const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 5000

export interface TransactionWriterOptions {
  readonly agent: string
  readonly transport: Transport
  readonly platform: Pick<Platform, 'clock' | 'random'>
  readonly logger: Logger
  /** The topics of the channels, and last that of the dead letters. */
  readonly topics: readonly TopicToMake[]
  readonly compression: CompressionCodec
  readonly retryTimeoutMs: number
  /** Ends waiting and trying. */
  readonly signal: AbortSignal
  /** Called after each commit, with what was in it. */
  readonly onCommit: (batches: TransactionBatches) => void
}

export class TransactionWriter {
  retries = 0
  /** Records that optional channels did not get. */
  optionalDropped = 0
  private readonly options: TransactionWriterOptions
  private readonly backoff: Backoff
  private producer: TransactionalProducer | undefined
  private batches: TransactionBatches | undefined
  /** The number of the last transaction that was committed. */
  private committed = 0
  private beginFailure: unknown
  private begunMs: { readonly monotonic: number; readonly wall: number } | undefined

  constructor(options: TransactionWriterOptions) {
    this.options = options
    this.backoff = new Backoff(options.platform.random, RETRY_FIRST_MS, RETRY_MAX_MS)
  }

  /** Bytes and records that are not committed. */
  get pendingBytes(): number {
    return this.batches?.bytes ?? 0
  }

  get pendingRecords(): number {
    return this.batches?.records ?? 0
  }

  /** Since when the transaction is open, on the monotonic clock. */
  get openSinceMs(): number | undefined {
    return this.begunMs?.monotonic
  }

  /** Makes the topics, takes over the transactional id, and returns the position that was committed last. */
  async open(): Promise<AgentPosition | undefined> {
    const { transport, topics, compression } = this.options
    const position = await this.retrying('starting', async () => {
      await transport.ensureTopics([...topics, positionsTopic])
      const counts = await Promise.all(topics.map(({ topic }) => transport.partitionCount(topic)))
      const channels = topics.map(({ topic }, index) => ({ topic, partitionCount: counts[index]! }))
      this.batches = new TransactionBatches(channels, compression)
      return this.takeOver()
    })
    this.committed = position?.commit ?? 0
    return position
  }

  /** Resolves when the client can take more. */
  async room(): Promise<void> {
    await this.producer?.room()
  }

  add(
    channel: number,
    timestampMs: number,
    record: { readonly key: Uint8Array | null; readonly value: Uint8Array; readonly headers: Headers },
    required: boolean,
  ): void {
    this.begin()
    const full = this.batches!.add(channel, timestampMs, record, required)
    if (full !== undefined) this.send(full)
  }

  /**
   * Commits what was added, with a position.
   *
   * @throws MR_PRODUCER_FENCED when another agent of this name has taken over; MR_ABORTED; and what cannot be tried
   *   again, or not any longer
   */
  async commit(position: Omit<AgentPosition, 'commit'>): Promise<void> {
    const { batches } = this
    invariant(batches !== undefined, 'a writer is opened before it commits')
    const next: AgentPosition = { ...position, commit: this.committed + 1 }
    try {
      for (const batch of batches.closeAll()) this.send(batch)
      await this.finish(next)
    } catch (error) {
      await this.commitAgain(next, error)
    }
    this.committed = next.commit
    this.begunMs = undefined
    this.backoff.reset()
    this.options.onCommit(batches)
    batches.clear()
  }

  async close(): Promise<void> {
    const { producer } = this
    this.producer = undefined
    await producer?.close()
  }

  private begin(): void {
    if (this.begunMs !== undefined) return
    const { clock } = this.options.platform
    this.begunMs = { monotonic: clock.monotonicMs(), wall: clock.nowMs() }
    try {
      this.producer!.begin()
    } catch (error) {
      // It failed between two transactions. The commit reports it, and a new one takes over.
      this.beginFailure = error
    }
  }

  private send(batch: TransactionBatch): void {
    if (this.beginFailure !== undefined) return
    // A failure is reported by the commit as well.
    this.producer!.sendBatch(batch.topic, batch.partition, batch.builder).catch(() => {})
  }

  private async finish(position: AgentPosition): Promise<void> {
    this.begin()
    if (this.beginFailure !== undefined) throw this.beginFailure
    const { agent, platform } = this.options
    const builder = new RecordBatchBuilder({ initialBytes: 1024 })
    builder.append(platform.clock.nowMs(), positionKey(agent), encodePosition(position))
    this.producer!.sendBatch(POSITIONS_TOPIC, 0, builder).catch(() => {})
    await this.producer!.commit()
  }

  private async commitAgain(next: AgentPosition, first: unknown): Promise<void> {
    let failure = first
    await this.retrying(
      'committing',
      async () => {
        this.giveUpOptional(failure)
        const found = await this.takeOver()
        const number = found?.commit ?? 0
        if (number === next.commit) return
        if (number !== this.committed) throw this.fencedBy(number)
        this.begunMs = undefined
        this.begin()
        for (const batch of this.batches!.all()) this.send(batch)
        try {
          await this.finish(next)
        } catch (error) {
          failure = error
          throw error
        }
      },
      first,
    )
  }

  /**
   * Calls `attempt` until it succeeds, with pauses between; `failure` is how it failed before the first call.
   */
  private async retrying<T>(doing: string, attempt: () => Promise<T>, failure?: unknown): Promise<T> {
    const { platform, signal, retryTimeoutMs, agent, logger } = this.options
    const { clock } = platform
    const endMs = clock.monotonicMs() + retryTimeoutMs
    for (let last = failure; ; ) {
      if (last !== undefined) {
        const waitMs = this.backoff.nextMs()
        if (signal.aborted || !this.mayPass(last) || clock.monotonicMs() + waitMs > endMs) throw last
        this.retries++
        logger.warn({ agent, error: messageOf(last), waitMs: Math.round(waitMs) }, `trying again: ${doing}`)
        await sleep(clock, waitMs, signal)
      }
      try {
        return await attempt()
      } catch (error) {
        last = error
      }
    }
  }

  /** A new producer takes the transactional id over and reads the position. */
  private async takeOver(): Promise<AgentPosition | undefined> {
    const { agent, transport, platform, logger } = this.options
    await this.close().catch(() => {})
    this.beginFailure = undefined
    this.producer = transport.createProducer({
      transactionalId: `agent-${agent}`,
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    })
    await this.producer.init()
    return readPosition({ transport, clock: platform.clock, logger }, agent)
  }

  private mayPass(error: unknown): boolean {
    if (!isMillraceError(error)) return false
    if (error.retriable || this.isOptionalFailure(error)) return true
    if (passesWithNewProducer.has(String(error.context['kafkaName']))) return true
    // A broker ends a transaction that is open for too long in the way in which it fences.
    return error.code === 'MR_PRODUCER_FENCED' && this.openTooLong()
  }

  private openTooLong(): boolean {
    if (this.begunMs === undefined) return false
    const { clock } = this.options.platform
    // A machine that slept may not have counted that on the monotonic clock.
    const openMs = Math.max(clock.monotonicMs() - this.begunMs.monotonic, clock.nowMs() - this.begunMs.wall)
    return openMs >= TRANSACTION_TIMEOUT_MS
  }

  private isOptionalFailure(error: MillraceError): boolean {
    const topic = error.context['topic']
    return !error.retriable && typeof topic === 'string' && this.batches?.isOptional(topic) === true
  }

  private giveUpOptional(error: unknown): void {
    if (!isMillraceError(error) || !this.isOptionalFailure(error)) return
    const topic = String(error.context['topic'])
    const dropped = this.batches!.dropOptional(topic)
    this.optionalDropped += dropped
    const { logger, agent } = this.options
    logger.warn({ agent, topic, records: dropped, error: error.message }, 'an optional channel failed')
  }

  private fencedBy(number: number): MillraceError {
    const { agent } = this.options
    return new MillraceError(
      'MR_PRODUCER_FENCED',
      `another agent "${agent}" has committed position ${number}`,
      {
        hint: 'Run an agent once, or give the other one a name of its own.',
      },
    )
  }
}
