/**
 * Commits: outputs, changelogs and positions of all tasks of a thread, together.
 *
 * exactly-once: one transaction of the thread's producer. It begins with the first batch that is sent and ends here:
 *   1. every task hands over its outputs, time markers last; 2. every store writes what changed to its changelog;
 *   3. positions join the transaction under the group's generation, which fences a thread that lost its tasks;
 *   4. the transaction commits. A crash anywhere before that leaves nothing behind.
 * at-least-once: outputs and changelogs are acknowledged first, then positions are committed to the group.
 */
import type { Admin } from '../../client/admin/admin.ts'
import type { Consumer } from '../../client/consumer/consumer.ts'
import type { Producer } from '../../client/producer/producer.ts'
import { isMillraceError, MillraceError, messageOf } from '../../core/errors.ts'
import type { Clock } from '../../platform/clock.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { RecordBatchBuilder, recordBytesMax } from '../../protocol/record-batch/record-batch-builder.ts'
import type { ChangelogWriter } from '../../state/store.ts'
import type { Delivery } from '../pipeline-config.ts'
import type { Task } from '../task/task.ts'
import type { OutputTransport, TopicRules } from '../task/task-output.ts'
import type { ThreadTasks } from './thread-tasks.ts'
import { readTopicRules } from './topic-rules.ts'

/** What a coordinator answers to a member whose partitions are no longer its own. */
const groupLostCodes: readonly unknown[] = [
  ErrorCodes.ILLEGAL_GENERATION,
  ErrorCodes.UNKNOWN_MEMBER_ID,
  ErrorCodes.REBALANCE_IN_PROGRESS,
  ErrorCodes.FENCED_MEMBER_EPOCH,
  ErrorCodes.STALE_MEMBER_EPOCH,
]

const CHANGELOG_BATCH_BYTES = 256 * 1024

/** Sends batches through a producer and begins a transaction with the first. */
export class CommittingTransport implements OutputTransport {
  private readonly producer: Producer
  private readonly partitionCounts: ReadonlyMap<string, number>
  private readonly delivery: Delivery
  private readonly clock: Clock
  private known: ReadonlyMap<string, TopicRules> = new Map()
  private open = false
  private failure: unknown

  constructor(options: {
    readonly producer: Producer
    readonly partitionCounts: ReadonlyMap<string, number>
    readonly delivery: Delivery
    readonly clock: Clock
  }) {
    this.producer = options.producer
    this.partitionCounts = options.partitionCounts
    this.delivery = options.delivery
    this.clock = options.clock
  }

  /** Asks which records the topics take, before tasks are made. */
  async learn(admin: Admin, topics: Iterable<string>): Promise<void> {
    this.known = await readTopicRules(admin, topics)
  }

  rules(topic: string): TopicRules | undefined {
    return this.known.get(topic)
  }

  nowMs(): number {
    return this.clock.nowMs()
  }

  partitionCount(topic: string): number {
    return this.partitionCounts.get(topic) ?? 0
  }

  send(topic: string, partition: number, batch: RecordBatchBuilder): void {
    this.begin()
    this.producer.sendBatch(topic, partition, batch).catch((error: unknown) => {
      this.failure ??= error
    })
  }

  /** Throws what went wrong with a batch that was sent since the last commit. */
  check(): void {
    if (this.failure !== undefined) throw this.failure
  }

  async commit(tasks: ThreadTasks, consumer: Consumer): Promise<void> {
    for (const task of tasks.tasks.values()) {
      task.flush()
      this.writeChangelogs(task)
    }
    const positions = tasks.positions()
    try {
      if (this.delivery === 'exactly-once') {
        this.begin()
        await consumer.holdGeneration(() => this.producer.sendOffsets(consumer.groupMetadata(), positions))
        await this.producer.commit()
        this.open = false
      } else {
        await this.producer.flush()
        this.check()
        await consumer.commit(positions)
      }
    } catch (error) {
      // A transaction that has failed only says so: what it failed with came with a batch.
      throw asGroupLost(isMillraceError(error, 'MR_TRANSACTION_STATE') ? (this.failure ?? error) : error)
    }
    this.check()
    for (const task of tasks.tasks.values()) task.committed()
  }

  /** Gives up what was not committed. */
  async abort(): Promise<void> {
    if (this.open) await this.producer.abort()
    this.open = false
  }

  private begin(): void {
    if (this.open || this.delivery !== 'exactly-once') return
    this.producer.begin()
    this.open = true
  }

  private writeChangelogs(task: Task): void {
    for (const { spec, changelogTopic } of task.part.stores) {
      const { batchBytesMax = Number.POSITIVE_INFINITY } = this.known.get(changelogTopic) ?? {}
      let batch = new RecordBatchBuilder()
      const hand = (): void => {
        if (!batch.isEmpty) this.send(changelogTopic, task.id.partition, batch)
        batch = new RecordBatchBuilder()
      }
      const writer: ChangelogWriter = {
        write(key, value, timestampMs) {
          if (batch.sizeBytes + recordBytesMax(key.length, value?.length ?? 0) > batchBytesMax) hand()
          batch.append(timestampMs, key, value)
          if (batch.sizeBytes >= CHANGELOG_BATCH_BYTES) hand()
        },
      }
      task.stores.get(spec.name)?.flush(writer)
      hand()
    }
  }
}

/** A commit that came too late is MR_GROUP_LOST: the thread starts anew from what its group has committed. */
function asGroupLost(error: unknown): unknown {
  if (!isMillraceError(error) || !groupLostCodes.includes(error.context['kafkaCode'])) return error
  return new MillraceError('MR_GROUP_LOST', messageOf(error), { cause: error, context: error.context })
}
