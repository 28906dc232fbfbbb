/**
 * Deletes the records of internal topics that are behind the committed positions: nobody reads them again.
 *
 * After a commit, at most every `PURGE_INTERVAL_MS` and never two at a time (Kafka Streams:
 * `repartition.purge.interval.ms`). A purge that fails is tried again after the next interval.
 */
import type { Admin } from '../../client/admin/admin.ts'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { partitionName } from '../../core/record.ts'
import type { Clock } from '../../platform/clock.ts'
import type { InputPartition } from '../task/input-partition.ts'

const PURGE_INTERVAL_MS = 30_000

export class Purge {
  private readonly admin: Pick<Admin, 'deleteRecords'>
  private readonly clock: Clock
  private readonly logger: Logger
  /** How far each partition was purged by this thread. */
  private readonly done = new Map<string, number>()
  private lastMs: number
  private running: Promise<void> | undefined

  constructor(admin: Pick<Admin, 'deleteRecords'>, clock: Clock, logger: Logger) {
    this.admin = admin
    this.clock = clock
    this.logger = logger
    this.lastMs = clock.monotonicMs()
  }

  /** Call it when the positions of these inputs were committed. */
  committed(inputs: Iterable<InputPartition>): void {
    const nowMs = this.clock.monotonicMs()
    if (this.running !== undefined || nowMs - this.lastMs < PURGE_INTERVAL_MS) return
    this.lastMs = nowMs
    const due = []
    for (const input of inputs) {
      if (!input.internal) continue
      const { topic, partition } = input
      const beforeOffset = input.position().offset
      if (beforeOffset > (this.done.get(partitionName(topic, partition)) ?? 0))
        due.push({ topic, partition, beforeOffset })
    }
    if (due.length === 0) return
    this.running = this.admin
      .deleteRecords(due)
      .then((starts) => {
        for (const [name, offset] of starts) this.done.set(name, offset)
      })
      .catch((error: unknown) =>
        this.logger.warn({ error: messageOf(error) }, 'repartition topics not purged'),
      )
      .finally(() => {
        this.running = undefined
      })
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.running
  }
}
