/**
 * Finds where partitions start, and checks positions after a leader has changed.
 *
 * 1. A partition without a position takes the committed one of the group, else what the reset policy says, looked up
 *    at its leader.
 * 2. A position out of range starts again by the reset policy, with a warning; with `none` it is an error.
 * 3. When a partition has a newer leader epoch than its position was checked against, the leader is asked where the
 *    position's epoch ended (KIP-320). If that is before the position, records were lost: the consumer goes back to
 *    there, with a warning.
 */

import { MillraceError } from '../../../core/errors.ts'
import { partitionName, type TopicPartition } from '../../../core/record.ts'
import { sleep } from '../../../platform/clock.ts'
import { offsetForLeaderEpoch } from '../../../protocol/apis/offset-for-leader-epoch.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import { askLeaders } from '../../cluster/ask-leaders.ts'
import { lookUpOffsets } from '../../cluster/list-offsets.ts'
import type { Cluster } from '../../cluster.ts'
import type { Lane } from '../../connection/lane.ts'
import { asMillraceError, isRetriable, isTransportError, kafkaCodeIn } from '../../errors.ts'
import type { GroupMetadata } from '../../group-metadata.ts'
import type { AssignedPartition } from '../assigned-partition.ts'
import type { GroupOffsets } from '../group/group-offsets.ts'
import type { ConsumerSettings } from '../options.ts'
import type { PartitionTable } from '../partition-table.ts'

export interface PositionsParts {
  readonly cluster: Cluster
  readonly lane: Lane
  readonly settings: ConsumerSettings
  readonly table: PartitionTable
  /** Undefined without a group. */
  readonly offsets: GroupOffsets | undefined
  readonly member: () => GroupMetadata | undefined
  readonly onFound: () => void
  readonly onError: (error: MillraceError) => void
  readonly signal: AbortSignal
}

const RETRY_MS = 100

export class Positions {
  private readonly parts: PositionsParts
  private running = false
  private again = false

  constructor(parts: PositionsParts) {
    this.parts = parts
  }

  /** Looks up what is missing, in the background. */
  kick(): void {
    if (this.running) {
      this.again = true
      return
    }
    if (!this.hasWork()) return
    this.running = true
    void this.run()
  }

  /** The position of `partition` lies outside of what its leader has. */
  outOfRange(partition: AssignedPartition): void {
    const { cluster, settings } = this.parts
    if (settings.offsetReset === 'none') {
      this.parts.onError(unknownPosition(partition, `offset ${partition.position} does not exist (any more)`))
      return
    }
    const { topic, partition: number, position } = partition
    cluster.logger.warn(
      { topic, partition: number, position, reset: settings.offsetReset },
      'the position does not exist, starting anew',
    )
    partition.lookUp('reset')
    this.kick()
  }

  private hasWork(): boolean {
    for (const one of this.parts.table.values()) {
      if (!one.held && (one.position < 0 || this.needsCheck(one))) return true
    }
    return false
  }

  /** Whether the leader has changed since the position was read or checked. */
  needsCheck(one: AssignedPartition): boolean {
    if (one.positionEpoch < 0) return false
    const info = this.parts.cluster.metadata.partition(one.topic, one.partition)
    return info !== undefined && info.leaderEpoch > Math.max(one.validatedEpoch, one.positionEpoch)
  }

  private async run(): Promise<void> {
    const { cluster, signal } = this.parts
    do {
      this.again = false
      try {
        await this.find()
        await this.check()
      } catch (error) {
        if (signal.aborted) return
        if (!isRetriable(error) && !isTransportError(error) && !this.isOusted(error)) {
          // The next poll tries again, after it has told the caller.
          this.parts.onError(asMillraceError(error))
          break
        }
        const { message } = asMillraceError(error)
        cluster.logger.warn({ error: message }, 'looking positions up failed, trying again')
        await sleep(cluster.platform.clock, RETRY_MS, signal).catch(() => {})
        this.again = !signal.aborted && this.hasWork()
      }
    } while (this.again && !signal.aborted)
    this.running = false
  }

  /** The member was removed from its group: its next heartbeat tells, and then it joins again. */
  private isOusted(error: unknown): boolean {
    return kafkaCodeIn(error) === ErrorCodes.UNKNOWN_MEMBER_ID && this.parts.offsets !== undefined
  }

  private async find(): Promise<void> {
    const missing = [...this.parts.table.values()].filter((one) => one.position < 0 && !one.held)
    if (missing.length === 0) return
    // What is sought meanwhile keeps the position that it was given.
    const versions = new Map(missing.map((one) => [one, one.version]))
    const isOpen = (one: AssignedPartition): boolean => one.version === versions.get(one) && one.position < 0
    const { offsets, settings } = this.parts
    const ofGroup = missing.filter(({ start }) => start === 'committed')
    if (offsets !== undefined && ofGroup.length > 0) {
      const committed = await offsets.read(ofGroup, this.parts.member)
      for (const one of ofGroup) {
        const found = committed.get(one.name)
        if (found !== undefined && isOpen(one)) one.seek(found.offset, found.leaderEpoch)
      }
    }
    const open = missing.filter(isOpen)
    const lost = open.find(
      (one) => settings.offsetReset === 'none' && one.start !== 'earliest' && one.start !== 'latest',
    )
    if (lost !== undefined) {
      throw unknownPosition(lost, 'nothing is committed')
    }
    await this.lookUp(open, isOpen)
    this.parts.onFound()
  }

  private async lookUp(
    open: readonly AssignedPartition[],
    isOpen: (one: AssignedPartition) => boolean,
  ): Promise<void> {
    if (open.length === 0) return
    const { cluster, lane, settings, signal } = this.parts
    const reset = settings.offsetReset === 'none' ? 'latest' : settings.offsetReset
    const wanted = open.map((one) => ({
      topic: one.topic,
      partition: one.partition,
      at: one.start === 'earliest' || one.start === 'latest' ? one.start : reset,
    }))
    const request = { lane, timeoutMs: cluster.requestTimeoutMs, signal }
    const found = await lookUpOffsets(cluster, request, wanted, settings.isolation)
    for (const one of open) {
      const offset = found.get(one.name)
      if (offset !== undefined && isOpen(one)) one.seek(offset.offset)
    }
  }

  private async check(): Promise<void> {
    const { cluster, lane, signal, table } = this.parts
    const stale = [...table.values()].filter((one) => !one.held && one.position >= 0 && this.needsCheck(one))
    if (stale.length === 0) return
    const asked = stale.map((one) => ({
      topic: one.topic,
      partition: one.partition,
      epoch: one.positionEpoch,
      state: one,
      version: one.version,
    }))
    const leaderEpochOf = ({ topic, partition }: TopicPartition): number =>
      cluster.metadata.partition(topic, partition)?.leaderEpoch ?? -1
    const request = { lane, what: 'check positions', timeoutMs: cluster.requestTimeoutMs, signal }
    const ends = await askLeaders(cluster, request, asked, async (connection, list) => {
      // As of now: when it is asked again, a leader of yet another epoch may be the reason.
      const leaderEpochs = new Map(
        list.map((one) => [partitionName(one.topic, one.partition), leaderEpochOf(one)]),
      )
      const answer = await connection.send(offsetForLeaderEpoch, {
        replicaId: -1,
        topics: [...Map.groupBy(list, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
          topic,
          partitions: ofTopic.map((one) => ({
            partition: one.partition,
            currentLeaderEpoch: leaderEpochOf(one),
            leaderEpoch: one.epoch,
          })),
        })),
      })
      return answer.topics.flatMap(({ topic, partitions }) =>
        partitions.map((one) => ({
          topic,
          partition: one.partition,
          errorCode: one.errorCode,
          result: {
            endOffset: Number(one.endOffset),
            leaderEpoch: leaderEpochs.get(partitionName(topic, one.partition)) ?? -1,
          },
        })),
      )
    })
    for (const { state, version, epoch } of asked) {
      const end = ends.get(state.name)
      if (end === undefined || state.version !== version) continue
      // What lay ready was polled meanwhile: the position is of a later epoch than the one that was asked for.
      if (state.positionEpoch !== epoch) continue
      if (end.endOffset >= 0 && end.endOffset < state.position) this.truncated(state, end.endOffset)
      state.validatedEpoch = end.leaderEpoch
    }
    this.parts.onFound()
  }

  private truncated(one: AssignedPartition, endOffset: number): void {
    const { topic, partition, position } = one
    const { logger } = this.parts.cluster
    logger.warn(
      { topic, partition, position, endOffset },
      'the log was cut back behind the position, going back',
    )
    one.seek(endOffset)
  }
}

function unknownPosition({ topic, partition, name }: AssignedPartition, why: string): MillraceError {
  return new MillraceError('MR_OFFSET_UNKNOWN', `no position to read ${name} from: ${why}`, {
    where: name,
    hint: 'Commit a position, seek, or set offsetReset to "earliest" or "latest".',
    context: { topic, partition },
  })
}
