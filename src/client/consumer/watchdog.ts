/**
 * Warns when a partition is assigned and not read: the silent kind of standstill.
 *
 * Two causes are told apart: data waits and nobody polls it, or no broker answers about the partition. A paused
 * partition is left alone, and each standstill is told once.
 */
import { every, type Timer } from '../../platform/clock.ts'
import type { Cluster } from '../cluster.ts'
import type { PartitionTable } from './partition-table.ts'

export class Watchdog {
  private readonly cluster: Cluster
  private readonly table: PartitionTable
  private readonly limitMs: number
  private readonly timer: Timer | undefined
  private lastPollMs: number

  constructor(cluster: Cluster, table: PartitionTable, limitMs: number) {
    this.cluster = cluster
    this.table = table
    this.limitMs = limitMs
    this.lastPollMs = cluster.platform.clock.monotonicMs()
    this.timer = limitMs === 0 ? undefined : every(cluster.platform.clock, limitMs / 3, () => this.look())
  }

  polled(): void {
    this.lastPollMs = this.cluster.platform.clock.monotonicMs()
  }

  close(): void {
    this.timer?.cancel()
  }

  private look(): void {
    const nowMs = this.cluster.platform.clock.monotonicMs()
    // Without polls nothing more is fetched either, so that no answer is expected.
    const silent = nowMs - this.lastPollMs > this.limitMs
    for (const one of this.table.values()) {
      const unpolled = silent && one.data !== undefined
      const unanswered = !silent && one.data === undefined && nowMs - one.lastAnswerMs > this.limitMs
      if (one.paused || (!unpolled && !unanswered)) {
        one.warned = false
        continue
      }
      if (one.warned) continue
      one.warned = true
      const { topic, partition, position } = one
      const seconds = Math.round((nowMs - (unpolled ? this.lastPollMs : one.lastAnswerMs)) / 1000)
      this.cluster.logger.warn(
        { topic, partition, position, seconds },
        unpolled
          ? 'a partition is assigned and not read: poll is not called'
          : 'a partition is assigned and not read: no broker answers about it',
      )
    }
  }
}
