/**
 * Runs a delivery: consumer group → sink, until it is stopped or has failed.
 *
 * 1. Records are polled, handed to the sink in batches, and after `flushInterval`, or when nothing more comes, the
 *    sink is flushed and offsets are committed.
 * 2. A sink that keeps positions with its data decides where each partition goes on; offsets of the group are then
 *    committed for others to see. Dead letters are committed before such a sink is flushed, and after any other is,
 *    so that in both cases each is written once.
 * 3. When the sink fails in a way that may pass, it is opened anew, and everything since the last flush is taken again.
 * 4. Before a partition is given up, what was taken of it is flushed and committed.
 */

import { Backoff } from '../client/retry.ts'
import { isMillraceError, MillraceError, messageOf } from '../core/errors.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import { partitionName, type TopicPartition } from '../core/record.ts'
import { sleep } from '../platform/clock.ts'
import type { Platform } from '../platform/platform.ts'
import { decodeRecords } from './decode-records.ts'
import type { DeliveryDescription } from './delivery.ts'
import { DeliveryCounters, type DeliverySnapshot } from './delivery-counters.ts'
import { DeliveryOffsets } from './delivery-offsets.ts'
import { DrainTargets, type NextOffset } from './drain-targets.ts'
import { RefusedRecords } from './refused-records.ts'
import { RunnerLifecycle } from './runner-lifecycle.ts'
import type { RunnerState } from './runner-state.ts'
import { SinkWriter } from './sink-writer.ts'
import type { Transport, TransportConsumer } from './transport.ts'

const POLL_WAIT_MS = 200
const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 5000
/** The member is not in the group any more: the next poll joins again, and what was not committed comes again. */
const membershipErrors: ReadonlySet<string> = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_MEMBER_EPOCH',
  'STALE_MEMBER_EPOCH',
])

export interface SinkRunnerOptions {
  readonly delivery: DeliveryDescription
  readonly platform: Platform
  readonly transport: Transport
  readonly logger?: Logger
  /** Against which relative paths of the description are read: the directory of the configuration. */
  readonly baseDirectory: string
}

export class SinkRunner {
  readonly delivery: DeliveryDescription
  private readonly options: SinkRunnerOptions
  private readonly logger: Logger
  private readonly counters = new DeliveryCounters()
  private readonly offsets = new DeliveryOffsets()
  private readonly consumer: TransportConsumer
  private readonly refused: RefusedRecords
  private readonly writer: SinkWriter
  private readonly backoff: Backoff
  private readonly targets = new DrainTargets()
  private readonly lifecycle: RunnerLifecycle
  /** When the first record since the last flush was written. */
  private dirtySinceMs: number | undefined
  private failingSinceMs: number | undefined

  constructor(options: SinkRunnerOptions) {
    const { delivery, transport, platform, baseDirectory, logger = silentLogger } = options
    const { name, sink, onInvalid, batchRecordsMax, retryTimeoutMs } = delivery
    const { clock } = platform
    this.lifecycle = new RunnerLifecycle({
      kind: 'delivery',
      name,
      clock,
      logger,
      failureCode: 'MR_SINK_FAILED',
    })
    const { signal } = this.lifecycle.giveUp
    this.delivery = delivery
    this.options = options
    this.logger = logger
    this.backoff = new Backoff(platform.random, RETRY_FIRST_MS, RETRY_MAX_MS)
    this.consumer = transport.createConsumer({ group: `sink-${name}` })
    this.refused = new RefusedRecords({
      ...{ delivery: name, connector: sink.connector, topic: delivery.deadLetters },
      ...{ transport, consumer: this.consumer, platform, logger, retryTimeoutMs, signal },
    })
    this.writer = new SinkWriter({
      ...{ sink, onInvalid, batchRecordsMax, retryTimeoutMs, refused: this.refused, counters: this.counters },
      context: { name, platform, baseDirectory, logger, signal },
    })
  }

  get state(): RunnerState {
    return this.lifecycle.state
  }

  /** Starts; resolves when the delivery reads, or has been stopped. @throws what it failed with */
  start(): Promise<void> {
    return this.lifecycle.start(() => this.run())
  }

  /** Resolves when the delivery was stopped. @throws what it failed with */
  untilEnded(): Promise<void> {
    return this.lifecycle.untilEnded()
  }

  /**
   * Resolves when everything before these offsets, by `topic/partition`, is delivered, flushed and committed.
   *
   * @throws what the delivery failed with, or MR_ABORTED when it is stopped before
   */
  drainTo(ends: ReadonlyMap<string, number>): Promise<void> {
    const reached = this.targets.add(ends)
    if (this.state === 'stopped' || this.state === 'failed') this.rejectTargets()
    return reached
  }

  /** Delivers what was taken and ends. What cannot be committed in time is delivered at the next start. */
  async stop(options: { readonly withinMs?: number } = {}): Promise<void> {
    await this.lifecycle.stop(options.withinMs, () => {
      this.offsets.rewind()
      void this.release()
    })
    this.rejectTargets()
  }

  snapshot(): DeliverySnapshot {
    const { counters, delivery, lifecycle } = this
    const { clock } = this.options.platform
    const { pendingRecords: _, ...counts } = counters
    return {
      ...counts,
      ...{ name: delivery.name, state: lifecycle.state, connector: delivery.sink.connector },
      error: lifecycle.failureSummary,
      retries: counters.retries + this.refused.retries,
      atMs: clock.monotonicMs(),
      lagMs: counters.eventTimeMs === null ? null : clock.nowMs() - counters.eventTimeMs,
      lagRecords: this.offsets.lagRecords(),
    }
  }

  private async run(): Promise<void> {
    try {
      await this.retrying(() => this.open())
      this.lifecycle.opened()
      while (this.state === 'running') await this.retrying(() => this.step())
      await this.commit()
      await this.release()
      this.lifecycle.finish()
    } catch (error) {
      await this.fail(error)
    }
  }

  private async open(): Promise<void> {
    const { topics, onInvalid } = this.delivery
    if (onInvalid === 'dead-letter') await this.refused.open()
    await this.writer.open()
    await this.consumer.subscribe(topics, {
      onAssigned: (partitions) => this.assigned(partitions),
      onRevoked: (partitions) => this.revoked(partitions),
      onLost: (partitions) => this.offsets.forget(partitions),
    })
  }

  private async step(): Promise<void> {
    const { clock } = this.options.platform
    const fetched = await this.consumer.poll({ maxWaitMs: Math.min(POLL_WAIT_MS, this.flushDueMs()) })
    let taken = 0
    for (const partition of fetched) this.offsets.fetched(partition)
    for (const partition of fetched) {
      const records = decodeRecords(partition)
      if (records.length > 0) this.dirtySinceMs ??= clock.monotonicMs()
      await this.writer.write(records)
      this.offsets.taken(partition)
      taken += records.length
    }
    const next = this.nextOffsets()
    if (taken === 0 || this.flushDueMs() <= 0 || this.targets.anyReached(next)) await this.commit()
    if (this.offsets.pending().length === 0) this.targets.resolveReached(next)
    await clock.nextTurn()
  }

  private flushDueMs(): number {
    if (this.dirtySinceMs === undefined) return Number.POSITIVE_INFINITY
    const { flushRecordsMax, flushIntervalMs } = this.delivery
    if (this.counters.pendingRecords >= flushRecordsMax) return 0
    const dirtyMs = this.options.platform.clock.monotonicMs() - this.dirtySinceMs
    return Math.max(0, flushIntervalMs - dirtyMs)
  }

  /** Flushes the sink and commits dead letters and offsets; see the head for the order. */
  private async commit(): Promise<void> {
    const pending = this.offsets.pending()
    if (pending.length === 0) return
    const letters = this.refused.count > 0
    const keepsPositions = this.writer.positions !== undefined
    if (letters && keepsPositions) await this.refused.commit(pending)
    await this.writer.flush()
    if (letters && !keepsPositions) await this.refused.commit(pending)
    if (!letters) await this.consumer.commit(pending)
    this.offsets.committed(pending)
    this.dirtySinceMs = undefined
    this.counters.committedRecords += this.counters.pendingRecords
    this.counters.pendingRecords = 0
  }

  private async assigned(partitions: readonly TopicPartition[]): Promise<void> {
    this.offsets.forget(partitions)
    if (this.delivery.onInvalid === 'dead-letter') {
      this.refused.assigned(await this.consumer.committed(partitions))
    }
    await this.seekToPositions(partitions)
  }

  private async revoked(partitions: readonly TopicPartition[]): Promise<void> {
    try {
      await this.commit()
    } catch (error) {
      if (!isMembershipError(error)) throw error
      // Whoever has them next begins at what was committed before.
      this.logger.warn({ delivery: this.delivery.name, error: messageOf(error) }, 'partitions were lost')
    }
    this.offsets.forget(partitions)
  }

  private async seekToPositions(partitions: readonly TopicPartition[]): Promise<void> {
    const { positions } = this.writer
    if (positions === undefined) return
    const ends = await this.options.transport.endOffsets(partitions)
    for (const { topic, partition } of partitions) {
      const name = partitionName(topic, partition)
      const position = positions.get(name) ?? 0
      const end = ends.get(name) ?? 0
      if (position > end) throw this.beyondEnd(name, position, end)
      this.consumer.seek(topic, partition, position)
    }
  }

  private beyondEnd(name: string, position: number, end: number): MillraceError {
    return new MillraceError(
      'MR_SINK_FAILED',
      `the sink has ${name} up to ${position}, but it ends at ${end}`,
      {
        where: `${name}@${position}`,
        hint: 'The topic was made anew, or the sink belongs to another cluster: deliver to a new place.',
      },
    )
  }

  /** Calls `attempt`; after a failure that may pass the sink is opened anew and all since the last flush is taken again. */
  private async retrying(attempt: () => Promise<void>): Promise<void> {
    try {
      await attempt()
      // Taking records again is no progress yet; committing them is.
      if (this.offsets.pending().length > 0) return
      this.failingSinceMs = undefined
      this.backoff.reset()
    } catch (error) {
      await this.recover(error)
    }
  }

  private async recover(first: unknown): Promise<void> {
    const { clock } = this.options.platform
    const { signal } = this.lifecycle.giveUp
    for (let failure = first; ; ) {
      const mayPass = isMillraceError(failure) && (failure.retriable || isMembershipError(failure))
      if (!mayPass || signal.aborted) throw failure
      this.failingSinceMs ??= clock.monotonicMs()
      const waitMs = this.backoff.nextMs()
      if (clock.monotonicMs() + waitMs - this.failingSinceMs > this.delivery.retryTimeoutMs) throw failure
      this.counters.retries++
      const fields = { delivery: this.delivery.name, error: messageOf(failure), waitMs: Math.round(waitMs) }
      this.logger.warn(fields, 'the sink is opened again')
      try {
        await this.writer.close().catch(() => {})
        await sleep(clock, waitMs, signal)
        await this.reopen()
        return
      } catch (error) {
        failure = error
      }
    }
  }

  private async reopen(): Promise<void> {
    this.refused.clear()
    this.counters.pendingRecords = 0
    this.dirtySinceMs = undefined
    if (this.state === 'starting') {
      await this.open()
      return
    }
    await this.writer.open()
    const assigned = this.consumer.assignment()
    if (this.writer.positions !== undefined) {
      this.offsets.forget(assigned)
      await this.seekToPositions(assigned)
      return
    }
    const names = new Set(assigned.map(({ topic, partition }) => partitionName(topic, partition)))
    for (const { topic, partition, offset } of this.offsets.rewind()) {
      if (names.has(partitionName(topic, partition))) this.consumer.seek(topic, partition, offset)
    }
  }

  /** Behind what was taken; of partitions of which nothing was, where the consumer stands. */
  private nextOffsets(): NextOffset {
    const assigned = new Map(
      this.consumer.assignment().map((one) => [partitionName(one.topic, one.partition), one] as const),
    )
    return (name) => {
      const one = assigned.get(name)
      return this.offsets.next(name) ?? (one && this.consumer.position(one.topic, one.partition))
    }
  }

  private rejectTargets(): void {
    const { name } = this.delivery
    const stopped = new MillraceError('MR_ABORTED', `delivery "${name}" was stopped`)
    this.targets.rejectAll(this.lifecycle.failure ?? stopped)
  }

  private async fail(thrown: unknown): Promise<void> {
    if (this.lifecycle.giveUp.signal.aborted) return
    const failure = this.lifecycle.failureOf(thrown)
    // Nothing more may be committed, also not when partitions are given up.
    this.offsets.rewind()
    await this.release()
    this.lifecycle.fail(failure)
    this.rejectTargets()
  }

  private release(): Promise<void> {
    return this.lifecycle.closeAll([this.consumer.close(), this.writer.close(), this.refused.close()])
  }
}

function isMembershipError(error: unknown): boolean {
  return isMillraceError(error) && membershipErrors.has(String(error.context['kafkaName']))
}
