/**
 * What has to be done from time to time: old segments, compaction, expired offsets and ids, syncs that are due.
 *
 * Each job runs on the clock, one partition after the other, never two runs of a job at a time. A job that fails
 * is logged and runs again the next time.
 */
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import { type Clock, every, type Timer } from '../platform/clock.ts'
import type { BrokerSettings } from './config/broker-settings.ts'
import type { GroupCoordinator } from './groups/group-coordinator.ts'
import type { TransactionCoordinator } from './transactions/transaction-coordinator.ts'

const FLUSH_CHECK_INTERVAL_MS = 1000
/** Kafka's log.flush.offset.checkpoint.interval.ms. */
const CHECKPOINT_INTERVAL_MS = 60_000

export interface HousekeepingOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly settings: BrokerSettings
  readonly logs: LogDirectory
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
}

export class Housekeeping {
  private readonly options: HousekeepingOptions
  private readonly timers: Timer[] = []
  private cleaning: Promise<void> | undefined

  constructor(options: HousekeepingOptions) {
    this.options = options
  }

  start(): void {
    const { settings, groups, transactions } = this.options
    const retentionMs = settings['log.retention.check.interval.ms']
    const cleanerMs = settings['log.cleaner.backoff.ms']
    const { clock, logs } = this.options
    this.every('flush', FLUSH_CHECK_INTERVAL_MS, () => logs.flushDue(clock.nowMs()))
    this.every('checkpoint', CHECKPOINT_INTERVAL_MS, () => logs.checkpoint())
    // One call of a log does both; compaction is looked for more often than old segments.
    this.every('clean', settings['log.cleaner.enable'] ? Math.min(cleanerMs, retentionMs) : retentionMs, () =>
      this.clean(),
    )
    this.every('expire offsets', settings['offsets.retention.check.interval.ms'], () =>
      groups.expireOffsets(),
    )
    this.every(
      'expire transactional ids',
      settings['transaction.remove.expired.transaction.cleanup.interval.ms'],
      () => transactions.removeExpired(),
    )
  }

  /** Deletes and compacts what is due now, in all logs. */
  clean(): Promise<void> {
    this.cleaning ??= this.cleanAll().finally(() => {
      this.cleaning = undefined
    })
    return this.cleaning
  }

  /** Ends all jobs; resolves when none runs. */
  async stop(): Promise<void> {
    for (const timer of this.timers) timer.cancel()
    await this.cleaning
  }

  private async cleanAll(): Promise<void> {
    const { clock, logs, settings } = this.options
    const nowMs = clock.nowMs()
    const expirationMs = settings['producer.id.expiration.ms']
    for (const log of logs.partitions()) log.expireProducers(nowMs, expirationMs)
    await logs.clean(nowMs)
  }

  private every(job: string, intervalMs: number, run: () => void | Promise<void>): void {
    const guarded = (): void => {
      try {
        const running = run()
        if (running instanceof Promise) running.catch((error: unknown) => this.report(job, error))
      } catch (error) {
        this.report(job, error)
      }
    }
    this.timers.push(every(this.options.clock, intervalMs, guarded))
  }

  private report(job: string, error: unknown): void {
    this.options.logger.error({ job, error: messageOf(error) }, 'a job of the broker failed')
  }
}
