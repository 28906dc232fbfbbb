/**
 * `millrace consume --group`: reads as a member of a consumer group.
 *
 * 1. The group's committed positions count; a partition without one begins at `-o start` or `-o end`.
 * 2. A position is committed when stdout has taken the records before it: every few seconds, before partitions are
 *    given up, and at the end. So a record may be printed again after a crash, and none is left out.
 * 3. Without `--follow` it ends when each partition it has is read to the end that it had when it was assigned.
 */
import { type Consumer, createConsumer, type FetchedBatches } from '../client/consumer/consumer.ts'
import type { OffsetToCommit } from '../client/group-metadata.ts'
import { MillraceError } from '../core/errors.ts'
import { partitionName, type TopicPartition } from '../core/record.ts'
import type { Clock } from '../platform/clock.ts'
import type { CommandContext } from './command.ts'
import { type ConsumeRequest, fetchLimits, Patience } from './consume-request.ts'
import type { OffsetRange } from './offset-language.ts'
import type { RecordStream } from './record-stream.ts'
import { orAborted, requireTopic } from './with-cluster.ts'

const COMMIT_INTERVAL_MS = 5000
const FOLLOW_WAIT_MS = 500
/** Reading to the end, an answer without records tells that it is reached: it should come soon. */
const END_WAIT_MS = 50
/** A member that has no partition for so long has none to read. */
const IDLE_MS = 3000

export async function readAsMember(
  { output, platform, signal }: CommandContext,
  request: ConsumeRequest & { readonly group: string },
  stream: RecordStream,
): Promise<void> {
  const { cluster } = stream
  const { clock } = platform
  const { follow, group, isolation, topics } = request
  const offsetReset = resetOf(request.range)
  for (const topic of topics) await orAborted(signal, requireTopic(cluster, topic))
  const maxWaitMs = follow ? FOLLOW_WAIT_MS : END_WAIT_MS
  const consumer = createConsumer(cluster, { ...fetchLimits, group, isolation, offsetReset, maxWaitMs })
  const member = new Member(consumer, clock)
  const patience = new Patience(clock, request)
  try {
    await consumer.subscribe(topics, {
      onRevoked: (partitions) => member.commit(partitions),
      onLost: (partitions) => member.forget(partitions),
    })
    while (!stream.done) {
      const polled = await orAborted(signal, consumer.poll({ maxWaitMs }))
      const printed: OffsetToCommit[] = []
      for (const fetched of polled) {
        printed.push(committable(fetched, await stream.print(fetched, Number.POSITIVE_INFINITY)))
      }
      await stream.flush()
      if (stream.readerHasGone) break
      await member.printed(printed)
      patience.polled(polled.length > 0)
      if (follow || !member.isAtEnd()) continue
      if (consumer.assignment().length === 0)
        output.note(`other members of group "${group}" have all partitions`)
      break
    }
  } finally {
    // Leaving gives the partitions up, which commits them.
    await consumer.close()
  }
}

function committable({ topic, partition, leaderEpoch }: FetchedBatches, offset: number): OffsetToCommit {
  return { topic, partition, offset, leaderEpoch }
}

class Member {
  private readonly consumer: Consumer
  private readonly clock: Clock
  private readonly pending = new Map<string, OffsetToCommit>()
  /** Where partitions ended when they were seen first. */
  private readonly ends = new Map<string, number>()
  private lastCommitMs: number
  private idleSinceMs: number

  constructor(consumer: Consumer, clock: Clock) {
    this.consumer = consumer
    this.clock = clock
    this.lastCommitMs = clock.monotonicMs()
    this.idleSinceMs = this.lastCommitMs
  }

  async printed(offsets: readonly OffsetToCommit[]): Promise<void> {
    for (const one of offsets) this.pending.set(partitionName(one.topic, one.partition), one)
    const nowMs = this.clock.monotonicMs()
    if (nowMs - this.lastCommitMs < COMMIT_INTERVAL_MS) return
    this.lastCommitMs = nowMs
    await this.commit(this.consumer.assignment())
  }

  async commit(partitions: readonly TopicPartition[]): Promise<void> {
    const offsets = this.take(partitions)
    if (offsets.length > 0) await this.consumer.commit(offsets)
  }

  /** Others have the partitions already. */
  forget(partitions: readonly TopicPartition[]): void {
    this.take(partitions)
  }

  isAtEnd(): boolean {
    const assigned = this.consumer.assignment()
    const nowMs = this.clock.monotonicMs()
    if (assigned.length > 0) this.idleSinceMs = nowMs
    else return this.consumer.groupMetadata().memberId !== '' && nowMs - this.idleSinceMs >= IDLE_MS
    return assigned.every(({ topic, partition }) => {
      const name = partitionName(topic, partition)
      const lag = this.consumer.lag(topic, partition)
      if (lag === undefined) return false
      const end = this.ends.get(name) ?? lag.endOffset
      this.ends.set(name, end)
      return lag.position >= end
    })
  }

  private take(partitions: readonly TopicPartition[]): readonly OffsetToCommit[] {
    return partitions.flatMap(({ topic, partition }) => {
      const name = partitionName(topic, partition)
      const offset = this.pending.get(name)
      this.pending.delete(name)
      return offset === undefined ? [] : [offset]
    })
  }
}

/** @throws MR_USAGE for other positions: a group has its own */
function resetOf({ from, to }: OffsetRange): 'earliest' | 'latest' {
  if (to === undefined && from.at === 'start' && from.plus === 0) return 'earliest'
  if (to === undefined && from.at === 'end' && from.minus === 0) return 'latest'
  throw new MillraceError('MR_USAGE', 'a group goes on where it has committed', {
    hint: 'With --group only -o start and -o end can be said: where to begin without a committed position.',
  })
}
