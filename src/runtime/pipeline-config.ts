/** How a pipeline runs: everything that is not part of what it computes. */
import { type Duration, durationMs } from '../core/duration.ts'

export type Delivery = 'exactly-once' | 'at-least-once'

export interface PipelineRunOptions {
  /** `exactly-once`: inputs, state and outputs commit in one transaction. Default. */
  readonly delivery?: Delivery
  /** How often a thread commits. Default 100 ms with exactly-once, 30 s with at-least-once, as Kafka Streams. */
  readonly commitInterval?: Duration
  /** How long an input that has been read to its end may stay silent before the others go on without it. */
  readonly idle?: Duration
  /** Threads that process. 1 runs in the process's main thread; more run in worker threads. */
  readonly threads?: number
  /** Partitions of topics that the pipeline makes, where its inputs do not say. */
  readonly partitions?: number
}

export interface PipelineSettings {
  readonly delivery: Delivery
  readonly commitIntervalMs: number
  /** Infinity for bounded runs: there every input has an end to wait for. */
  readonly idleMs: number
}

export function pipelineSettings(options: PipelineRunOptions, bounded: boolean): PipelineSettings {
  const delivery = options.delivery ?? 'exactly-once'
  return {
    delivery,
    commitIntervalMs: durationMs(options.commitInterval ?? (delivery === 'exactly-once' ? 100 : 30_000)),
    idleMs: bounded ? Number.POSITIVE_INFINITY : durationMs(options.idle ?? 500),
  }
}
