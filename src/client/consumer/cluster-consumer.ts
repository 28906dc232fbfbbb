/** The consumer over a cluster: puts the parts together. The interface and its promises are in `consumer.ts`. */
import { MillraceError } from '../../core/errors.ts'
import type { StoredRecord, TopicPartition } from '../../core/record.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Cluster } from '../cluster.ts'
import type { Lane } from '../connection/lane.ts'
import { closedError } from '../errors.ts'
import type { GroupMetadata, OffsetToCommit } from '../group-metadata.ts'
import { AssignedPartition } from './assigned-partition.ts'
import type { Consumer, StartPosition } from './consumer.ts'
import { Fetcher } from './fetch/fetcher.ts'
import { Positions } from './fetch/positions.ts'
import type { FetchedBatches } from './fetched-batches.ts'
import { Assignment, type SubscriptionCallbacks } from './group/assignment.ts'
import { ClassicMembership } from './group/classic-membership.ts'
import { ConsumerMembership } from './group/consumer-membership.ts'
import { type CommittedOffset, GroupOffsets } from './group/group-offsets.ts'
import type { Membership } from './group/membership.ts'
import { PollTasks } from './group/poll-tasks.ts'
import { type ConsumerOptions, type ConsumerSettings, consumerSettings } from './options.ts'
import { PartitionTable } from './partition-table.ts'
import { RecordIterator } from './records.ts'
import { Wakeup } from './wakeup.ts'
import { Watchdog } from './watchdog.ts'

const POLL_WAIT_MS = 500
/** So many polls in a row may give data without the event loop having had a turn. */
const POLLS_PER_TURN = 16

export class ClusterConsumer implements Consumer {
  private readonly cluster: Cluster
  private readonly clock: Clock
  private readonly settings: ConsumerSettings
  private readonly table = new PartitionTable()
  private readonly wakeup: Wakeup
  private readonly lanes: Lane[] = []
  private readonly offsetsLane: Lane
  private readonly offsets: GroupOffsets | undefined
  private readonly fetcher: Fetcher
  private readonly positions: Positions
  private readonly tasks: PollTasks
  private readonly groupAssignment: Assignment
  private readonly watchdog: Watchdog
  private readonly ending = new AbortController()
  private readonly onMetadata = (): void => this.kick()
  private membership: Membership | undefined
  /** To be thrown by the next poll. */
  private failure: MillraceError | undefined
  /** Thrown by every poll: the group cannot be joined. */
  private fatal: MillraceError | undefined
  private polls = 0
  /** A poll is under way: callbacks, data and errors are its own, so there is one at a time. */
  private polling = false
  private closing: Promise<void> | undefined

  constructor(cluster: Cluster, options: ConsumerOptions) {
    const settings = consumerSettings(options)
    const { table } = this
    this.cluster = cluster
    this.settings = settings
    this.clock = cluster.platform.clock
    this.wakeup = new Wakeup(this.clock)
    this.offsetsLane = this.lane('offsets')
    const { signal } = this.ending
    const onError = (error: MillraceError): void => this.fail(error)
    this.offsets =
      settings.group === undefined
        ? undefined
        : new GroupOffsets({
            cluster,
            lane: this.offsetsLane,
            group: settings.group,
            requireStable: settings.isolation === 'read_committed',
            signal,
          })
    this.positions = new Positions({
      cluster,
      lane: this.offsetsLane,
      settings,
      table,
      offsets: this.offsets,
      member: () => this.membership?.reader,
      onFound: () => this.fetcher.kick(),
      onError,
      signal,
    })
    this.fetcher = new Fetcher({
      cluster,
      settings,
      table,
      onProgress: () => this.wakeup.notify(),
      needsCheck: (partition) => this.positions.needsCheck(partition),
      onOutOfRange: (partition) => this.positions.outOfRange(partition),
      onError,
    })
    this.tasks = new PollTasks(() => this.wakeup.notify())
    this.groupAssignment = new Assignment({ table, clock: this.clock, onChanged: () => this.kick() })
    this.watchdog = new Watchdog(cluster, table, settings.stalledWarningMs)
    cluster.listeners.add(this.onMetadata)
    cluster.users.add(this)
  }

  assign(positions: readonly StartPosition[]): void {
    this.checkOpen()
    if (this.membership !== undefined) throw mixed('assign', 'subscribe')
    this.table.clear()
    const nowMs = this.clock.monotonicMs()
    for (const { topic, partition, offset } of positions) {
      const start = typeof offset === 'string' ? offset : 'committed'
      const one = new AssignedPartition(topic, partition, start, nowMs)
      if (typeof offset === 'number') one.seek(offset)
      this.table.add(one)
    }
    this.kick()
  }

  async subscribe(topics: readonly string[], callbacks: SubscriptionCallbacks = {}): Promise<void> {
    this.checkOpen()
    const { group } = this.settings
    if (group === undefined) throw noGroup('subscribe')
    if (this.membership === undefined && this.table.size > 0) throw mixed('subscribe', 'assign')
    this.groupAssignment.callbacks = callbacks
    this.membership ??= this.join(group)
    this.membership.subscribe(topics)
  }

  async poll(options: { readonly maxWaitMs?: number } = {}): Promise<readonly FetchedBatches[]> {
    const { clock } = this
    const endMs = clock.monotonicMs() + (options.maxWaitMs ?? POLL_WAIT_MS)
    this.checkOpen()
    if (this.polling) throw polledTwice()
    this.polling = true
    try {
      if (++this.polls % POLLS_PER_TURN === 0) await clock.nextTurn()
      this.alive()
      for (;;) {
        this.checkOpen()
        await this.tasks.serve()
        this.throwFailure()
        const taken = this.take()
        const leftMs = endMs - clock.monotonicMs()
        if (taken.length > 0 || leftMs <= 0) {
          this.alive()
          if (taken.length === 0) await clock.nextTurn()
          return taken
        }
        this.kick()
        await this.wakeup.wait(leftMs)
      }
    } finally {
      this.polling = false
    }
  }

  seek(topic: string, partition: number, offset: number): void {
    this.table.get(topic, partition).seek(offset)
    this.kick()
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.table.get(topic, partition).paused = true
    this.fetcher.kick()
  }

  resume(partitions: readonly TopicPartition[]): void {
    const nowMs = this.clock.monotonicMs()
    for (const { topic, partition } of partitions) {
      const one = this.table.get(topic, partition)
      one.paused = false
      one.lastAnswerMs = nowMs
      if (one.data !== undefined) this.wakeup.notify()
    }
    this.fetcher.kick()
  }

  position(topic: string, partition: number): number {
    return this.table.get(topic, partition).position
  }

  assignment(): readonly TopicPartition[] {
    return this.table.list()
  }

  lag(topic: string, partition: number): { position: number; endOffset: number } | undefined {
    const one = this.table.find(topic, partition)
    if (one === undefined || one.endOffset < 0 || one.position < 0) return undefined
    return { position: one.position, endOffset: one.endOffset }
  }

  async committed(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, CommittedOffset>> {
    this.checkOpen()
    if (this.offsets === undefined) throw noGroup('read committed positions')
    return this.offsets.read(partitions, () => this.membership?.reader)
  }

  async commit(offsets: readonly OffsetToCommit[]): Promise<void> {
    if (this.offsets === undefined) throw noGroup('commit')
    const { offsets: group } = this
    await this.holdGeneration(() => group.commit(() => this.groupMetadata(), offsets))
  }

  get rebalancing(): boolean {
    return this.membership?.rebalancing ?? false
  }

  holdGeneration<T>(commit: () => Promise<T>): Promise<T> {
    return this.membership?.holdGeneration(commit) ?? commit()
  }

  groupMetadata(): GroupMetadata {
    const { group, groupInstanceId } = this.settings
    if (group === undefined) throw noGroup('commit')
    return this.membership?.metadata ?? { group, generation: -1, memberId: '', groupInstanceId }
  }

  close(): Promise<void> {
    this.closing ??= this.end().finally(() => this.cluster.users.delete(this))
    return this.closing
  }

  records(): AsyncIterable<StoredRecord> {
    return new RecordIterator(this[Symbol.asyncIterator]())
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FetchedBatches> {
    while (this.closing === undefined) {
      try {
        yield* await this.poll()
      } catch (error) {
        if (this.closing !== undefined) return
        throw error
      }
    }
  }

  private join(group: string): Membership {
    const { cluster, offsetsLane, tasks } = this
    const parts = {
      cluster,
      settings: { ...this.settings, group },
      lane: this.lane('group'),
      offsetsLane,
      assignment: this.groupAssignment,
      tasks,
      onError: (error: MillraceError): void => {
        this.fatal = error
        this.wakeup.notify()
      },
    }
    return this.settings.protocol === 'classic' ? new ClassicMembership(parts) : new ConsumerMembership(parts)
  }

  private async end(): Promise<void> {
    this.cluster.listeners.delete(this.onMetadata)
    this.watchdog.close()
    try {
      await this.membership?.leave()
    } finally {
      this.ending.abort()
      this.table.clear()
      this.wakeup.notify()
      await this.fetcher.close()
      await Promise.all(this.lanes.map((lane) => lane.close()))
    }
  }

  /** What was fetched and may be handed out; the positions move on. */
  private take(): FetchedBatches[] {
    const taken: FetchedBatches[] = []
    for (const one of this.table.values()) {
      const { data } = one
      if (data === undefined || one.paused || one.held) continue
      one.data = undefined
      one.position = data.nextOffset
      one.positionEpoch = data.leaderEpoch
      taken.push(data)
    }
    if (taken.length > 0) this.fetcher.kick()
    return taken
  }

  private alive(): void {
    this.membership?.polled()
    this.watchdog.polled()
  }

  private kick(): void {
    if (this.cluster.isClosed) {
      this.fail(closedError('the cluster'))
      return
    }
    this.positions.kick()
    this.fetcher.kick()
  }

  private fail(error: MillraceError): void {
    this.failure ??= error
    this.wakeup.notify()
  }

  private throwFailure(): void {
    if (this.fatal !== undefined) throw this.fatal
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) throw failure
  }

  private checkOpen(): void {
    if (this.closing !== undefined) throw closedError('the consumer')
  }

  private lane(purpose: string): Lane {
    const lane = this.cluster.lane(`${purpose} ${this.settings.group ?? ''}`)
    this.lanes.push(lane)
    return lane
  }
}

function polledTwice(): MillraceError {
  return new MillraceError('MR_CONSUMER_BUSY', 'the consumer is polled by somebody else already', {
    hint: 'Await each poll before the next, do not poll in a callback, and give every reader a consumer of its own.',
  })
}

function noGroup(doing: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `cannot ${doing}: the consumer has no group`, {
    hint: 'Give createConsumer a group.',
  })
}

function mixed(one: string, other: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', `cannot ${one}: the consumer was told to ${other}`, {
    hint: 'A consumer either assigns partitions itself or subscribes to topics.',
  })
}
