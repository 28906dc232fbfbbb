/**
 * One processing thread of a pipeline: a member of the pipeline's consumer group with a producer of its own.
 *
 * Loop: poll → hand batches to tasks → process all tasks a slice each → idle and rewind rules → commit when due.
 * Processing is synchronous; the loop awaits only between slices. Rebalance callbacks run inside poll:
 *   assigned  make the tasks, fence the thread's former self, restore stores, start at the committed positions
 *   revoked   commit, then drop the tasks
 *   lost      drop the tasks without a commit; the group has given them to somebody else
 * A second process of the pipeline is refused by the group, before it fences the first (`thread-claims.ts`).
 * The thread ends when it is stopped, when every task of the pipeline has ended (bounded runs), or with an error.
 */

import { type Admin, createAdmin } from '../../client/admin/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { type Consumer, createConsumer, type FetchedBatches } from '../../client/consumer/consumer.ts'
import { createProducer, type Producer } from '../../client/producer/producer.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { partitionName, type TopicPartition } from '../../core/record.ts'
import type { PhysicalPlan } from '../../plan/plan.ts'
import type { Clock } from '../../platform/clock.ts'
import {
  answerParked,
  type ParkedRequest,
  type TaskDecided,
  type TaskParked,
} from '../parked/parked-request.ts'
import type { PipelineSettings } from '../pipeline-config.ts'
import { answerQuery, type TaskAnswer, type TaskQuery } from '../queries/task-query.ts'
import { taskAssignor } from '../task-assignor.ts'
import { CommittingTransport } from './commit.ts'
import { Decisions } from './decisions.ts'
import { Purge } from './purge.ts'
import { restoreStores } from './restore.ts'
import { type ThreadSnapshot, threadSnapshot } from './thread-snapshot.ts'
import { type HeldInput, ThreadTasks } from './thread-tasks.ts'

/** Records that one task processes before the next has its turn. */
const SLICE_RECORDS = 1000
const POLL_MS = 50
/** The same while calls of the pipeline's functions are under way: their answers do not end a poll. */
const ASKING_POLL_MS = 2
/** What a thread that is gone left open holds up readers so long (Kafka Streams: 10 s). */
const TRANSACTION_TIMEOUT_MS = 10_000
/** A last commit waits so long for the group; without it the work is done again after the next start. */
const SETTLE_TIMEOUT_MS = 5000

export interface PipelineThreadOptions {
  readonly plan: PhysicalPlan
  readonly settings: PipelineSettings
  readonly cluster: Cluster
  readonly clock: Clock
  readonly logger: Logger
  /** From 0; part of the transactional id, so that a restarted thread fences its former self. */
  readonly index: number
  readonly partitionCounts: ReadonlyMap<string, number>
}

/** All that the tasks of a plan write. */
function writtenTopics(plan: PhysicalPlan): ReadonlySet<string> {
  const ofParts = plan.subTopologies.flatMap(({ sinks, stores }) => [
    ...sinks.map(({ topic }) => topic),
    ...stores.map(({ changelogTopic }) => changelogTopic),
  ])
  return new Set([...ofParts, plan.deadLetterTopic, plan.lateTopic])
}

export class PipelineThread {
  private readonly options: PipelineThreadOptions
  private readonly consumer: Consumer
  private readonly producer: Producer
  private readonly admin: Admin
  private readonly transport: CommittingTransport
  private readonly held: ThreadTasks
  private readonly purge: Purge
  private endOffsets: ReadonlyMap<string, number> | undefined
  private stopping = false
  /** The member of the group that is this thread already. */
  private holder: string | undefined
  private producerReady = false
  /** Of the group's generation; the tasks enter it between two rounds. */
  private epoch = 0
  private enteredEpoch = 0
  private lastCommitMs = 0
  private restoredRecords = 0
  private commits = 0
  private readonly decisions = new Decisions()

  constructor(options: PipelineThreadOptions) {
    this.options = options
    const { plan, cluster, settings, partitionCounts, index } = options
    this.consumer = createConsumer(cluster, {
      group: plan.pipeline,
      assignors: [
        taskAssignor({
          plan,
          nowMs: () => options.clock.nowMs(),
          onEpoch: (epoch) => {
            this.epoch = epoch
          },
          ...(settings.delivery === 'exactly-once'
            ? { claim: { index, sinceMs: options.clock.nowMs() } }
            : {}),
          onRefused: (holder) => {
            this.holder = holder
          },
        }),
      ],
      isolation: 'read_committed',
      offsetReset: 'earliest',
    })
    this.producer = createProducer(
      cluster,
      settings.delivery === 'exactly-once'
        ? { transactionalId: `${plan.pipeline}-${index}`, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS }
        : {},
    )
    this.admin = createAdmin(cluster)
    this.transport = new CommittingTransport({
      producer: this.producer,
      partitionCounts,
      delivery: settings.delivery,
      clock: options.clock,
    })
    this.purge = new Purge(this.admin, options.clock, options.logger)
    this.held = new ThreadTasks({ plan, partitionCounts, transport: this.transport, logger: options.logger })
  }

  /** Runs until `stop`, or rejects with what went wrong. Everything is closed when it settles. */
  async run(): Promise<void> {
    const { plan, clock } = this.options
    try {
      this.lastCommitMs = clock.monotonicMs()
      const topics = [
        ...new Set(plan.subTopologies.flatMap((part) => part.sources.map((source) => source.topic))),
      ]
      await this.consumer.subscribe(topics, {
        onAssigned: (partitions) => this.assigned(partitions),
        onRevoked: (partitions) => this.revoked(partitions),
        onLost: (partitions) => this.lost(partitions),
      })
      let busy = false
      while (!this.stopping) {
        const fetched = await this.consumer.poll({ maxWaitMs: busy ? 0 : this.idlePollMs() })
        if (this.holder !== undefined) throw this.runsElsewhere(this.holder)
        this.enterEpoch()
        for (const batches of fetched) this.accept(batches)
        this.decisions.take(this.held.tasks.values())
        busy = this.processSlices()
        this.regulate()
        this.transport.check()
        if (this.commitDue() && !this.consumer.rebalancing) await this.commit()
        await this.producer.room()
      }
      await this.settle()
      await this.commit()
    } catch (error) {
      // Nothing of what is given up now may be committed when the consumer leaves its group.
      this.held.clear()
      await this.transport.abort().catch(() => {})
      throw error
    } finally {
      this.decisions.end()
      // Nobody takes the answers of calls under way any more.
      this.held.close()
      await this.purge.idle()
      await this.consumer.close().catch(() => {})
      await this.producer.close().catch(() => {})
    }
  }

  /** Ends the loop after the current round, with a last commit. */
  stop(): void {
    this.stopping = true
  }

  /** Bounded runs: the inputs end at these offsets (`partitionName` → end). */
  drainTo(endOffsets: ReadonlyMap<string, number>): void {
    this.endOffsets = endOffsets
  }

  snapshot(): ThreadSnapshot {
    return threadSnapshot(this.held, this.consumer, {
      restoredRecords: this.restoredRecords,
      commits: this.commits,
    })
  }

  /** What the tasks that this thread holds know of their parked keys, up to so many of each. */
  parked(most: number): readonly TaskParked[] {
    return answerParked(this.held.tasks.values(), most)
  }

  /**
   * Decides about a parked key before the next round; resolves when what follows from it is committed.
   *
   * @throws MR_STORE_MOVING when it could not be kept
   */
  decide(request: ParkedRequest): Promise<readonly TaskDecided[]> {
    return this.decisions.ask(request)
  }

  /** What the tasks that this thread holds know of a store, as they are between two slices. @throws MR_STORE_KIND */
  query(query: TaskQuery): readonly TaskAnswer[] {
    return answerQuery(this.held.tasks.values(), query)
  }

  private idlePollMs(): number {
    for (const task of this.held.tasks.values()) if (task.asking) return ASKING_POLL_MS
    return POLL_MS
  }

  private accept(batches: FetchedBatches): void {
    const held = this.held.input(batches.topic, batches.partition)
    if (held === undefined || batches.bytes.length === 0) return
    held.lastDataMs = this.options.clock.monotonicMs()
    held.input.accept(batches.bytes)
  }

  private enterEpoch(): void {
    if (this.enteredEpoch === this.epoch) return
    this.enteredEpoch = this.epoch
    for (const task of this.held.tasks.values()) task.enter(this.epoch)
  }

  /** Gives every task a slice; true when one used all of it. */
  private processSlices(): boolean {
    let busy = false
    const wallClockMs = this.options.clock.nowMs()
    for (const task of this.held.tasks.values()) {
      task.tick(wallClockMs)
      busy = task.process(SLICE_RECORDS) === SLICE_RECORDS || busy
    }
    return busy
  }

  /** Pauses what is full, goes back where a lane ran dry, and tells lanes that are idle or at their end. */
  private regulate(): void {
    const nowMs = this.options.clock.monotonicMs()
    for (const held of this.held.inputs.values()) {
      const { input } = held
      const place = [{ topic: input.topic, partition: input.partition }]
      const rewind = input.takeRewind()
      if (rewind !== undefined) this.consumer.seek(input.topic, input.partition, rewind)
      const { full } = input
      if (full && !held.paused) this.consumer.pause(place)
      if (!full && held.paused) this.consumer.resume(place)
      held.paused = full
      if (!input.internal) this.updateState(held, nowMs)
    }
  }

  private updateState(held: HeldInput, nowMs: number): void {
    const { input, task } = held
    const lane = input.lanes[0]!
    if (lane.state === 'ended') return
    const lag = this.consumer.lag(input.topic, input.partition)
    if (lag === undefined) return
    const end = this.endOffsets?.get(partitionName(input.topic, input.partition))
    const silent = lag.position >= lag.endOffset && nowMs - held.lastDataMs >= this.options.settings.idleMs
    const before = lane.state
    if (lane.bootstrapping) {
      // Up to the end as it was when the task came; what is written since counts by its time.
      held.firstEndOffset ??= lag.endOffset
      const dry = lag.position >= held.firstEndOffset && !lane.fill()
      if (dry || lane.nextOffset >= held.firstEndOffset) lane.bootstrapping = false
    }
    if (end !== undefined && lag.position >= end) lane.say('ended')
    else if (silent) lane.say('idle')
    // The tasks below must hear of it.
    if (lane.state !== before) task.dirty = true
  }

  private commitDue(): boolean {
    const tasks = [...this.held.tasks.values()]
    if (!tasks.some((task) => task.dirty)) return false
    if (tasks.some((task) => task.dirty && (task.ended || task.commitRequested))) return true
    return this.options.clock.monotonicMs() - this.lastCommitMs >= this.options.settings.commitIntervalMs
  }

  private async commit(): Promise<void> {
    if (![...this.held.tasks.values()].some((task) => task.dirty)) return
    await this.transport.commit(this.held, this.consumer)
    this.decisions.committed()
    this.purge.committed([...this.held.inputs.values()].map(({ input }) => input))
    this.lastCommitMs = this.options.clock.monotonicMs()
    this.commits++
  }

  /** Lets a round of the group come to its end before the last commit. What is still fetched is read again. */
  private async settle(): Promise<void> {
    const { clock } = this.options
    const deadlineMs = clock.monotonicMs() + SETTLE_TIMEOUT_MS
    while (this.consumer.rebalancing && clock.monotonicMs() < deadlineMs) {
      await this.consumer.poll({ maxWaitMs: POLL_MS })
    }
  }

  private async assigned(partitions: readonly TopicPartition[]): Promise<void> {
    const { clock, cluster, logger, plan } = this.options
    await this.transport.learn(this.admin, writtenTopics(plan))
    const made = this.held.add(partitions, clock.monotonicMs())
    if (made.length === 0) return
    for (const task of made) task.enter(this.epoch)
    const startMs = clock.monotonicMs()
    const inputs = made.flatMap((task) => task.partitions)
    await this.fenceFormerSelf()
    // First, since this waits for the last commit of the former owner: what it wrote is in the changelogs then.
    const committed = await this.consumer.committed(
      inputs.map(({ topic, partition }) => ({ topic, partition })),
    )
    const records = await restoreStores(made, { cluster, admin: this.admin, clock })
    this.restoredRecords += records
    for (const input of inputs) {
      const position = committed.get(partitionName(input.topic, input.partition))
      if (position === undefined) continue
      input.startAt(position)
      this.consumer.seek(input.topic, input.partition, position.offset)
    }
    const ms = Math.round(clock.monotonicMs() - startMs)
    const tasks = made.map((task) => `${task.id.subTopology}_${task.id.partition}`)
    logger.info({ pipeline: plan.pipeline, tasks, restored: { records, ms } }, 'assigned')
  }

  /** Not before the group has said that nobody else is this thread: what is fenced is gone for good then. */
  private async fenceFormerSelf(): Promise<void> {
    if (this.producerReady || this.options.settings.delivery !== 'exactly-once') return
    await this.producer.init()
    this.producerReady = true
  }

  private runsElsewhere(holder: string): MillraceError {
    const { plan, index } = this.options
    const { pipeline } = plan
    return new MillraceError(
      'MR_PIPELINE_RUNS_ELSEWHERE',
      `pipeline "${pipeline}" runs in another process already, which holds transactional id "${pipeline}-${index}"`,
      {
        where: `group ${pipeline}, member ${holder}`,
        hint:
          `Stop that one first: \`millrace groups describe ${pipeline} -v\` shows where it is. ` +
          'A pipeline runs in one process, with as many threads as --threads says.',
        context: { pipeline, thread: index, member: holder },
      },
    )
  }

  private async revoked(partitions: readonly TopicPartition[]): Promise<void> {
    await this.commit()
    this.held.remove(partitions)
    this.options.logger.info(
      { pipeline: this.options.plan.pipeline, partitions: partitions.length },
      'revoked',
    )
  }

  private async lost(partitions: readonly TopicPartition[]): Promise<void> {
    this.held.remove(partitions)
    this.decisions.undone()
    await this.transport.abort()
    this.options.logger.warn({ pipeline: this.options.plan.pipeline, partitions: partitions.length }, 'lost')
  }
}
