/**
 * Runs a pipeline: makes its topics, starts its threads, watches over them, and stops them.
 *
 * A thread that fails with a retriable error (fenced, connection lost) is started again with growing pauses, and
 * goes on from its last commit. Any other failure stops the pipeline: `failed` rejects with it.
 *
 *        start()            stop()
 *   new ───────► running ───────────► stopping ──► stopped
 *                  │  ▲ thread failed, retriable       ▲
 *                  │  └─ after a pause                 │
 *                  ├──────────────► failed ────────────┘
 *                  └─ all tasks ended (bounded run) ───┘
 */
import { isMillraceError, MillraceError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { partitionName } from '../core/record.ts'
import type { PhysicalPlan } from '../plan/plan.ts'
import { type Clock, sleep, until } from '../platform/clock.ts'
import type { ParkedRequest, TaskDecided, TaskParked } from './parked/parked-request.ts'
import { PipelineParked } from './parked/pipeline-parked.ts'
import { PipelineStores } from './queries/pipeline-stores.ts'
import type { StoreReader } from './queries/store-reader.ts'
import type { TaskAnswer, TaskQuery } from './queries/task-query.ts'
import { tasksOf } from './task-assignor.ts'
import type { ThreadSnapshot } from './thread/thread-snapshot.ts'

/** A thread as the runtime sees it: in this thread or a worker's. */
export interface RunningThread {
  /** Resolves when the thread was stopped, rejects when it failed. */
  readonly done: Promise<void>
  stop(): void
  drainTo(endOffsets: ReadonlyMap<string, number>): void
  snapshot(): ThreadSnapshot
  /** What the thread's tasks know of a store; nothing when it has ended. */
  query(query: TaskQuery): Promise<readonly TaskAnswer[]>
  /** The parked keys of the thread's tasks, up to so many of each; nothing when it has ended. */
  parked(most: number): Promise<readonly TaskParked[]>
  /**
   * Decides about a parked key, if one of the thread's tasks holds it; resolves when that is committed. Nothing when the
   * thread has ended.
   *
   * @throws MR_STORE_MOVING when what was decided could not be kept
   */
  decide(request: ParkedRequest): Promise<readonly TaskDecided[]>
}

export interface PipelineRuntimeOptions {
  readonly plan: PhysicalPlan
  readonly clock: Clock
  readonly logger: Logger
  readonly threads: number
  readonly startThread: (index: number) => RunningThread
  readonly partitionCounts: ReadonlyMap<string, number>
}

export type PipelineState = 'new' | 'running' | 'stopping' | 'stopped' | 'failed'

const RESTART_PAUSE_MS = 200
const RESTART_PAUSE_MAX_MS = 30_000
/** A thread that ran this long before it failed starts counting anew. */
const HEALTHY_MS = 60_000
const RESTARTS_MAX = 8

export class PipelineRuntime {
  readonly plan: PhysicalPlan
  /** The pipeline's stores, for queries. */
  readonly stores: PipelineStores
  /** Keys whose records wait for one that fails, and decisions about them. */
  readonly parked: PipelineParked
  state: PipelineState = 'new'
  /** Rejects when the pipeline fails; never resolves before it is stopped. */
  readonly failed: Promise<never>
  private readonly options: PipelineRuntimeOptions
  private readonly threads: (RunningThread | undefined)[] = []
  private readonly loops: Promise<void>[] = []
  private readonly stopSignal = new AbortController()
  private endOffsets: ReadonlyMap<string, number> | undefined
  private fail: (error: unknown) => void = () => {}

  constructor(options: PipelineRuntimeOptions) {
    this.options = options
    this.plan = options.plan
    const { plan, partitionCounts } = options
    this.stores = new PipelineStores({
      plan,
      partitionCounts,
      ask: (query) => this.ask((thread) => thread.query(query)),
    })
    this.parked = new PipelineParked({
      plan,
      partitionCounts,
      ask: (most) => this.ask((thread) => thread.parked(most)),
      tell: (request) => Promise.allSettled(this.asked().map((thread) => thread.decide(request))),
    })
    this.failed = new Promise((_, reject) => {
      this.fail = reject
    })
    this.failed.catch(() => {})
  }

  start(): void {
    this.state = 'running'
    for (let index = 0; index < this.options.threads; index++) this.loops.push(this.supervise(index))
  }

  /** Asks every thread to commit and end; resolves when all have. */
  async stop(): Promise<void> {
    if (this.state === 'running') this.state = 'stopping'
    this.stopSignal.abort()
    for (const thread of this.threads) thread?.stop()
    await Promise.allSettled(this.loops)
    if (this.state === 'stopping') this.state = 'stopped'
  }

  /**
   * Bounded runs: the user's topics end at these offsets. Resolves when every task has come to its end and
   * committed what it found.
   */
  async drainTo(endOffsets: ReadonlyMap<string, number>, timeoutMs: number): Promise<void> {
    this.endOffsets = endOffsets
    for (const thread of this.threads) thread?.drainTo(endOffsets)
    const total = tasksOf(this.plan, this.options.partitionCounts).length
    const ended = (): boolean => {
      const tasks = this.snapshots().flatMap((snapshot) => snapshot.tasks)
      return tasks.length === total && tasks.every((task) => task.ended && task.committed)
    }
    const what = `the end of pipeline "${this.plan.pipeline}"`
    await Promise.race([until(this.options.clock, ended, { what, timeoutMs, intervalMs: 10 }), this.failed])
  }

  snapshots(): ThreadSnapshot[] {
    return this.threads.flatMap((thread) => (thread === undefined ? [] : [thread.snapshot()]))
  }

  /**
   * A store of the pipeline by its name, or by the topic of a table.
   *
   * @throws MR_STORE_UNKNOWN
   */
  store<K = unknown, V = unknown>(name: string): StoreReader<K, V> {
    return this.stores.open<K, V>(name)
  }

  /** The user's topics that the pipeline reads, with all their partitions. */
  inputs(): { readonly topic: string; readonly partition: number }[] {
    const topics = new Set<string>()
    for (const part of this.plan.subTopologies) {
      for (const source of part.sources) if (!source.internal) topics.add(source.topic)
    }
    return [...topics].flatMap((topic) =>
      Array.from({ length: this.options.partitionCounts.get(topic) ?? 0 }, (_, partition) => ({
        topic,
        partition,
      })),
    )
  }

  private async ask<T>(question: (thread: RunningThread) => Promise<readonly T[]>): Promise<readonly T[]> {
    return (await Promise.all(this.asked().map(question))).flat()
  }

  /** The threads that can be asked. */
  private asked(): readonly RunningThread[] {
    return this.state === 'running' ? this.threads.filter((thread) => thread !== undefined) : []
  }

  private async supervise(index: number): Promise<void> {
    const { clock, logger, startThread } = this.options
    let failures = 0
    while (this.state === 'running') {
      const startMs = clock.monotonicMs()
      try {
        const thread = startThread(index)
        this.threads[index] = thread
        if (this.endOffsets !== undefined) thread.drainTo(this.endOffsets)
        await thread.done
        return
      } catch (error) {
        failures = clock.monotonicMs() - startMs > HEALTHY_MS ? 1 : failures + 1
        const retriable = isMillraceError(error) && (error.retriable || error.code === 'MR_PRODUCER_FENCED')
        if (!retriable || failures > RESTARTS_MAX) {
          this.failWith(error, index)
          return
        }
        const pauseMs = Math.min(RESTART_PAUSE_MAX_MS, RESTART_PAUSE_MS * 2 ** (failures - 1))
        logger.warn(
          { pipeline: this.plan.pipeline, thread: index, error: messageOf(error), pauseMs },
          'thread restarts',
        )
        await sleep(clock, pauseMs, this.stopSignal.signal).catch(() => {})
      }
    }
  }

  private failWith(cause: unknown, index: number): void {
    if (this.state === 'failed') return
    this.state = 'failed'
    const { logger } = this.options
    logger.error({ pipeline: this.plan.pipeline, thread: index, error: messageOf(cause) }, 'pipeline failed')
    for (const thread of this.threads) thread?.stop()
    this.fail(
      isMillraceError(cause)
        ? cause
        : new MillraceError(
            'MR_TASK_FAILED',
            `pipeline "${this.plan.pipeline}" failed: ${messageOf(cause)}`,
            { cause },
          ),
    )
  }
}

/** `partitionName` → end offset, of positions given one by one. */
export function endOffsetsOf(
  ends: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[],
): ReadonlyMap<string, number> {
  return new Map(ends.map(({ topic, partition, offset }) => [partitionName(topic, partition), offset]))
}
