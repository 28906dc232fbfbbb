/**
 * Copies records in transactions of the target, each with the positions up to which it has copied the source.
 *
 * 1. Batches of the source are polled (committed records only) and sent on, until there is enough for a transaction.
 * 2. When all are acknowledged, it is known which offset each record has got. That goes into the offsets topic, and
 *    the positions into the mirror's group, both within the same transaction. Then it is committed.
 * 3. What fails before the commit is aborted and copied again from the last positions. A commit without an answer is
 *    asked for again, because it may have happened.
 *
 * So records and positions are there together or not at all. A mirror that dies leaves at most an open transaction,
 * which the next one's `init` aborts or, when it was already decided, waits for.
 *
 * Never: commit records whose positions are not in the same transaction.
 */
import { isMillraceError } from '../../core/errors.ts'
import { partitionName, type TopicPartition } from '../../core/record.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Cluster } from '../cluster.ts'
import { type Consumer, createConsumer, type FetchedBatches } from '../consumer/consumer.ts'
import { isTransportError } from '../errors.ts'
import type { GroupMetadata } from '../group-metadata.ts'
import type { Producer } from '../producer/producer.ts'
import type { MirrorNames } from './mirror-names.ts'
import { positionToCommit } from './mirror-plan.ts'
import { sendRuns } from './offset-topic.ts'
import { type Copied, PartitionCopier } from './partition-copier.ts'

/** A transaction is committed when it is so old. */
const TRANSACTION_MS = 1000
/** One poll may give all that is buffered, and all of it goes into one transaction. */
const BUFFER_BYTES_MAX = 16 * 1024 * 1024
/** So often in a row a transaction may fail before the mirror does. */
const ATTEMPTS_MAX = 5
/** Positions that do not move are written again: the target forgets those that are old (offsets.retention.minutes). */
const REFRESH_MS = 3_600_000

export interface TransferPartition extends TopicPartition {
  readonly ids: { readonly source: string; readonly target: string }
  readonly position: number
  /** Where committed records of the source end now. */
  readonly seenEnd: number
  /** Copy no further; infinite for a transfer that goes on. */
  readonly end: number
  readonly batchBytesMax: number | undefined
}

export interface TransferOptions {
  readonly source: Cluster
  readonly producer: Producer
  readonly names: MirrorNames
  readonly partitions: readonly TransferPartition[]
  /** A transaction is committed when it has so many bytes. */
  readonly transactionBytes: number
}

/** One partition under way. */
interface Line {
  readonly at: TransferPartition
  readonly copier: PartitionCopier
  /** As committed at the target. */
  position: number
  /** With what the open transaction has. */
  reached: number
  /** Where committed records of the source ended when something was last polled. */
  seenEnd: number
  records: number
}

export class Transfer {
  /** Since the start, in transactions that were committed. */
  copiedRecords = 0
  copiedBytes = 0
  private readonly options: TransferOptions
  private readonly clock: Clock
  private readonly consumer: Consumer
  private readonly lines: ReadonlyMap<string, Line>
  private refreshedMs: number
  /** A transaction is under way; `ending` when it may have been committed. */
  private state: 'none' | 'open' | 'ending' = 'none'

  constructor(options: TransferOptions) {
    const { partitions, producer, source } = options
    this.options = options
    this.clock = source.platform.clock
    this.refreshedMs = this.clock.monotonicMs()
    this.consumer = createConsumer(source, {
      isolation: 'read_committed',
      offsetReset: 'none',
      stalledWarningMs: 0,
      bufferBytesMax: BUFFER_BYTES_MAX,
    })
    this.lines = new Map(
      partitions.map((at) => {
        const copier = new PartitionCopier(producer, at, at.batchBytesMax)
        const { position } = at
        const line = { at, copier, position, reached: position, seenEnd: at.seenEnd, records: 0 }
        return [partitionName(at.topic, at.partition), line]
      }),
    )
  }

  /** Copied records by topic. */
  recordsByTopic(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { at, records } of this.lines.values()) {
      counts.set(at.topic, (counts.get(at.topic) ?? 0) + records)
    }
    return counts
  }

  /** Offsets of the source that are still to be copied, of one topic or of all. */
  lagOf(topic?: string): number {
    let lag = 0
    for (const { at, position, seenEnd } of this.lines.values()) {
      if (topic !== undefined && topic !== at.topic) continue
      lag += Math.max(0, (Number.isFinite(at.end) ? at.end : seenEnd) - position)
    }
    return lag
  }

  /** Everything is copied up to the ends given. */
  get done(): boolean {
    return [...this.lines.values()].every(({ at, position }) => position >= at.end)
  }

  /**
   * Copies until all ends are reached, or the signal aborts; what is under way then is committed first.
   *
   * @throws MR_PRODUCER_FENCED when another mirror has taken over, MR_OFFSET_UNKNOWN when the source has deleted
   *   records that are not copied yet, and what brokers answer
   */
  async run(signal?: AbortSignal): Promise<void> {
    this.assign()
    for (let failures = 0; !this.done && signal?.aborted !== true; ) {
      try {
        await this.transact(signal)
        failures = 0
      } catch (error) {
        failures++
        // What may have been committed is not copied again: the next mirror will learn how it ended.
        if (this.state === 'ending') throw error
        if (!isMillraceError(error) || !error.retriable || failures >= ATTEMPTS_MAX) throw error
        await this.goBack(error)
      }
    }
  }

  async close(): Promise<void> {
    await this.consumer.close()
  }

  private assign(): void {
    const open = [...this.lines.values()].filter(({ at, position }) => position < at.end)
    this.consumer.assign(open.map(({ at, position }) => ({ ...at, offset: position })))
  }

  private async transact(signal: AbortSignal | undefined): Promise<void> {
    const { producer, transactionBytes } = this.options
    const first = await this.consumer.poll()
    const nowMs = this.clock.monotonicMs()
    const refresh = nowMs - this.refreshedMs >= REFRESH_MS
    if (first.length === 0 && !refresh) return
    producer.begin()
    this.state = 'open'
    let polled = first
    let bytes = 0
    do {
      for (const fetched of polled) bytes += this.copy(fetched)
      await producer.room()
      if (bytes >= transactionBytes || this.clock.monotonicMs() - nowMs >= TRANSACTION_MS) break
      polled = await this.consumer.poll({ maxWaitMs: 0 })
    } while (polled.length > 0 && signal?.aborted !== true)
    const lines = [...this.lines.values()]
    const copied = await this.note(refresh ? lines : lines.filter((one) => one.reached > one.position))
    this.state = 'ending'
    await commit(producer)
    this.state = 'none'
    if (refresh) this.refreshedMs = nowMs
    for (const { line, recordCount, sizeBytes } of copied) {
      line.position = line.reached
      line.records += recordCount
      this.copiedRecords += recordCount
      this.copiedBytes += sizeBytes
    }
  }

  /** Sends on what lies before the end. Returns how many bytes that were. */
  private copy(fetched: FetchedBatches): number {
    const line = this.lines.get(partitionName(fetched.topic, fetched.partition))
    if (line === undefined || line.reached >= line.at.end) return 0
    const { at, copier } = line
    copier.copy(fetched, at.end)
    line.seenEnd = fetched.lastStableOffset
    line.reached = Math.min(fetched.nextOffset, at.end)
    if (line.reached >= at.end) this.consumer.pause([at])
    return fetched.bytes.length
  }

  /** Puts the positions, and which offsets records have got, into the open transaction. */
  private async note(lines: readonly Line[]): Promise<readonly (Copied & { readonly line: Line })[]> {
    const { names, producer, source } = this.options
    for (const { copier } of lines) copier.flush()
    const copied: (Copied & { line: Line })[] = []
    for (const line of lines) copied.push({ line, ...(await line.copier.take()) })
    const runs = copied.map(({ line: { at }, runs }) => ({ ...at, topicId: at.ids.target, runs }))
    const nowMs = source.platform.clock.nowMs()
    await sendRuns(producer, { offsetsTopic: names.offsetsTopic, nowMs }, runs)
    await producer.sendOffsets(
      mirrorMember(names),
      lines.map(({ at, reached }) => positionToCommit(at, reached, at.ids)),
    )
    return copied
  }

  /** Back to what is committed. @throws `error` when the transaction cannot be given up */
  private async goBack(error: unknown): Promise<void> {
    try {
      if (this.state === 'open') await this.options.producer.abort()
    } catch {
      throw error
    }
    this.state = 'none'
    for (const line of this.lines.values()) {
      line.copier.forget()
      line.reached = line.position
    }
    this.assign()
  }
}

/** A mirror commits without being a member of its group: that there is only one is for the transactional id to see. */
export function mirrorMember({ group }: MirrorNames): GroupMetadata {
  return { group, generation: -1, memberId: '', groupInstanceId: null }
}

async function commit(producer: Producer): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await producer.commit()
      return
    } catch (error) {
      if (!isTransportError(error) || attempt === ATTEMPTS_MAX) throw error
    }
  }
}
