/** What crosses between the main thread and a worker that runs one thread of a pipeline: plain data only. */
import type { ClusterOptions } from '../../client/cluster.ts'
import type { ErrorCode } from '../../core/error-register.ts'
import { type ErrorContext, isMillraceError, MillraceError, messageOf } from '../../core/errors.ts'
import type { LogFields } from '../../core/logger.ts'
import type { ParkedRequest, TaskDecided, TaskParked } from '../../runtime/parked/parked-request.ts'
import type { PipelineSettings } from '../../runtime/pipeline-config.ts'
import type { TaskAnswer, TaskQuery } from '../../runtime/queries/task-query.ts'
import type { ThreadSnapshot } from '../../runtime/thread/thread-snapshot.ts'

/** How a worker reaches the cluster, credentials among it: they cross in memory only. */
export interface ClusterReach extends Pick<ClusterOptions, 'tls' | 'sasl'> {
  /** `host:port` */
  readonly brokers: readonly string[]
}

export interface WorkerData {
  /** The configuration file: the worker loads it again, since functions cannot cross. */
  readonly configFile: string
  readonly pipeline: string
  readonly index: number
  readonly reach: ClusterReach
  readonly settings: PipelineSettings
  readonly partitionCounts: ReadonlyMap<string, number>
}

/** What a worker is asked. */
export type Question =
  | { readonly kind: 'query'; readonly query: TaskQuery }
  | { readonly kind: 'parked'; readonly most: number }
  | { readonly kind: 'decide'; readonly request: ParkedRequest }

/** What its tasks answer, by the kind of the question. */
export interface Answers {
  readonly query: readonly TaskAnswer[]
  readonly parked: readonly TaskParked[]
  readonly decide: readonly TaskDecided[]
}

export type ToWorker =
  | { readonly kind: 'stop' }
  | { readonly kind: 'drain'; readonly endOffsets: ReadonlyMap<string, number> }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }

export type FromWorker =
  | { readonly kind: 'snapshot'; readonly snapshot: ThreadSnapshot }
  | {
      readonly kind: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly fields: LogFields
      readonly message: string
    }
  | { readonly kind: 'answers'; readonly id: number; readonly answers: Answers[keyof Answers] }
  | { readonly kind: 'unanswered'; readonly id: number; readonly error: PlainError }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: PlainError }

/** An error that survives cloning. */
export interface PlainError {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
  readonly where: string | undefined
  readonly context: ErrorContext
  readonly retriable: boolean
  readonly stack: string | undefined
}

export function plainError(error: unknown): PlainError {
  const stack = error instanceof Error ? error.stack : undefined
  if (!isMillraceError(error)) {
    const common = { hint: undefined, where: undefined, context: {}, retriable: false, stack }
    return { code: 'MR_TASK_FAILED', message: messageOf(error), ...common }
  }
  const { code, message, hint, where, context, retriable } = error
  return { code, message, hint, where, context, retriable, stack }
}

export function revivedError(plain: PlainError): MillraceError {
  const { hint, where, context, retriable } = plain
  const error = new MillraceError(plain.code, plain.message, {
    context,
    retriable,
    ...(hint === undefined ? {} : { hint }),
    ...(where === undefined ? {} : { where }),
  })
  if (plain.stack !== undefined) error.stack = plain.stack
  return error
}
